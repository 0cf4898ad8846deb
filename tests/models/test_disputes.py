"""A dispute is written down as the bank decides it, its money follows in the ledger, a late word changes neither."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from activities.disputes import DisputeActivities
from activities.orders import OrderActivities
from domain.disputes import DisputeFact, DisputeInput, RecordDispute
from domain.orders import FlagOrder
from domain.payments import Fee
from domain.states import DisputeState
from models import audit, disputes, payments
from tests.models.kit import APP, OWNER, TOTAL, Shop, at_once

DUE = datetime(2026, 3, 9, 17, 0, tzinfo=UTC)
PLAIN = {"receivable": TOTAL, "captured": -TOTAL}
WITHHELD = {"captured": -TOTAL, "disputes": TOTAL}

INQUIRY = DisputeFact("dp_1", "pi_1", TOTAL, "EUR", "fraudulent", DisputeState.INQUIRY, withdrawn=False)
OPENED = replace(INQUIRY, state=DisputeState.NEEDS_RESPONSE, withdrawn=True, evidence_due_at=DUE)
REVIEWED = replace(OPENED, state=DisputeState.UNDER_REVIEW, evidence_due_at=None)
WON, LOST = replace(REVIEWED, state=DisputeState.WON), replace(REVIEWED, state=DisputeState.LOST)
CLOSED = replace(INQUIRY, state=DisputeState.INQUIRY_CLOSED)


@pytest.fixture
async def payment(shop: Shop) -> AsyncIterator[str]:
    """A payment that was taken. Whatever its disputes, the auditor finds the books right."""
    yield await shop.sell()
    async with shop.transaction() as session:
        assert await audit.audit(session) == []


async def tell(shop: Shop, payment: str, *facts: DisputeFact) -> list[bool]:
    """Write down one after the other, each in a transaction of its own; which of them were news."""
    news = []
    for fact in facts:
        async with shop.transaction() as session:
            news.append(await disputes.record(session, await payments.get(session, payment), fact))
    return news


def written(shop: Shop) -> tuple[list[Any], list[Any]]:
    """All of the disputes and of the ledger."""
    return shop.rows("SELECT * FROM disputes"), shop.rows("SELECT * FROM ledger_postings ORDER BY posting_id")


async def test_once_it_is_opened_its_money_is_withheld(shop: Shop, payment: str) -> None:
    assert await tell(shop, payment, OPENED) == [True]
    row = (
        "SELECT dispute_id, payment_id, state, reason, currency, amount_minor, evidence_due_at, ended_at FROM disputes"
    )
    assert shop.rows(row) == [("dp_1", payment, "needs_response", "fraudulent", "EUR", TOTAL, DUE, None)]
    assert shop.ledger() == WITHHELD


async def test_won_the_money_is_back_and_the_fee_is_not(shop: Shop, payment: str) -> None:
    fees = (Fee("txn_1", 2_000, "EUR"),)
    opened, reviewed, won = (replace(one, fees=fees) for one in (OPENED, REVIEWED, WON))
    assert await tell(shop, payment, opened, reviewed, won) == [True] * 3
    assert shop.ledger() == {"receivable": TOTAL - 2_000, "captured": -TOTAL, "fees": 2_000}
    assert shop.rows("SELECT state, evidence_due_at, ended_at IS NOT NULL FROM disputes") == [("won", None, True)]


async def test_lost_the_money_is_the_customers(shop: Shop, payment: str) -> None:
    assert await tell(shop, payment, OPENED, LOST) == [True] * 2
    assert shop.ledger() == {"captured": -TOTAL, "chargebacks": TOTAL}
    assert shop.rows("SELECT state, ended_at IS NOT NULL FROM disputes") == [("lost", True)]


async def test_an_inquiry_moves_no_money(shop: Shop, payment: str) -> None:
    assert await tell(shop, payment, INQUIRY, CLOSED) == [True] * 2
    assert shop.ledger() == PLAIN
    assert shop.rows("SELECT state, ended_at IS NOT NULL FROM disputes") == [("inquiry_closed", True)]


async def test_an_inquiry_that_becomes_a_dispute_does(shop: Shop, payment: str) -> None:
    assert await tell(shop, payment, INQUIRY, OPENED) == [True] * 2
    assert shop.ledger() == WITHHELD


@pytest.mark.parametrize(("fact", "ledger"), [(WON, PLAIN), (LOST, {"captured": -TOTAL, "chargebacks": TOTAL})])
async def test_one_that_is_heard_of_when_it_is_over_has_all_its_postings(
    shop: Shop, payment: str, fact: DisputeFact, ledger: dict[str, int]
) -> None:
    assert await tell(shop, payment, fact) == [True]
    assert shop.ledger() == ledger
    kinds = {kind for (kind,) in shop.rows("SELECT kind FROM ledger_postings")}
    assert kinds == {"capture", "dispute_opened", f"dispute_{fact.state}"}


@pytest.mark.parametrize("fact", [INQUIRY, CLOSED, OPENED, REVIEWED, WON, LOST], ids=lambda fact: fact.state)
async def test_told_twice_it_is_written_once(shop: Shop, payment: str, fact: DisputeFact) -> None:
    assert await tell(shop, payment, fact) == [True]
    before = written(shop)
    assert await tell(shop, payment, fact, fact) == [False, False]
    assert written(shop) == before


async def test_told_by_ten_at_once_it_is_written_once(shop: Shop, payment: str) -> None:
    told = await at_once([partial(tell, shop, payment, LOST)] * 10)
    assert sorted(told) == [[False]] * 9 + [[True]]
    assert shop.ledger() == {"captured": -TOTAL, "chargebacks": TOTAL}


@pytest.mark.parametrize(
    ("known", "late"),
    [
        ([OPENED, WON], OPENED),
        ([OPENED, WON], LOST),
        ([OPENED, LOST], WON),
        ([OPENED, LOST], REVIEWED),
        ([OPENED], INQUIRY),
        ([INQUIRY, CLOSED], OPENED),
    ],
    ids=lambda one: one.state if isinstance(one, DisputeFact) else one[-1].state,
)
async def test_a_word_that_comes_late_changes_nothing(
    shop: Shop, payment: str, known: list[DisputeFact], late: DisputeFact
) -> None:
    await tell(shop, payment, *known)
    before = written(shop)
    assert await tell(shop, payment, late) == [False]
    assert written(shop) == before


async def test_the_bank_may_ask_once_more(shop: Shop, payment: str) -> None:
    assert await tell(shop, payment, OPENED, REVIEWED, OPENED) == [True] * 3
    assert shop.rows("SELECT state, evidence_due_at FROM disputes") == [("needs_response", DUE)]
    assert shop.ledger() == WITHHELD


async def test_what_else_is_learnt_of_it_is_kept_though_it_stands_where_it_stood(shop: Shop, payment: str) -> None:
    """A later date, and a fee that is named afterwards."""
    later = DUE.replace(day=16)
    again = replace(OPENED, evidence_due_at=later, fees=(Fee("txn_1", 1_500, "EUR"),))
    assert await tell(shop, payment, OPENED, again) == [True, False]
    assert shop.rows("SELECT evidence_due_at FROM disputes") == [(later,)]
    assert shop.ledger() == {**WITHHELD, "receivable": -1_500, "fees": 1_500}


async def test_a_payment_may_have_several(shop: Shop, payment: str) -> None:
    part = replace(OPENED, dispute_id="dp_2", amount_minor=500)
    await tell(shop, payment, replace(OPENED, amount_minor=1_000), part, replace(part, state=DisputeState.LOST))
    assert shop.ledger() == {"receivable": TOTAL - 1_500, "captured": -TOTAL, "disputes": 1_000, "chargebacks": 500}
    other = await shop.sell()
    async with shop.transaction() as session:
        told = [(one.dispute_id, one.state) for one in await disputes.of_payment(session, payment)]
        assert told == [("dp_1", DisputeState.NEEDS_RESPONSE), ("dp_2", DisputeState.LOST)]
        assert await disputes.of_payment(session, other) == []


@pytest.mark.parametrize("role", [APP, OWNER])
async def test_a_dispute_over_nothing_or_of_nobody_cannot_be_written(shop: Shop, payment: str, role: str) -> None:
    await tell(shop, payment, OPENED)
    assert shop.refusal("UPDATE disputes SET amount_minor = 0", role=role) == "23514/ck_disputes_amount"
    nobody = shop.refusal("UPDATE disputes SET payment_id = 'pay_nobody'", role=role)
    assert nobody == "23503/fk_disputes_tenant_id_payment_id"


@pytest.mark.parametrize(
    ("facts", "flagged"),
    [
        ([INQUIRY], "The bank asks about €115.00 (fraudulent): answer it"),
        ([INQUIRY, CLOSED], None),
        ([INQUIRY, REVIEWED], None),
        ([OPENED], "€115.00 is disputed (fraudulent): send evidence until 09 Mar 2026 17:00 UTC"),
        ([OPENED, REVIEWED], None),
        ([OPENED, WON], None),
        ([OPENED, LOST], "The dispute over €115.00 is lost: the money is the customer's"),
        ([OPENED, REVIEWED, OPENED], "€115.00 is disputed (fraudulent): send evidence until 09 Mar 2026 17:00 UTC"),
    ],
    ids=lambda one: " ".join(fact.state for fact in one) if isinstance(one, list) else "",
)
async def test_the_order_calls_a_person_while_there_is_something_to_do(
    shop: Shop, payment: str, facts: list[DisputeFact], flagged: str | None
) -> None:
    named = DisputeInput(shop.tenant, "dp_1", payment, "1001")
    record = DisputeActivities(shop.server.database).record
    for fact in facts:
        assert await record(RecordDispute(named, fact))
        assert not await record(RecordDispute(named, fact))
    assert shop.rows("SELECT needs_attention, attention_reason FROM orders") == [(flagged is not None, flagged)]
    told = shop.rows("SELECT type FROM events WHERE type LIKE 'dispute.%' ORDER BY event_id")
    assert told == [(f"dispute.{fact.state}",) for fact in facts]


async def test_what_else_a_person_was_called_for_stays(shop: Shop, payment: str) -> None:
    named = DisputeInput(shop.tenant, "dp_1", payment, "1001")
    record = DisputeActivities(shop.server.database).record
    await record(RecordDispute(named, OPENED))
    await OrderActivities(shop.server.database).flag(FlagOrder(shop.tenant, "1001", "parcel/1", "the parcel is lost"))
    ((both,),) = shop.rows("SELECT attention_reason FROM orders")
    assert both.endswith("; the parcel is lost")
    await record(RecordDispute(named, WON))
    assert shop.rows("SELECT attention_reason FROM orders") == [("the parcel is lost",)]


async def test_a_dispute_that_is_won_leaves_the_call_for_another(shop: Shop, payment: str) -> None:
    record = DisputeActivities(shop.server.database).record
    won = replace(WON, dispute_id="dp_2", amount_minor=500)
    await record(RecordDispute(DisputeInput(shop.tenant, "dp_1", payment, "1001"), replace(OPENED, amount_minor=1_000)))
    await record(RecordDispute(DisputeInput(shop.tenant, "dp_2", payment, "1001"), won))
    assert shop.rows("SELECT needs_attention FROM orders") == [(True,)]
