"""The journal of payment operations: one under way at a time, one key an operation, and amounts that cannot lie."""

import asyncio
from functools import partial

import pytest

from domain.ids import operation_key, payment_id
from domain.payments import PaymentAuthorized, PaymentCaptured
from domain.states import OperationKind, OperationState, PaymentState
from models import payments
from models.base import RowMissing
from models.payments import CHECKOUT, OperationUnderWay, PaymentOperation
from tests.models.kit import TOTAL, Shop, at_once, soon

AUTHORIZE, CAPTURE, VOID = OperationKind.AUTHORIZE, OperationKind.CAPTURE, OperationKind.VOID
ONE_PENDING = "23505/uq_payment_operations_pending"

_NEW = (
    "INSERT INTO payment_operations (tenant_id, payment_id, kind, sequence, reference, idempotency_key, amount_minor,"
    " state) VALUES (current_tenant(), :p, :kind, :n, :reference, :key, 1, 'pending')"
)


@pytest.fixture
async def payment(shop: Shop) -> str:
    """The payment of an open checkout: its authorization is journaled and pending."""
    return payment_id(shop.tenant, await shop.open(shop.new_sku()))


async def begin(
    shop: Shop, payment: str, kind: OperationKind, amount: int = TOTAL, *, reference: str = "shp_1"
) -> PaymentOperation:
    """Journal an operation in a transaction of its own."""
    async with shop.transaction() as session:
        return await payments.begin(session, await payments.get(session, payment), kind, reference, amount)


def by_hand(
    shop: Shop, payment: str, kind: str, number: int, reference: str = "another", *, key: str = "by hand"
) -> str:
    """Why the database refuses an operation that is written by hand."""
    return shop.refusal(_NEW, p=payment, kind=kind, n=number, reference=reference, key=key)


async def finish(
    shop: Shop, payment: str, kind: OperationKind, error: str | None = None, *, reference: str | None = None
) -> str | None:
    """Write its outcome down."""
    async with shop.transaction() as session:
        return await payments.finish(session, payment, kind, reference=reference, provider_id="pi_1", error_code=error)


def journal(shop: Shop) -> list[tuple[str, int, str, str | None]]:
    """Kind, sequence, state and error of every operation."""
    rows = shop.rows("SELECT kind, sequence, state, error_code FROM payment_operations ORDER BY created_at, sequence")
    return [tuple(row) for row in rows]


async def test_an_opened_checkout_has_its_authorization_journaled(shop: Shop, payment: str) -> None:
    assert journal(shop) == [("authorize", 1, "pending", None)]
    assert shop.rows("SELECT idempotency_key, reference, amount_minor FROM payment_operations") == [
        (operation_key(shop.tenant, payment, "authorize", 1), CHECKOUT, TOTAL)
    ]


@pytest.mark.parametrize("state", [OperationState.PENDING, OperationState.SUCCEEDED])
async def test_a_repeat_finds_the_same_operation(shop: Shop, payment: str, state: OperationState) -> None:
    first = await begin(shop, payment, CAPTURE)
    if state is OperationState.SUCCEEDED:
        await finish(shop, payment, CAPTURE)
    again = await begin(shop, payment, CAPTURE, 1)
    assert (again.sequence, again.idempotency_key, again.amount_minor) == (1, first.idempotency_key, TOTAL)
    assert again.state is state
    assert len(journal(shop)) == 2


async def test_after_a_failure_comes_a_new_operation_under_a_new_key(shop: Shop, payment: str) -> None:
    keys = []
    for _ in range(3):
        keys.append((await begin(shop, payment, CAPTURE)).idempotency_key)
        await finish(shop, payment, CAPTURE, "card_declined")
    assert keys == [operation_key(shop.tenant, payment, "capture", n) for n in (1, 2, 3)]
    assert journal(shop)[1:] == [("capture", n, "failed", "card_declined") for n in (1, 2, 3)]


async def test_begun_by_ten_at_once_it_is_one_operation(shop: Shop, payment: str) -> None:
    begun = await at_once([partial(begin, shop, payment, CAPTURE)] * 10)
    assert {one.idempotency_key for one in begun} == {operation_key(shop.tenant, payment, "capture", 1)}
    assert len(journal(shop)) == 2


async def test_who_begins_second_waits_and_finds_what_the_first_wrote(shop: Shop, payment: str) -> None:
    async with shop.transaction() as session:
        row = await payments.get(session, payment)
        second = asyncio.create_task(begin(shop, payment, CAPTURE, 1))
        await shop.server.someone_waits()
        first = await payments.begin(session, row, CAPTURE, "shp_1", TOTAL)
    assert ((await second).idempotency_key, (await second).amount_minor) == (first.idempotency_key, TOTAL)


async def test_a_capture_and_a_void_are_never_both_under_way(shop: Shop, payment: str) -> None:
    await begin(shop, payment, CAPTURE)
    with pytest.raises(OperationUnderWay, match=f"capture of payment {payment} is under way"):
        await begin(shop, payment, VOID)
    for kind, number in (("void", 1), ("capture", 2), ("refund", 1), ("authorize", 2)):
        assert by_hand(shop, payment, kind, number) == ONE_PENDING
    await finish(shop, payment, CAPTURE, "expired")
    await begin(shop, payment, VOID)
    assert journal(shop)[1:] == [("capture", 1, "failed", "expired"), ("void", 1, "pending", None)]


async def test_a_void_may_begin_while_the_authorization_is_unknown_and_settles_it(shop: Shop, payment: str) -> None:
    await begin(shop, payment, VOID, 0)
    async with shop.transaction() as session:
        row = await payments.get(session, payment)
        await payments.mark_voided(session, row, None)
    assert journal(shop) == [("authorize", 1, "failed", "voided"), ("void", 1, "succeeded", None)]
    assert shop.rows("SELECT state FROM payments") == [("voided",)]


async def test_no_key_is_used_twice_nor_an_operation_written_twice(shop: Shop, payment: str) -> None:
    taken = operation_key(shop.tenant, payment, "authorize", 1)
    assert by_hand(shop, payment, "capture", 1, key=taken).startswith("23505/uq_payment_op")
    assert by_hand(shop, payment, "authorize", 1, CHECKOUT) == "23505/pk_payment_operations"


async def test_what_is_asked_for_once_is_there_once_unless_it_failed(shop: Shop, payment: str) -> None:
    await begin(shop, payment, CAPTURE)
    await finish(shop, payment, CAPTURE)
    assert by_hand(shop, payment, "capture", 2, "shp_1") == "23505/uq_payment_operations_reference"
    shop.run(_NEW, p=payment, kind="capture", n=2, reference="shp_2", key="by hand")


async def test_operations_for_different_things_come_one_after_the_other(shop: Shop, payment: str) -> None:
    first = await begin(shop, payment, CAPTURE, 4_000)
    with pytest.raises(OperationUnderWay):
        await begin(shop, payment, CAPTURE, 5_000, reference="shp_2")
    await finish(shop, payment, CAPTURE)
    second = await begin(shop, payment, CAPTURE, 5_000, reference="shp_2")
    assert [first.sequence, second.sequence] == [1, 2]
    assert (await begin(shop, payment, CAPTURE, 1)).idempotency_key == first.idempotency_key


async def test_of_two_that_are_pending_the_one_that_is_named_ends(shop: Shop, payment: str) -> None:
    """An authorization whose outcome is not known, and the new one that takes its place."""
    await begin(shop, payment, AUTHORIZE, reference="after pi_1")
    assert await finish(shop, payment, AUTHORIZE, reference="nothing of that name") is None
    assert await finish(shop, payment, AUTHORIZE, "voided", reference=CHECKOUT) == CHECKOUT
    assert journal(shop) == [("authorize", 1, "failed", "voided"), ("authorize", 2, "pending", None)]


async def test_an_outcome_is_written_once(shop: Shop, payment: str) -> None:
    await begin(shop, payment, CAPTURE)
    await finish(shop, payment, CAPTURE)
    before = shop.rows("SELECT * FROM payment_operations ORDER BY kind")
    await finish(shop, payment, CAPTURE, "too_late")
    assert shop.rows("SELECT * FROM payment_operations ORDER BY kind") == before


async def test_authorized_then_captured_as_it_is_told(shop: Shop, payment: str) -> None:
    async with shop.transaction() as session:
        row = await payments.get(session, payment)
        await payments.mark_authorized(session, row, PaymentAuthorized("pi_1", TOTAL, soon(), "visa 4242"))
    await begin(shop, payment, CAPTURE)
    async with shop.transaction() as session:
        row = await payments.get(session, payment)
        assert row.state is PaymentState.AUTHORIZED
        await payments.mark_captured(session, row, PaymentCaptured("pi_1", TOTAL, "ch_1"))
    told = "SELECT state, intent_id, authorized_minor, captured_minor FROM payments"
    assert shop.rows(told) == [("captured", "pi_1", TOTAL, TOTAL)]
    assert shop.rows("SELECT kind, state, provider_id FROM payment_operations ORDER BY kind") == [
        ("authorize", "succeeded", "pi_1"),
        ("capture", "succeeded", "ch_1"),
    ]


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ("authorized_minor = amount_minor + 1", "authorized"),
        ("authorized_minor = 1, captured_minor = 2", "captured"),
        ("authorized_minor = 2, captured_minor = 2, refunded_minor = 3", "refunded"),
        ("refunded_minor = -1", "refunded"),
        ("captured_minor = -1", "captured"),
        ("amount_minor = 0", "amount"),
        ("state = 'captured'", "captured_something"),
    ],
)
async def test_no_more_is_held_than_asked_nor_taken_than_held(
    shop: Shop, payment: str, change: str, limit: str
) -> None:
    shop.run("UPDATE payments SET state = 'authorized'")
    assert shop.refusal(f"UPDATE payments SET {change}") == f"23514/ck_payments_{limit}"


async def test_what_was_given_back_had_been_taken(shop: Shop) -> None:
    await shop.sell()
    shop.run("UPDATE payments SET state = 'refunded'")
    nothing = shop.refusal("UPDATE payments SET captured_minor = 0")
    assert nothing == "23514/ck_payments_captured_something"


async def test_a_checkout_has_one_payment_and_an_intent_belongs_to_one(shop: Shop, payment: str) -> None:
    second = payment_id(shop.tenant, await shop.open(shop.new_sku()))
    shop.run("UPDATE payments SET intent_id = 'pi_1' WHERE payment_id = :p", p=payment)
    taken = shop.refusal("UPDATE payments SET intent_id = 'pi_1' WHERE payment_id = :p", p=second)
    assert taken == "23505/uq_payments_tenant_id_intent_id"
    twin = (
        "INSERT INTO payments SELECT (jsonb_populate_record(p, CAST(:new AS jsonb))).*"
        " FROM payments p WHERE payment_id = :p"
    )
    refused = shop.refusal(twin, p=payment, new='{"payment_id": "pay_2", "intent_id": null}')
    assert refused == "23505/uq_payments_tenant_id_checkout_id"


async def test_what_is_not_there_cannot_be_paid(shop: Shop) -> None:
    with pytest.raises(RowMissing, match="no payment pay_nobody"):
        await begin(shop, "pay_nobody", CAPTURE)
