"""What disagrees is kept once while it does, the watermark only rises, and our book of a payment is complete."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from activities.reconciliation import SOURCE, ReconciliationActivities
from domain.books import Drift, OrderCalled, OurBook, RecordDrifts
from domain.ids import drift_id, operation_key
from domain.payments import RefundFailed, RefundMade
from domain.refusals import Refusal, RefusalCode
from domain.states import OperationKind, OperationState, PaymentState
from gateways.accounts import stripe_of
from models import books, payments, reconciliation, refunds
from settings import Settings
from tests.models.kit import APP, TOTAL, Server, Shop, at_once

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = Drift("refunds agree", "re_1", "no such refund", "succeeded of 500", "pi_1", "pay_1")
TWO = Drift("ledger and balance agree", "pi_2 EUR", "11500", "11000", "pi_2", "pay_2")


async def advance(shop: Shop, to: datetime, source: str = "stripe") -> None:
    """Compared up to there."""
    async with shop.transaction() as session:
        await reconciliation.advance(session, shop.tenant, source, to)


async def mark(shop: Shop, source: str = "stripe") -> datetime | None:
    """Compared up to where?"""
    async with shop.transaction() as session:
        return await reconciliation.watermark(session, source)


async def keep(shop: Shop, *drifts: Drift) -> set[str]:
    """What a comparison has found; whose books began or ceased to disagree."""
    async with shop.transaction() as session:
        return await reconciliation.record(session, shop.tenant, list(drifts))


async def opened(shop: Shop) -> list[str]:
    """Subjects of what disagrees at present."""
    async with shop.transaction() as session:
        return [row.subject for row in await reconciliation.open_drifts(session)]


def drifts(shop: Shop) -> list[tuple[datetime, datetime, datetime | None]]:
    """When each was seen first and last, and resolved."""
    rows = shop.rows("SELECT first_seen_at, last_seen_at, resolved_at FROM drifts ORDER BY first_seen_at")
    return [tuple(row) for row in rows]


async def test_before_the_first_comparison_there_is_no_mark(shop: Shop) -> None:
    assert await mark(shop) is None


async def test_the_mark_rises_and_never_goes_back(shop: Shop) -> None:
    for to, stands in ((AT, AT), (AT + HOUR, AT + HOUR), (AT, AT + HOUR), (AT + HOUR, AT + HOUR)):
        await advance(shop, to)
        assert await mark(shop) == stands


async def test_of_ten_that_move_it_at_once_the_furthest_counts(shop: Shop) -> None:
    await at_once(partial(advance, shop, AT + n * HOUR) for n in (3, 9, 1, 7, 5, 2, 8, 4, 6, 0))
    assert await mark(shop) == AT + 9 * HOUR


async def test_each_source_and_each_tenant_has_its_own(server: Server, shop: Shop) -> None:
    await advance(shop, AT)
    await advance(shop, AT + HOUR, "carrier")
    assert (await mark(shop), await mark(shop, "carrier")) == (AT, AT + HOUR)
    assert await mark(server.new_shop()) is None


async def test_what_is_seen_again_is_kept_once_and_is_not_new(shop: Shop) -> None:
    assert await keep(shop, ONE, TWO) == {"pay_1", "pay_2"}
    ((first, _, _), _) = drifts(shop)
    assert await keep(shop, TWO, ONE) == set()
    (one, two) = drifts(shop)
    assert one[0] == two[0] == first
    assert one[1] == two[1] > first
    assert {row.drift_id for row in shop.rows("SELECT drift_id FROM drifts")} == {
        drift_id(shop.tenant, drift.rule, drift.subject) for drift in (ONE, TWO)
    }


async def test_what_is_found_of_it_now_is_what_is_kept(shop: Shop) -> None:
    await keep(shop, ONE)
    await keep(shop, replace(ONE, expected="settling", found="failed of 500"))
    assert shop.rows("SELECT rule, subject, expected, found, intent_id, payment_id FROM drifts") == [
        ("refunds agree", "re_1", "settling", "failed of 500", "pi_1", "pay_1")
    ]


async def test_told_twice_in_one_breath_it_is_one(shop: Shop) -> None:
    assert await keep(shop, ONE, ONE) == {"pay_1"}
    assert len(drifts(shop)) == 1


async def test_what_is_not_seen_any_more_is_resolved_once(shop: Shop) -> None:
    await keep(shop, ONE, TWO)
    assert await keep(shop, TWO) == {"pay_1"}
    assert await opened(shop) == [TWO.subject]
    ((resolved,),) = shop.rows("SELECT resolved_at FROM drifts WHERE subject = 're_1'")
    assert resolved is not None
    await keep(shop)
    assert await opened(shop) == []
    assert shop.rows("SELECT resolved_at FROM drifts WHERE subject = 're_1'") == [(resolved,)]


async def test_what_comes_again_is_open_again_and_new_to_a_person(shop: Shop) -> None:
    await keep(shop, ONE)
    ((first, _, _),) = drifts(shop)
    await keep(shop)
    assert await keep(shop, ONE) == {"pay_1"}
    ((again, last, resolved),) = drifts(shop)
    assert (again, resolved) == (first, None)
    assert last > first
    assert await opened(shop) == [ONE.subject]


async def test_the_oldest_disagreement_is_told_first(shop: Shop) -> None:
    await keep(shop, TWO)
    await keep(shop, ONE, TWO)
    assert await opened(shop) == [TWO.subject, ONE.subject]


async def test_the_comparison_of_one_tenant_resolves_nothing_of_another(server: Server, shop: Shop) -> None:
    await keep(shop, ONE)
    await keep(server.new_shop())
    assert await opened(shop) == [ONE.subject]


@pytest.fixture
async def acts(server: Server) -> AsyncIterator[ReconciliationActivities]:
    """The activities; the provider is not asked by what is tested here."""
    told = {"database_url": server.urls[APP], "stripe_api_key": "sk_test_none"}
    carrier = {"carrier_api_base": "http://127.0.0.1:1", "carrier_api_key": "none"}
    stripe = stripe_of(Settings.model_validate(told | carrier))
    yield ReconciliationActivities(server.database, stripe)
    await stripe.close()


async def test_a_new_disagreement_calls_a_person_to_its_order_and_moves_the_mark(
    shop: Shop, acts: ReconciliationActivities
) -> None:
    payment = await shop.sell()
    drift, nobodys = replace(ONE, payment_id=payment), replace(TWO, payment_id=None)
    called = await acts.record(RecordDrifts(shop.tenant, AT, (drift, nobodys)))
    why = "our books and Stripe's disagree (refunds agree): no such refund here, succeeded of 500 there"
    assert shop.rows("SELECT needs_attention, attention_reason FROM orders") == [(True, why)]
    assert called == [OrderCalled("1001", why)]
    assert await mark(shop, SOURCE) == AT
    shop.run("UPDATE orders SET needs_attention = false, attention_reason = NULL, calls = '{}'")
    assert await acts.record(RecordDrifts(shop.tenant, AT + HOUR, (drift, nobodys))) == []
    assert shop.rows("SELECT needs_attention FROM orders") == [(False,)]
    assert await acts.record(RecordDrifts(shop.tenant, AT, ())) == []
    assert (await opened(shop), await mark(shop, SOURCE)) == ([], AT + HOUR)


async def test_books_that_agree_again_take_the_call_back(shop: Shop, acts: ReconciliationActivities) -> None:
    drift = replace(ONE, payment_id=await shop.sell())
    await acts.record(RecordDrifts(shop.tenant, AT, (drift,)))
    assert await acts.record(RecordDrifts(shop.tenant, AT + HOUR, ())) == [OrderCalled("1001", None)]
    assert shop.rows("SELECT needs_attention, attention_reason FROM orders") == [(False, None)]


async def test_the_tenants_are_all_there_are(server: Server, acts: ReconciliationActivities) -> None:
    mine = {server.new_shop().tenant for _ in range(3)}
    told = await acts.tenants()
    assert mine <= set(told)
    assert told == sorted(told)


async def ours(shop: Shop, *intents: str) -> dict[str, OurBook]:
    """Our books of these intents, or of all."""
    async with shop.transaction() as session:
        return await books.ours(session, intents or None)


async def refund(shop: Shop, payment: str, name: str, *facts: RefundMade | RefundFailed, amount: int = 500) -> str:
    """A refund and what became of it, as far as it is known; its key."""
    async with shop.transaction() as session:
        begun = await refunds.begin(session, await payments.get(session, payment), name, amount, "test")
    for fact in facts:
        async with shop.transaction() as session:
            assert await refunds.record(session, await payments.get(session, payment), name, fact)
    return begun.idempotency_key


def intent_of(shop: Shop, payment: str) -> str:
    """The payment's intent."""
    ((intent,),) = shop.rows("SELECT intent_id FROM payments WHERE payment_id = :p", p=payment)
    return str(intent)


async def test_our_book_of_an_authorized_payment(shop: Shop) -> None:
    checkout = await shop.open(shop.new_sku())
    assert await ours(shop) == {}
    await shop.place(checkout)
    book = OurBook(shop.payment_of(checkout), f"pi_{checkout}", PaymentState.AUTHORIZED, TOTAL, 0)
    assert await ours(shop) == {f"pi_{checkout}": book}


async def test_our_book_of_a_captured_payment_with_its_fee_and_refunds(shop: Shop) -> None:
    payment = await shop.sell(TOTAL - 1_000, fee=300)
    bounced = RefundFailed(Refusal(RefusalCode.REFUND_FAILED, "No."), "re_2")
    await refund(shop, payment, "r1", RefundMade("re_1", 500, transaction_id="txn_1"))
    await refund(shop, payment, "r2", RefundMade("re_2", 500, transaction_id="txn_2"), bounced)
    await refund(shop, payment, "r3", RefundMade("re_3", 500, settling=True))
    failed = await refund(shop, payment, "r4", RefundFailed(Refusal(RefusalCode.REFUND_FAILED, "No.")))
    (book,) = (await ours(shop)).values()
    assert (book.payment_id, book.state) == (payment, PaymentState.CAPTURED)
    assert (book.authorized_minor, book.captured_minor) == (TOTAL, TOTAL - 1_000)
    assert book.refunds == {
        "re_1": OperationState.SUCCEEDED,
        "re_2": OperationState.REVERSED,
        "re_3": OperationState.SETTLING,
        failed: OperationState.FAILED,
    }
    assert book.receivable == {"EUR": TOTAL - 1_000 - 300 - 500}
    assert not book.settling


async def test_a_refund_that_is_out_is_known_by_its_key_and_its_payment_is_in_the_middle_of_something(
    shop: Shop,
) -> None:
    payment = await shop.sell()
    key = await refund(shop, payment, "r1")
    (book,) = (await ours(shop)).values()
    assert key == operation_key(shop.tenant, payment, OperationKind.REFUND, 1)
    assert book.refunds == {key: OperationState.PENDING}
    assert book.settling


async def test_what_is_being_paid_is_in_the_middle_of_something_too(shop: Shop) -> None:
    checkout = await shop.open(shop.new_sku())
    shop.run("UPDATE payments SET intent_id = 'pi_1'")
    assert (await ours(shop))["pi_1"].settling
    await shop.give_up(checkout)
    assert not (await ours(shop))["pi_1"].settling


async def test_balances_are_told_by_currency_and_what_comes_to_nothing_is_not(shop: Shop) -> None:
    payment = await shop.sell()
    shop.run(
        "INSERT INTO ledger_postings (tenant_id, posting_id, payment_id, kind, currency)"
        " SELECT tenant_id, 'fee/usd', payment_id, 'fee', 'USD' FROM payments",
        "INSERT INTO ledger_entries (tenant_id, posting_id, account, amount_minor)"
        " VALUES (current_tenant(), 'fee/usd', 'fees', 40), (current_tenant(), 'fee/usd', 'receivable', -40)",
    )
    intent = intent_of(shop, payment)
    assert (await ours(shop))[intent].receivable == {"EUR": TOTAL, "USD": -40}
    await refund(shop, payment, "r1", RefundMade("re_1", TOTAL, transaction_id="txn_1"), amount=TOTAL)
    assert (await ours(shop))[intent].receivable == {"USD": -40}


async def test_of_selected_intents_the_same_is_told_as_of_all(server: Server, shop: Shop) -> None:
    sold = [await shop.sell(fee=100) for _ in range(3)]
    for payment in sold[:2]:
        await refund(shop, payment, f"r {payment}", RefundMade(f"re_{payment}", 500, transaction_id="txn"))
    every = await ours(shop)
    assert {book.payment_id for book in every.values()} == set(sold)
    first, second, third = (intent_of(shop, payment) for payment in sold)
    assert await ours(shop, first, third) == {one: every[one] for one in (first, third)}
    assert await ours(shop, second, "pi_unknown") == {second: every[second]}
    assert await ours(shop, "pi_unknown") == {}
    async with shop.transaction() as session:
        assert await books.ours(session, []) == {}
    assert await ours(server.new_shop(), first) == {}
