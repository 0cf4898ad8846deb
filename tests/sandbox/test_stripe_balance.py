"""What moves the balance of the Stripe stand-in: captures, refunds, fees, and when money becomes available."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.test_stripe_stand import HOLD, StandIn

DAY = 86_400
SALE: Any = HOLD | {"capture_method": "automatic"}
SEVERAL: Any = HOLD | {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[StandIn]:
    """One process for this file."""
    stand = StandIn()
    await stand.start()
    yield stand
    await stand.stop()


@pytest.fixture
async def stand(running: StandIn) -> StandIn:
    """The process, emptied."""
    await running.control("reset")
    return running


async def moves(stand: StandIn, **filters: Any) -> list[Any]:
    """Balance transactions, oldest first."""
    wanted: Any = {"limit": 100, **filters}
    return list(reversed((await stand.stripe.v1.balance_transactions.list_async(wanted)).data))


async def balance(stand: StandIn) -> dict[str, dict[str, int]]:
    """What is available and pending by currency."""
    found = await stand.stripe.v1.balance.retrieve_async()
    return {
        "available": {line.currency: line.amount for line in found.available},
        "pending": {line.currency: line.amount for line in found.pending},
    }


async def test_a_capture_moves_the_balance_and_a_hold_does_not(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD | {"description": "Order 7"})
    assert await moves(stand) == []
    done = await stand.intents.capture_async(held.id, {"expand": ["latest_charge.balance_transaction"]})
    money = done.latest_charge.balance_transaction
    assert (money.object, money.type, money.reporting_category) == ("balance_transaction", "charge", "charge")
    assert (money.amount, money.fee, money.net, money.currency) == (1250, 66, 1184, "eur")
    assert [(part.amount, part.type, part.currency) for part in money.fee_details] == [(66, "stripe_fee", "eur")]
    assert (money.source, money.description, money.status) == (done.latest_charge.id, "Order 7", "pending")
    assert money.available_on % DAY == 0
    assert DAY < money.available_on - money.created <= 2 * DAY
    alone = await stand.stripe.v1.balance_transactions.retrieve_async(money.id, {"expand": ["source"]})
    source: Any = alone.source
    assert source.payment_intent == held.id


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [(1250, "eur", 66), (1000, "usd", 59), (50, "usd", 31), (500, "jpy", 15), (50, "jpy", 2), (10000, "kwd", 590)],
)
async def test_the_fee_is_the_stated_formula(stand: StandIn, amount: int, currency: str, fee: int) -> None:
    await stand.intents.create_async(SALE | {"amount": amount, "currency": currency})
    (money,) = await moves(stand)
    assert (money.fee, money.net) == (fee, amount - fee)


async def test_a_partial_capture_makes_one_of_what_was_captured(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    await stand.intents.capture_async(held.id, {"amount_to_capture": 1000})
    (money,) = await moves(stand)
    assert (money.type, money.reporting_category, money.source) == ("charge", "charge", held.latest_charge)
    assert (money.amount, money.fee, money.net) == (1000, 59, 941)


async def test_each_of_several_captures_makes_one(stand: StandIn) -> None:
    held = await stand.intents.create_async(SEVERAL)
    await stand.intents.capture_async(held.id, {"amount_to_capture": 500, "final_capture": False})
    last = await stand.intents.capture_async(held.id, {"amount_to_capture": 700, "expand": ["latest_charge"]})
    found = await moves(stand, source=last.latest_charge.id)
    assert [(money.type, money.amount, money.fee) for money in found] == [("charge", 500, 45), ("charge", 700, 50)]
    assert last.latest_charge.balance_transaction == found[1].id
    assert len(await moves(stand)) == 2


async def test_a_release_makes_none(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    await stand.intents.cancel_async(held.id)
    await stand.intents.create_async(HOLD)
    await stand.control("advance", seconds=8 * DAY)
    assert await moves(stand) == []


async def test_asynchronous_capture_books_a_moment_later(stand: StandIn) -> None:
    order = HOLD | {"capture_method": "automatic_async", "expand": ["latest_charge.balance_transaction"]}
    sold = await stand.intents.create_async(order)
    assert (sold.status, sold.latest_charge.captured) == ("succeeded", True)
    await stand.control("advance", seconds=1)
    charge: Any = await stand.stripe.v1.charges.retrieve_async(sold.latest_charge.id)
    (money,) = await moves(stand)
    assert charge.balance_transaction == money.id
    events = (await stand.stripe.v1.events.list_async({"type": "charge.*"})).data
    seen = {event.type: event.data.object["balance_transaction"] for event in events}
    assert seen == {"charge.updated": money.id, "charge.succeeded": None}


async def test_a_refund_takes_the_amount_and_gives_no_fee_back(stand: StandIn) -> None:
    sold = await stand.intents.create_async(SALE)
    order: Any = {"payment_intent": sold.id, "amount": 400, "expand": ["balance_transaction"]}
    refund: Any = await stand.stripe.v1.refunds.create_async(order)
    money = refund.balance_transaction
    assert (money.type, money.amount, money.fee, money.net) == ("refund", -400, 0, -400)
    assert (money.source, money.fee_details) == (refund.id, [])


async def test_a_refund_that_fails_comes_back(stand: StandIn) -> None:
    sold = await stand.intents.create_async(SALE | {"payment_method": "pm_card_refundFail"})
    refund = await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id})
    await stand.control("advance", seconds=60)
    failed: Any = await stand.stripe.v1.refunds.retrieve_async(refund.id)
    out, back = await moves(stand, source=refund.id)
    assert (failed.balance_transaction, failed.failure_balance_transaction) == (out.id, back.id)
    assert [(money.type, money.amount) for money in (out, back)] == [("refund", -1250), ("refund_failure", 1250)]


async def test_a_pending_refund_waits(stand: StandIn) -> None:
    sold = await stand.intents.create_async(SALE | {"payment_method": "pm_card_pendingRefund"})
    refund = await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id})
    assert (refund.status, refund.pending_reason, refund.balance_transaction) == ("pending", "processing", None)
    assert await moves(stand, type="refund") == []
    await stand.control("advance", seconds=60)
    (money,) = await moves(stand, type="refund")
    assert (await stand.stripe.v1.refunds.retrieve_async(refund.id)).balance_transaction == money.id


async def test_money_is_pending_before_it_is_available(stand: StandIn) -> None:
    assert await balance(stand) == {"available": {}, "pending": {}}
    sold = await stand.intents.create_async(SALE)
    await stand.intents.create_async(SALE | {"currency": "usd", "payment_method": "pm_card_bypassPending"})
    assert await balance(stand) == {"available": {"eur": 0, "usd": 1184}, "pending": {"eur": 1184, "usd": 0}}
    await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id, "amount": 250})
    await stand.control("advance", seconds=2 * DAY)
    assert await balance(stand) == {"available": {"eur": 934, "usd": 1184}, "pending": {"eur": 0, "usd": 0}}
    assert {money.status for money in await moves(stand)} == {"available"}


async def test_transactions_are_listed_by_what_they_are(stand: StandIn) -> None:
    for currency in ("eur", "usd", "eur", "eur"):
        await stand.intents.create_async(SALE | {"currency": currency})
    everything = await moves(stand)
    assert len(await moves(stand, currency="EUR")) == 3
    assert await moves(stand, payout="po_1") == []
    assert await moves(stand, created={"gt": everything[-1].created}) == []
    assert len(await moves(stand, created={"gte": everything[0].created}, type="charge")) == 4
    wanted: Any = {"limit": 2, "currency": "eur", "expand": ["data.source"]}
    first = await stand.stripe.v1.balance_transactions.list_async(wanted)
    assert first.has_more is True
    found: list[Any] = [money async for money in first.auto_paging_iter()]
    assert [money.source.object for money in found] == ["charge"] * 3
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await stand.stripe.v1.balance_transactions.retrieve_async("txn_none")
    assert missing.value.code == "resource_missing"


async def test_the_auditor_sees_each_payment_whole(stand: StandIn, tmp_path: Path) -> None:
    state = tmp_path / "stripe.db"
    other = StandIn("--state", str(state))
    try:
        await other.start()
        held = await other.intents.create_async(SEVERAL | {"payment_method": "pm_card_refundFail"})
        await other.intents.capture_async(held.id, {"amount_to_capture": 500, "final_capture": False})
        await other.intents.capture_async(held.id, {"amount_to_capture": 700})
        await other.stripe.v1.refunds.create_async({"payment_intent": held.id, "amount": 300})
        await other.control("advance", seconds=60)
        await other.stripe.v1.refunds.create_async({"payment_intent": held.id, "amount": 100})
        void = await other.intents.create_async(HOLD)
        await other.intents.cancel_async(void.id)
        other.kill()
        await other.start()
        paid, voided = (await other.state())["payment_intents"]
        assert (paid["charges"], paid["captures"], paid["amount_captured"], paid["cancels"]) == (1, 2, 1200, 0)
        by_status = {"failed": {"count": 1, "amount": 300}, "succeeded": {"count": 1, "amount": 100}}
        assert (paid["refunds"], paid["refunds_by_status"], paid["amount_refunded"]) == (2, by_status, 100)
        assert (voided["charges"], voided["captures"], voided["cancels"], voided["refunds"]) == (1, 0, 1, 0)
        assert (voided["amount_captured"], voided["amount_refunded"]) == (0, 0)
        assert [money.amount for money in await moves(other)] == [500, 700, -300, 300, -100]
    finally:
        await other.stop()
