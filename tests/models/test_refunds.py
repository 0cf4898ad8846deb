"""Refunds give back what was captured and no more, one at a time, and each step of theirs is written down once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial

import pytest

from domain.payments import RefundFailed, RefundMade
from domain.refusals import Refusal, RefusalCode, Refused
from domain.states import OperationKind, OperationState
from models import audit, payments, refunds
from models.payments import OperationUnderWay, PaymentOperation
from tests.models.kit import APP, OWNER, TOTAL, Shop, at_once

PART = 500
BY_HAND = "made at the payment provider"
BOUNCED = RefundFailed(Refusal(RefusalCode.REFUND_FAILED, "The account is closed."), "re_1")
REFUSED = RefundFailed(Refusal(RefusalCode.CHARGE_DISPUTED, "The charge is disputed."))

_PENDING = (
    "INSERT INTO payment_operations (tenant_id, payment_id, kind, sequence, reference, idempotency_key, amount_minor,"
    " state) VALUES (current_tenant(), :p, 'refund', 9, 'by hand', 'by hand', 1, 'pending')"
)


@pytest.fixture
async def payment(shop: Shop) -> AsyncIterator[str]:
    """A payment that was taken. Whatever is done with it, the auditor finds the books right."""
    yield await shop.sell()
    async with shop.transaction() as session:
        assert await audit.audit(session) == []


async def begin(shop: Shop, payment: str, refund: str, amount: int | None = PART) -> PaymentOperation:
    """Set aside and journal, in a transaction of its own."""
    async with shop.transaction() as session:
        return await refunds.begin(session, await payments.get(session, payment), refund, amount, "Ada: too small")


async def record(shop: Shop, payment: str, refund: str, fact: RefundMade | RefundFailed) -> bool:
    """Write down what became of it, in a transaction of its own."""
    async with shop.transaction() as session:
        return await refunds.record(session, await payments.get(session, payment), refund, fact)


async def give(shop: Shop, payment: str, refund: str, amount: int | None = PART) -> None:
    """A refund that arrives."""
    begun = await begin(shop, payment, refund, amount)
    assert await record(shop, payment, refund, made(begun.amount_minor, f"pr_{refund}"))


def made(amount: int = PART, number: str = "re_1", *, settling: bool = False, moved: bool = True) -> RefundMade:
    """The provider has it; `moved`: its balance transaction is known."""
    return RefundMade(number, amount, settling, f"txn_{number}" if moved else None)


def standing(shop: Shop) -> tuple[str, int]:
    """The payment's state, and how much of it is promised back."""
    ((state, promised),) = shop.rows("SELECT state, refunded_minor FROM payments")
    return state, promised


def journal(shop: Shop) -> list[tuple[str, int, int, str]]:
    """Refund id, sequence, amount and state of every refund."""
    query = (
        "SELECT reference, sequence, amount_minor, state FROM payment_operations WHERE kind = 'refund'"
        " ORDER BY sequence"
    )
    return [tuple(row) for row in shop.rows(query)]


def postings(shop: Shop) -> list[str]:
    """The refunds' postings."""
    return [
        name for (name,) in shop.rows("SELECT posting_id FROM ledger_postings WHERE kind LIKE 'refund%' ORDER BY 1")
    ]


async def test_what_is_begun_is_set_aside_and_not_posted_yet(shop: Shop, payment: str) -> None:
    begun = await begin(shop, payment, "r1")
    assert (begun.amount_minor, begun.note, begun.provider_id) == (PART, "Ada: too small", None)
    assert begun.idempotency_key == f"{shop.tenant}/{payment}/refund/1"
    assert journal(shop) == [("r1", 1, PART, "pending")]
    assert standing(shop) == ("captured", PART)
    assert shop.ledger() == {"receivable": TOTAL, "captured": -TOTAL}


async def test_without_an_amount_it_is_all_that_is_left(shop: Shop, payment: str) -> None:
    await give(shop, payment, "r1")
    assert (await begin(shop, payment, "r2", None)).amount_minor == TOTAL - PART


@pytest.mark.parametrize("fact", [None, made(settling=True), made(), BOUNCED], ids=str)
async def test_a_repeat_finds_the_same_operation(
    shop: Shop, payment: str, fact: RefundMade | RefundFailed | None
) -> None:
    """However it stands, with one exception: see what comes after a failure."""
    first = await begin(shop, payment, "r1")
    if fact is BOUNCED:
        await record(shop, payment, "r1", made())
    if fact is not None:
        await record(shop, payment, "r1", fact)
    before = standing(shop)
    again = await begin(shop, payment, "r1", 1)
    assert (again.idempotency_key, again.amount_minor) == (first.idempotency_key, PART)
    assert standing(shop) == before
    assert len(journal(shop)) == 1


async def test_begun_by_ten_at_once_it_is_set_aside_once(shop: Shop, payment: str) -> None:
    begun = await at_once([partial(begin, shop, payment, "r1")] * 10)
    assert len({one.idempotency_key for one in begun}) == 1
    assert standing(shop) == ("captured", PART)


async def test_after_a_failure_comes_a_new_operation_under_a_new_key(shop: Shop, payment: str) -> None:
    keys = []
    for _ in range(3):
        keys.append((await begin(shop, payment, "r1")).idempotency_key)
        assert await record(shop, payment, "r1", REFUSED)
        assert standing(shop) == ("captured", 0)
    assert keys == [f"{shop.tenant}/{payment}/refund/{n}" for n in (1, 2, 3)]
    assert {state for *_, state in journal(shop)} == {"failed"}
    assert postings(shop) == []


@pytest.mark.parametrize("amount", [TOTAL - PART + 1, 0, -1])
async def test_more_than_is_left_or_nothing_is_refused(shop: Shop, payment: str, amount: int) -> None:
    await give(shop, payment, "r1")
    with pytest.raises(Refused, match="captured is left") as refused:
        await begin(shop, payment, "r2", amount)
    assert refused.value.refusal.code is RefusalCode.REFUND_EXCEEDS_CAPTURED
    assert refused.value.refusal.facts == {"refundable": str(TOTAL - PART)}
    assert journal(shop) == [("r1", 1, PART, "succeeded")]


async def test_of_what_was_not_captured_nothing_is_refunded(shop: Shop) -> None:
    checkout = await shop.open(shop.new_sku())
    await shop.place(checkout)
    with pytest.raises(Refused) as refused:
        await begin(shop, shop.payment_of(checkout), "r1", None)
    assert refused.value.refusal.code is RefusalCode.NOTHING_CAPTURED


async def test_what_is_left_is_of_the_part_that_was_taken(shop: Shop) -> None:
    payment = await shop.sell(2_000)
    with pytest.raises(Refused, match="captured is left"):
        await begin(shop, payment, "r1", 2_001)
    assert (await begin(shop, payment, "r1", None)).amount_minor == 2_000


async def test_of_forty_at_once_as_many_are_given_as_there_is_money_for(shop: Shop, payment: str) -> None:
    async def one(number: int) -> str:
        while True:
            try:
                await give(shop, payment, f"r{number}")
            except OperationUnderWay:
                await asyncio.sleep(0.01)
            except Refused as refused:
                return refused.refusal.code
            else:
                return "given"

    told = Counter(await at_once(partial(one, number) for number in range(40)))
    assert told == {"given": TOTAL // PART, "refund_exceeds_captured": 40 - TOTAL // PART}
    assert standing(shop) == ("refunded", TOTAL)
    assert shop.ledger() == {"captured": -TOTAL, "refunded": TOTAL}


@pytest.mark.parametrize("role", [APP, OWNER])
async def test_the_database_itself_promises_no_more_than_was_captured(shop: Shop, payment: str, role: str) -> None:
    await begin(shop, payment, "r1")
    for change in ("refunded_minor = captured_minor + 1", "refunded_minor = -1", f"captured_minor = {PART - 1}"):
        assert shop.refusal(f"UPDATE payments SET {change}", role=role) == "23514/ck_payments_refunded"


async def test_while_one_is_out_no_other_begins(shop: Shop, payment: str) -> None:
    await begin(shop, payment, "r1")
    with pytest.raises(OperationUnderWay, match="refund of payment"):
        await begin(shop, payment, "r2")
    async with shop.transaction() as session:
        row = await payments.get(session, payment)
        with pytest.raises(OperationUnderWay, match="refund of payment"):
            await payments.begin(session, row, OperationKind.VOID, "void", 0)
    assert shop.refusal(_PENDING, p=payment) == "23505/uq_payment_operations_pending"
    assert standing(shop) == ("captured", PART)
    await record(shop, payment, "r1", made(settling=True))
    await begin(shop, payment, "r2")
    assert standing(shop) == ("captured", 2 * PART)


async def test_one_that_arrives_at_once_is_posted(shop: Shop, payment: str) -> None:
    await give(shop, payment, "r1")
    assert journal(shop) == [("r1", 1, PART, "succeeded")]
    assert standing(shop) == ("captured", PART)
    assert postings(shop) == ["refund/pr_r1"]
    assert shop.ledger() == {"receivable": TOTAL - PART, "captured": -TOTAL, "refunded": PART}
    ended = shop.rows("SELECT provider_id, finished_at IS NOT NULL FROM payment_operations WHERE kind = 'refund'")
    assert ended == [("pr_r1", True)]


@pytest.mark.parametrize("moved", [True, False])
async def test_one_that_settles_is_posted_when_the_providers_balance_moves(
    shop: Shop, payment: str, moved: bool
) -> None:
    await begin(shop, payment, "r1")
    assert await record(shop, payment, "r1", made(settling=True, moved=moved))
    assert journal(shop) == [("r1", 1, PART, "settling")]
    assert postings(shop) == (["refund/re_1"] if moved else [])
    assert await record(shop, payment, "r1", made(moved=moved))
    assert journal(shop) == [("r1", 1, PART, "succeeded")]
    assert postings(shop) == ["refund/re_1"]
    assert shop.ledger()["refunded"] == PART


@pytest.mark.parametrize("moved", [True, False])
async def test_one_that_settles_and_fails_is_taken_back(shop: Shop, payment: str, moved: bool) -> None:
    await begin(shop, payment, "r1", None)
    await record(shop, payment, "r1", made(TOTAL, settling=True, moved=moved))
    assert standing(shop) == ("captured", TOTAL)
    assert await record(shop, payment, "r1", BOUNCED)
    assert journal(shop) == [("r1", 1, TOTAL, "failed")]
    assert standing(shop) == ("captured", 0)
    assert postings(shop) == (["refund/re_1", "refund/re_1/reversed"] if moved else [])
    assert shop.ledger() == {"receivable": TOTAL, "captured": -TOTAL}


async def test_one_that_had_arrived_and_bounces_is_reversed(shop: Shop, payment: str) -> None:
    await begin(shop, payment, "r1")
    await record(shop, payment, "r1", made())
    assert await record(shop, payment, "r1", BOUNCED)
    assert journal(shop) == [("r1", 1, PART, "reversed")]
    assert postings(shop) == ["refund/re_1", "refund/re_1/reversed"]
    assert shop.ledger() == {"receivable": TOTAL, "captured": -TOTAL}
    assert standing(shop) == ("captured", 0)
    code = shop.rows("SELECT error_code FROM payment_operations WHERE kind = 'refund'")
    assert code == [("refund_failed",)]


async def test_given_back_whole_it_is_refunded_and_when_it_bounces_captured_again(shop: Shop, payment: str) -> None:
    await give(shop, payment, "r1", TOTAL - PART)
    await begin(shop, payment, "r2")
    await record(shop, payment, "r2", made(settling=True))
    assert standing(shop) == ("captured", TOTAL)
    await record(shop, payment, "r2", made())
    assert standing(shop) == ("refunded", TOTAL)
    await record(shop, payment, "r2", BOUNCED)
    assert standing(shop) == ("captured", TOTAL - PART)
    await give(shop, payment, "r3")
    assert standing(shop) == ("refunded", TOTAL)
    assert shop.ledger() == {"captured": -TOTAL, "refunded": TOTAL}


async def test_parts_add_up(shop: Shop, payment: str) -> None:
    for number in range(1, 4):
        await give(shop, payment, f"r{number}", number * 1_000)
        assert standing(shop) == ("captured", sum(range(number + 1)) * 1_000)
    assert shop.ledger()["refunded"] == 6_000
    await give(shop, payment, "r4", None)
    assert standing(shop) == ("refunded", TOTAL)
    with pytest.raises(Refused) as refused:
        await begin(shop, payment, "r5", None)
    assert refused.value.refusal.facts == {"refundable": "0"}


@pytest.mark.parametrize(
    ("told", "late"),
    [
        pytest.param([made(settling=True)], made(settling=True), id="settling twice"),
        pytest.param([made()], made(), id="arrived twice"),
        pytest.param([made()], made(settling=True), id="it was settling, and arrived"),
        pytest.param([REFUSED], REFUSED, id="failed twice"),
        pytest.param([REFUSED], made(), id="it failed"),
        pytest.param([made(), BOUNCED], BOUNCED, id="bounced twice"),
        pytest.param([made(), BOUNCED], made(), id="it arrived, and bounced"),
        pytest.param([made(settling=True), BOUNCED], made(settling=True), id="it was settling, and failed"),
    ],
)
async def test_what_is_told_twice_or_late_changes_nothing(
    shop: Shop, payment: str, told: list[RefundMade | RefundFailed], late: RefundMade | RefundFailed
) -> None:
    await begin(shop, payment, "r1")
    for fact in told:
        assert await record(shop, payment, "r1", fact)
    rows = "SELECT * FROM payment_operations ORDER BY kind"
    before = journal(shop), standing(shop), postings(shop), shop.rows(rows)
    assert not await record(shop, payment, "r1", late)
    assert before == (journal(shop), standing(shop), postings(shop), shop.rows(rows))


async def test_one_made_by_hand_at_the_provider_is_adopted_once(shop: Shop, payment: str) -> None:
    assert await record(shop, payment, "re_1", made(settling=True))
    assert await record(shop, payment, "re_1", made())
    assert not await record(shop, payment, "re_1", made())
    assert journal(shop) == [("re_1", 1, PART, "succeeded")]
    assert shop.rows("SELECT note FROM payment_operations WHERE kind = 'refund'") == [(BY_HAND,)]
    assert standing(shop) == ("captured", PART)
    assert shop.ledger() == {"receivable": TOTAL - PART, "captured": -TOTAL, "refunded": PART}
    assert await record(shop, payment, "re_1", BOUNCED)
    assert standing(shop) == ("captured", 0)


async def test_told_of_by_ten_at_once_it_is_adopted_once(shop: Shop, payment: str) -> None:
    told = await at_once([partial(record, shop, payment, "re_1", made())] * 10)
    assert sorted(told) == [False] * 9 + [True]
    assert standing(shop) == ("captured", PART)


@pytest.mark.parametrize(
    ("refund", "fact"),
    [
        ("r1", made()),
        ("re_1", made(TOTAL + 1)),
        ("re_1", made(0)),
        ("re_1", BOUNCED),
        ("re_1", made(moved=False)),
    ],
    ids=["another id", "more than was captured", "nothing", "it failed", "no balance moved"],
)
async def test_what_moved_no_captured_money_is_not_adopted(
    shop: Shop, payment: str, refund: str, fact: RefundMade | RefundFailed
) -> None:
    assert not await record(shop, payment, refund, fact)
    assert journal(shop) == []
    assert postings(shop) == []
    assert standing(shop) == ("captured", 0)


async def test_a_payments_refunds_are_told_oldest_first_by_their_last_try(shop: Shop, payment: str) -> None:
    await begin(shop, payment, "z")
    await record(shop, payment, "z", REFUSED)
    await give(shop, payment, "a")
    await give(shop, payment, "z", 300)
    other = await shop.sell()
    await give(shop, other, "b")
    async with shop.transaction() as session:
        told = [(one.reference, one.state, one.amount_minor) for one in await refunds.of_payment(session, payment)]
        assert told == [("a", OperationState.SUCCEEDED, PART), ("z", OperationState.SUCCEEDED, 300)]
        found = await refunds.find(session, "b")
        assert found is not None
        assert found.payment_id == other
        newest = await refunds.find(session, "z")
        assert newest is not None
        assert newest.sequence == 3
        assert await refunds.find(session, "nobody") is None
