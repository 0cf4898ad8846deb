"""The journal around a call: begun before it leaves, the same when asked again, its outcome written down once."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from activities.checkouts import CheckoutActivities
from activities.journal import JournalActivities
from domain.checkouts import CloseCheckout, GivenBack
from domain.ids import operation_key
from domain.journal import (
    BeginCapture,
    BeginReauthorization,
    BeginRefund,
    BeginVoid,
    FinishVoid,
    Reauthorization,
    RecordLapse,
    RecordReauthorization,
    RecordRefund,
    RefundBegun,
    Renew,
)
from domain.payments import (
    AuthorizePayment,
    CapturePayment,
    KeySpent,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentMode,
    RefundFailed,
    RefundMade,
    SavedCard,
)
from domain.refusals import Refusal, RefusalCode
from domain.states import CheckoutState, OperationKind, OperationState
from models import audit, payments
from models.base import RowMissing
from models.payments import OperationUnderWay
from tests.models.kit import TOTAL, Server, Shop, soon

CARD = SavedCard("cus_1", "pm_1")
HELD = PaymentAuthorized("pi_1", TOTAL, soon(), "visa 4242", saved=CARD)
ANEW = PaymentAuthorized("pi_2", TOTAL, soon(), "visa 4242")
BOUNCED = RefundFailed(Refusal(RefusalCode.REFUND_FAILED, "The account is closed."), "re_1")
REFUSED = Refusal(RefusalCode.CARD_DECLINED, "The card was declined.")
PART = 4_000


@pytest.fixture
def acts(server: Server) -> JournalActivities:
    """As the worker has it."""
    return JournalActivities(server.database)


@pytest.fixture
async def audited(shop: Shop) -> AsyncIterator[None]:
    """In the end the auditor finds the books right."""
    yield
    async with shop.transaction() as session:
        assert await audit.audit(session) == []


async def capturing(acts: JournalActivities, asked: BeginCapture) -> CapturePayment:
    """The call to make; there is one."""
    call = await acts.begin_capture(asked)
    assert call is not None
    return call


async def held(shop: Shop, fact: PaymentAuthorized = HELD) -> str:
    """The payment of an order that was placed on this."""
    checkout = await shop.open(shop.new_sku())
    await shop.place(checkout, fact)
    return shop.payment_of(checkout)


async def captured(shop: Shop, payment: str, amount: int, *, final: bool = True) -> None:
    """So much of it is taken by now."""
    async with shop.transaction() as session:
        row = await payments.get(session, payment)
        await payments.mark_captured(session, row, PaymentCaptured(row.intent_id or "", amount, "ch_1", final))


def key(shop: Shop, payment: str, kind: OperationKind, number: int) -> str:
    """The key of the n-th operation of a kind."""
    return operation_key(shop.tenant, payment, kind, number)


def journal(shop: Shop, kind: OperationKind) -> list[tuple[str, str, int, str | None]]:
    """Purpose, state, amount and error of every operation of a kind."""
    query = (
        "SELECT reference, state, amount_minor, error_code FROM payment_operations WHERE kind = :k ORDER BY sequence"
    )
    return [tuple(row) for row in shop.rows(query, k=kind.value)]


def told(shop: Shop) -> list[str]:
    """The timeline's newest entries: what has happened since the order was placed."""
    types = [kind for (kind,) in shop.rows("SELECT type FROM events ORDER BY event_id")]
    return types[types.index("order.placed") + 1 :]


def column(shop: Shop, name: str) -> object:
    """Of the one payment."""
    ((value,),) = shop.rows(f"SELECT {name} FROM payments")
    return value


CAPTURE, VOID, REFUND = OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND
AUTHORIZE = OperationKind.AUTHORIZE


async def test_a_capture_is_of_all_that_is_held(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    call = await capturing(acts, BeginCapture(shop.tenant, payment, "shp_1"))
    assert (call.tenant, call.payment_id, call.intent_id) == (shop.tenant, payment, "pi_1")
    assert (call.amount_minor, call.final, call.before_minor) == (TOTAL, True, 0)
    assert call.idempotency_key == key(shop, payment, CAPTURE, 1)
    assert shop.rows("SELECT created_at FROM payment_operations WHERE kind = 'capture'") == [(call.begun_at,)]
    assert journal(shop, CAPTURE) == [("shp_1", "pending", TOTAL, None)]
    assert await acts.begin_capture(BeginCapture(shop.tenant, payment, "shp_1")) == call


async def test_a_part_is_the_last_one_unless_the_card_takes_several(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    call = await capturing(acts, BeginCapture(shop.tenant, payment, "shp_1", PART, final=False))
    assert (call.amount_minor, call.final) == (PART, True)


async def test_parcel_by_parcel_where_the_card_takes_several(
    shop: Shop, acts: JournalActivities, audited: None
) -> None:
    payment = await held(shop, replace(HELD, multicapture=True))
    first = await capturing(acts, BeginCapture(shop.tenant, payment, "shp_1", PART, final=False))
    assert (first.amount_minor, first.final, first.before_minor) == (PART, False, 0)
    with pytest.raises(OperationUnderWay):
        await acts.begin_capture(BeginCapture(shop.tenant, payment, "shp_2"))
    await captured(shop, payment, PART, final=False)
    assert (column(shop, "state"), column(shop, "captured_minor")) == ("authorized", PART)
    second = await capturing(acts, BeginCapture(shop.tenant, payment, "shp_2"))
    assert (second.amount_minor, second.final, second.before_minor) == (TOTAL - PART, True, PART)
    assert second.idempotency_key == key(shop, payment, CAPTURE, 2)
    await captured(shop, payment, TOTAL)
    assert (column(shop, "state"), column(shop, "captured_minor")) == ("captured", TOTAL)
    assert journal(shop, CAPTURE) == [
        ("shp_1", "succeeded", PART, None),
        ("shp_2", "succeeded", TOTAL - PART, None),
    ]
    assert shop.ledger() == {"receivable": TOTAL, "captured": -TOTAL}


async def test_what_is_not_held_cannot_be_captured(shop: Shop, acts: JournalActivities) -> None:
    checkout = await shop.open(shop.new_sku())
    with pytest.raises(RowMissing, match="has no authorization"):
        await acts.begin_capture(BeginCapture(shop.tenant, shop.payment_of(checkout), "shp_1"))
    with pytest.raises(RowMissing, match="no payment pay_nobody"):
        await acts.begin_capture(BeginCapture(shop.tenant, "pay_nobody", "shp_1"))
    assert journal(shop, CAPTURE) == []


async def test_a_void_is_of_the_payments_own_intent(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    call = await acts.begin_void(BeginVoid(shop.tenant, payment))
    assert (call.intent_id, call.idempotency_key) == ("pi_1", key(shop, payment, VOID, 1))
    assert call.begun_at is not None
    assert journal(shop, VOID) == [("void", "pending", TOTAL, None)]
    assert await acts.begin_void(BeginVoid(shop.tenant, payment)) == call
    with pytest.raises(OperationUnderWay, match="void of payment"):
        await acts.begin_capture(BeginCapture(shop.tenant, payment, "shp_1"))


async def test_the_void_of_a_replaced_one_leaves_the_payment_as_it_is(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    call = await acts.begin_void(BeginVoid(shop.tenant, payment, "pi_0"))
    assert call.intent_id == "pi_0"
    await acts.finish_void(FinishVoid(shop.tenant, payment, "pi_another"))
    assert journal(shop, VOID) == [("void pi_0", "pending", TOTAL, None)]
    for _ in range(2):
        await acts.finish_void(FinishVoid(shop.tenant, payment, "pi_0"))
        assert journal(shop, VOID) == [("void pi_0", "succeeded", TOTAL, None)]
    assert (column(shop, "state"), column(shop, "intent_id")) == ("authorized", "pi_1")
    assert (await acts.begin_void(BeginVoid(shop.tenant, payment))).intent_id == "pi_1"


async def test_a_spent_key_of_a_capture_or_a_void_is_followed_by_a_new_one(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    for number in (1, 2, 3):
        call = await capturing(acts, BeginCapture(shop.tenant, payment, "shp_1", PART))
        assert (call.idempotency_key, call.amount_minor) == (key(shop, payment, CAPTURE, number), PART)
        for _ in range(2):
            await acts.renew(Renew(shop.tenant, payment, call.idempotency_key, "Stripe saved a 500"))
    assert journal(shop, CAPTURE) == [("shp_1", "failed", PART, "key_spent")] * 3
    await acts.begin_void(BeginVoid(shop.tenant, payment))
    await acts.renew(Renew(shop.tenant, payment, key(shop, payment, CAPTURE, 3), "said twice, much later"))
    assert journal(shop, VOID) == [("void", "pending", TOTAL, None)]
    await acts.renew(Renew(shop.tenant, payment, key(shop, payment, VOID, 1), "Stripe saved a 500"))
    again = await acts.begin_void(BeginVoid(shop.tenant, payment))
    assert again.idempotency_key == key(shop, payment, VOID, 2)


def refund(shop: Shop, payment: str, amount: int | None = PART, name: str = "r1") -> BeginRefund:
    """Ada wants so much back."""
    return BeginRefund(shop.tenant, payment, name, amount, "too small", "Ada")


async def test_a_spent_key_of_a_refund_frees_its_amount(shop: Shop, acts: JournalActivities, audited: None) -> None:
    payment = await shop.sell()
    for number in (1, 2):
        begun = await acts.begin_refund(refund(shop, payment, TOTAL))
        assert begun.call is not None
        assert (begun.call.idempotency_key, begun.call.amount_minor) == (key(shop, payment, REFUND, number), TOTAL)
        assert column(shop, "refunded_minor") == TOTAL
        for _ in range(2):
            await acts.renew(Renew(shop.tenant, payment, begun.call.idempotency_key, "older than 23 hours"))
            assert column(shop, "refunded_minor") == 0
    assert journal(shop, REFUND) == [("r1", "failed", TOTAL, "key_spent")] * 2


async def test_a_renewal_told_again_leaves_the_new_operation_alone(shop: Shop, acts: JournalActivities) -> None:
    payment = await shop.sell()
    for _ in range(2):  # a workflow was reset to before the renewal
        await acts.begin_refund(refund(shop, payment))
        await acts.renew(Renew(shop.tenant, payment, key(shop, payment, REFUND, 1), "Stripe saved a 500"))
    begun = await acts.begin_refund(refund(shop, payment))
    assert begun.call is not None
    assert begun.call.idempotency_key == key(shop, payment, REFUND, 2)
    assert column(shop, "refunded_minor") == PART


async def opened(shop: Shop) -> AuthorizePayment:
    """The call of a checkout's authorization, as its workflow has it."""
    checkout = await shop.open(shop.new_sku())
    payment = shop.payment_of(checkout)
    return AuthorizePayment(
        shop.tenant, payment, checkout, key(shop, payment, AUTHORIZE, 1), TOTAL, "EUR", PaymentMode.SERVER,
        "pm_card_visa", "https://shop.example/back", "cus_ada", save_card=True,
    )  # fmt: skip


async def test_an_authorization_is_renewed_once_however_often_that_is_asked(
    shop: Shop, acts: JournalActivities
) -> None:
    asked = await opened(shop)
    for _ in range(3):
        call = await acts.renew_authorization(asked)
        assert call.idempotency_key == key(shop, asked.payment_id, AUTHORIZE, 2)
        assert replace(call, idempotency_key=asked.idempotency_key, begun_at=asked.begun_at) == asked
    assert shop.rows("SELECT created_at FROM payment_operations WHERE sequence = 2") == [(call.begun_at,)]
    third = await acts.renew_authorization(call)
    assert third.idempotency_key == key(shop, asked.payment_id, AUTHORIZE, 3)
    assert journal(shop, AUTHORIZE) == [
        ("checkout", "failed", TOTAL, "key_spent"),
        ("checkout", "failed", TOTAL, "key_spent"),
        ("checkout", "pending", TOTAL, None),
    ]


async def test_a_refund_is_begun_and_told_how_it_stands(shop: Shop, acts: JournalActivities, audited: None) -> None:
    payment = await shop.sell()
    begun = await acts.begin_refund(refund(shop, payment))
    assert begun.call is not None
    assert (begun.call.refund_id, begun.call.amount_minor) == ("r1", PART)
    assert begun.call.intent_id == column(shop, "intent_id")
    assert begun == RefundBegun(begun.call, OperationState.PENDING)
    assert await acts.begin_refund(refund(shop, payment, 1)) == begun
    assert shop.rows("SELECT note FROM payment_operations WHERE kind = 'refund'") == [("Ada: too small",)]
    await acts.record_refund(RecordRefund(shop.tenant, payment, "r1", RefundMade("re_1", PART, settling=True)))
    assert await acts.begin_refund(refund(shop, payment)) == RefundBegun(begun.call, OperationState.SETTLING, "re_1")


async def test_a_refund_that_cannot_be_is_refused_with_the_reason(
    shop: Shop, acts: JournalActivities, audited: None
) -> None:
    payment = await shop.sell()
    answer = await acts.begin_refund(refund(shop, payment, TOTAL + 1))
    assert answer.call is None
    assert answer.refusal is not None
    assert answer.refusal.code is RefusalCode.REFUND_EXCEEDS_CAPTURED
    assert answer.refusal.message == "€115.01 cannot be refunded: €115.00 of €115.00 captured is left."
    assert journal(shop, REFUND) == []


async def test_what_was_to_be_voided_and_had_been_captured_goes_back(
    shop: Shop, acts: JournalActivities, audited: None
) -> None:
    """A checkout that is given up: its authorization was never written down, and the money had been taken at once."""
    checkout = await shop.open(shop.new_sku())
    payment = shop.payment_of(checkout)
    await acts.begin_void(BeginVoid(shop.tenant, payment))
    asked = replace(refund(shop, payment, None), captured=PaymentCaptured("pi_1", TOTAL, "ch_1"))
    begun = await acts.begin_refund(asked)
    assert begun.call is not None
    assert (begun.call.intent_id, begun.call.amount_minor) == ("pi_1", TOTAL)
    assert await acts.begin_refund(asked) == begun
    assert journal(shop, VOID) == [("void", "failed", 0, "captured")]
    await acts.record_refund(RecordRefund(shop.tenant, payment, "r1", RefundMade("re_1", TOTAL)))
    why = Refusal(RefusalCode.CANCELLED_BY_SHOPPER, "Cancelled.")
    close = CloseCheckout(shop.tenant, checkout, CheckoutState.CANCELLED, why, "pi_1", GivenBack.REFUNDED)
    await CheckoutActivities(shop.server.database).close(close)
    assert (column(shop, "state"), column(shop, "authorized_minor")) == ("refunded", TOTAL)
    assert journal(shop, AUTHORIZE) == [("checkout", "succeeded", TOTAL, None)]
    assert shop.ledger() == {"captured": -TOTAL, "refunded": TOTAL}


async def test_what_became_of_a_refund_is_written_and_told_once(
    shop: Shop, acts: JournalActivities, audited: None
) -> None:
    payment = await shop.sell()
    await acts.begin_refund(refund(shop, payment, TOTAL))
    made = RefundMade("re_1", TOTAL, transaction_id="txn_1")
    for fact in (replace(made, settling=True), made, BOUNCED):
        for _ in range(2):
            await acts.record_refund(RecordRefund(shop.tenant, payment, "r1", fact))
    assert told(shop) == ["payment.refund_settling", "payment.refunded", "payment.refund_failed"]
    assert journal(shop, REFUND) == [("r1", "reversed", TOTAL, "refund_failed")]
    assert (column(shop, "state"), column(shop, "refunded_minor")) == ("captured", 0)
    assert shop.ledger() == {"receivable": TOTAL, "captured": -TOTAL}


async def test_while_more_is_to_be_captured_a_refund_of_all_that_was_leaves_it_authorized(
    shop: Shop, acts: JournalActivities
) -> None:
    """One of two parcels is lost and paid back, the other has not left."""
    payment = await held(shop, replace(HELD, multicapture=True))
    await captured(shop, payment, PART, final=False)
    for _ in range(2):
        await acts.begin_refund(refund(shop, payment, PART))
        made = RefundMade("re_1", PART, transaction_id="txn_1")
        await acts.record_refund(RecordRefund(shop.tenant, payment, "r1", made))
        assert (column(shop, "state"), column(shop, "refunded_minor")) == ("authorized", PART)
    await captured(shop, payment, TOTAL, final=True)
    assert (column(shop, "state"), column(shop, "refunded_minor")) == ("captured", PART)


@pytest.mark.parametrize("before", [True, False], ids=["then it lapses", "it has lapsed"])
async def test_when_the_rest_has_lapsed_and_all_that_was_captured_is_paid_back_it_is_refunded(
    shop: Shop, acts: JournalActivities, before: bool
) -> None:
    payment = await held(shop, replace(HELD, multicapture=True))
    await captured(shop, payment, PART, final=False)
    lapse = RecordLapse(shop.tenant, payment, "pi_1", PART)
    if not before:
        assert await acts.record_lapse(lapse)
        assert column(shop, "state") == "captured"
    await acts.begin_refund(refund(shop, payment, PART))
    await acts.record_refund(RecordRefund(shop.tenant, payment, "r1", RefundMade("re_1", PART, transaction_id="t")))
    if before:
        assert await acts.record_lapse(lapse)
    assert (column(shop, "state"), column(shop, "refunded_minor")) == ("refunded", PART)


async def test_a_spent_key_is_no_outcome(shop: Shop, acts: JournalActivities) -> None:
    payment = await shop.sell()
    await acts.begin_refund(refund(shop, payment))
    with pytest.raises(TypeError, match="renewed, not recorded"):
        await acts.record_refund(RecordRefund(shop.tenant, payment, "r1", KeySpent("why")))


async def begin_anew(shop: Shop, acts: JournalActivities, payment: str) -> Reauthorization | None:
    """Ask for a new authorization."""
    return await acts.begin_reauthorization(BeginReauthorization(shop.tenant, payment))


@pytest.mark.parametrize("state", ["authorized", "lapsed"])
async def test_a_new_authorization_is_asked_of_the_saved_card(shop: Shop, acts: JournalActivities, state: str) -> None:
    payment = await held(shop)
    shop.run(f"UPDATE payments SET state = '{state}'")
    anew = await begin_anew(shop, acts, payment)
    assert anew is not None
    call = anew.call
    assert call is not None
    assert anew.replaces == "pi_1"
    assert (call.provider_customer, call.payment_method) == (CARD.customer, CARD.payment_method)
    assert (call.mode, call.off_session, call.return_url) == (PaymentMode.SERVER, True, None)
    assert (call.amount_minor, call.currency, call.customer_id) == (TOTAL, "EUR", "cus_ada")
    assert call.idempotency_key == key(shop, payment, AUTHORIZE, 2)
    assert journal(shop, AUTHORIZE)[1:] == [("after pi_1", "pending", TOTAL, None)]
    assert await begin_anew(shop, acts, payment) == anew
    with pytest.raises(OperationUnderWay, match="authorize of payment"):
        await acts.begin_capture(BeginCapture(shop.tenant, payment, "shp_1"))


async def test_without_a_saved_card_there_is_none_to_ask(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop, replace(HELD, saved=None))
    assert await begin_anew(shop, acts, payment) == Reauthorization(None, "pi_1")
    assert len(journal(shop, AUTHORIZE)) == 1


async def test_once_it_is_captured_nothing_is_asked(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop, replace(HELD, multicapture=True))
    await captured(shop, payment, TOTAL, final=True)
    assert await begin_anew(shop, acts, payment) is None


async def test_once_it_is_captured_in_part_nothing_is_asked_and_a_person_may_be_told(
    shop: Shop, acts: JournalActivities
) -> None:
    payment = await held(shop, replace(HELD, multicapture=True))
    await captured(shop, payment, PART, final=False)
    assert await begin_anew(shop, acts, payment) == Reauthorization(None, "pi_1", partly_captured=True)
    assert len(journal(shop, AUTHORIZE)) == 1


async def test_nor_once_it_was_given_back_nor_before_it_was_held(shop: Shop, acts: JournalActivities) -> None:
    checkout = await shop.open(shop.new_sku())
    assert await begin_anew(shop, acts, shop.payment_of(checkout)) is None
    await shop.give_up(checkout)
    assert await begin_anew(shop, acts, shop.payment_of(checkout)) is None


@pytest.mark.parametrize("state", ["authorized", "lapsed"])
async def test_the_new_authorization_replaces_the_old_one(
    shop: Shop, acts: JournalActivities, state: str, audited: None
) -> None:
    payment = await held(shop)
    shop.run(f"UPDATE payments SET state = '{state}'")
    await begin_anew(shop, acts, payment)
    later = replace(ANEW, capture_before=soon())
    for _ in range(2):
        await acts.record_reauthorization(RecordReauthorization(shop.tenant, payment, later))
    assert (column(shop, "state"), column(shop, "intent_id")) == ("authorized", "pi_2")
    assert column(shop, "capture_before") == later.capture_before
    assert (column(shop, "saved_customer"), column(shop, "saved_method")) == (CARD.customer, CARD.payment_method)
    assert journal(shop, AUTHORIZE)[1:] == [("after pi_1", "succeeded", TOTAL, None)]
    assert told(shop) == ["payment.reauthorized"]
    call = await capturing(acts, BeginCapture(shop.tenant, payment, "shp_1"))
    assert call.intent_id == "pi_2"


async def test_each_new_one_may_be_replaced_in_turn(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    for number in (2, 3, 4):
        anew = await begin_anew(shop, acts, payment)
        assert anew is not None
        assert anew.replaces == f"pi_{number - 1}"
        fact = replace(ANEW, intent_id=f"pi_{number}")
        await acts.record_reauthorization(RecordReauthorization(shop.tenant, payment, fact))
    assert [purpose for purpose, *_ in journal(shop, AUTHORIZE)] == [
        "checkout",
        "after pi_1",
        "after pi_2",
        "after pi_3",
    ]


async def test_of_two_parcels_that_watch_one_hold_only_the_first_renews_it(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    watched = BeginReauthorization(shop.tenant, payment, "pi_1")
    first, at_once = await acts.begin_reauthorization(watched), await acts.begin_reauthorization(watched)
    assert first is not None
    assert first.call is not None
    assert at_once == first
    later = replace(ANEW, capture_before=soon())
    await acts.record_reauthorization(RecordReauthorization(shop.tenant, payment, later))
    second = await acts.begin_reauthorization(watched)
    assert second is not None
    assert second.renewed == PaymentAuthorized("pi_2", TOTAL, later.capture_before)
    assert (second.call, len(journal(shop, AUTHORIZE))) == (None, 2)


async def test_refused_it_is_told_once_and_may_be_asked_for_again_under_a_new_key(
    shop: Shop, acts: JournalActivities, audited: None
) -> None:
    payment = await held(shop)
    await begin_anew(shop, acts, payment)
    for _ in range(2):
        await acts.record_reauthorization(RecordReauthorization(shop.tenant, payment, None, REFUSED))
    assert told(shop) == ["payment.reauthorization_refused"]
    assert journal(shop, AUTHORIZE)[1:] == [("after pi_1", "failed", TOTAL, "card_declined")]
    assert (column(shop, "state"), column(shop, "intent_id")) == ("authorized", "pi_1")
    anew = await begin_anew(shop, acts, payment)
    assert anew is not None
    assert anew.call is not None
    assert anew.call.idempotency_key == key(shop, payment, AUTHORIZE, 3)


async def test_a_spent_key_of_a_new_authorization_is_followed_by_another(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    await begin_anew(shop, acts, payment)
    await acts.renew(Renew(shop.tenant, payment, key(shop, payment, AUTHORIZE, 2), "Stripe saved a 500"))
    anew = await begin_anew(shop, acts, payment)
    assert anew is not None
    assert anew.call is not None
    assert anew.call.idempotency_key == key(shop, payment, AUTHORIZE, 3)
    assert journal(shop, AUTHORIZE)[1:] == [
        ("after pi_1", "failed", TOTAL, "key_spent"),
        ("after pi_1", "pending", TOTAL, None),
    ]


async def test_a_lapse_is_written_down_once(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    lapse = RecordLapse(shop.tenant, payment, "pi_1")
    assert [await acts.record_lapse(lapse) for _ in range(3)] == [True, False, False]
    assert column(shop, "state") == "lapsed"
    assert told(shop) == ["payment.lapsed"]


async def test_the_lapse_of_one_that_was_replaced_is_no_news(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    await begin_anew(shop, acts, payment)
    await acts.record_reauthorization(RecordReauthorization(shop.tenant, payment, ANEW))
    assert not await acts.record_lapse(RecordLapse(shop.tenant, payment, "pi_1"))
    assert column(shop, "state") == "authorized"
    assert await acts.record_lapse(RecordLapse(shop.tenant, payment, "pi_2"))
    assert column(shop, "state") == "lapsed"


async def test_nor_is_that_of_one_that_was_captured(shop: Shop, acts: JournalActivities) -> None:
    payment = await held(shop)
    await captured(shop, payment, TOTAL)
    assert not await acts.record_lapse(RecordLapse(shop.tenant, payment, "pi_1"))
    assert (column(shop, "state"), told(shop)) == ("captured", [])
