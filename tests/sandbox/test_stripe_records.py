"""Around the intents: refunds, metadata and search, pages of lists."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe

from tests.sandbox.test_stripe_stand import HOLD, StandIn

SALE: Any = HOLD | {"capture_method": "automatic"}


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


async def test_refunds_add_up_to_what_was_captured(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    with pytest.raises(stripe.InvalidRequestError):
        await stand.stripe.v1.refunds.create_async({"payment_intent": held.id})
    await stand.intents.capture_async(held.id, {"amount_to_capture": 1000})
    first = await stand.stripe.v1.refunds.create_async(
        {
            "payment_intent": held.id,
            "amount": 400,
            "reason": "requested_by_customer",
            "metadata": {"rma": "1"},
        }
    )
    assert (first.status, first.amount, first.payment_intent) == ("succeeded", 400, held.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.stripe.v1.refunds.create_async({"payment_intent": held.id, "amount": 601})
    assert refused.value.param == "amount"
    rest = await stand.stripe.v1.refunds.create_async({"charge": str(first.charge)})
    assert rest.amount == 600
    with pytest.raises(stripe.InvalidRequestError) as again:
        await stand.stripe.v1.refunds.create_async({"payment_intent": held.id})
    assert again.value.code == "charge_already_refunded"
    assert (await stand.stripe.v1.charges.retrieve_async(str(first.charge))).refunded is True
    assert (await stand.state())["refunded_amount"] == {"eur": 1000}


async def test_a_refund_may_fail_later(stand: StandIn) -> None:
    sold = await stand.intents.create_async(SALE | {"payment_method": "pm_card_refundFail"})
    refund = await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id})
    assert refund.status == "succeeded"
    await stand.control("advance", seconds=60)
    refund = await stand.stripe.v1.refunds.retrieve_async(refund.id)
    assert (refund.status, refund.failure_reason) == ("failed", "expired_or_canceled_card")
    pending = await stand.intents.create_async(SALE | {"payment_method": "pm_card_pendingRefund"})
    refund = await stand.stripe.v1.refunds.create_async({"payment_intent": pending.id})
    assert refund.status == "pending"
    await stand.control("advance", seconds=60)
    assert (await stand.stripe.v1.refunds.retrieve_async(refund.id)).status == "succeeded"


async def test_metadata_is_merged_and_searched(stand: StandIn) -> None:
    made = await stand.intents.create_async(HOLD | {"metadata": {"order": "Ä'1", "shop": "a", "old": "x"}})
    await stand.intents.create_async(HOLD | {"metadata": {"order": "2", "shop": "a"}})
    intent = await stand.intents.update_async(made.id, {"metadata": {"old": "", "new": "y"}})
    assert intent.metadata.to_dict() == {"order": "Ä'1", "shop": "a", "new": "y"}

    async def found(query: str) -> set[str]:
        return {item.id for item in (await stand.intents.search_async({"query": query})).data}

    assert await found("metadata['order']:'Ä\\'1'") == {made.id}
    assert await found("metadata[\"order\"]:\"2\" AND metadata['shop']:'a'") != set()
    assert len(await found("metadata['shop']:'a' AND status:'requires_capture'")) == 2
    assert await found("metadata['shop']:'a' AND -metadata['order']:'2'") == {made.id}
    assert await found("amount>1250") == set()
    with pytest.raises(stripe.InvalidRequestError):
        await found("whatever")
    await stand.control("search", lag_seconds=60)
    assert await found("metadata['shop']:'a'") == set()
    await stand.control("advance", seconds=61)
    assert len(await found("metadata['shop']:'a'")) == 2


async def test_lists_have_pages(stand: StandIn) -> None:
    customer = await stand.stripe.v1.customers.create_async({"email": "a@shop.test"})
    made = [
        (await stand.intents.create_async({"amount": 500 + n, "currency": "eur", "customer": customer.id})).id
        for n in range(5)
    ]
    await stand.intents.create_async({"amount": 500, "currency": "eur"})
    wanted: Any = {"limit": 2, "customer": customer.id}
    first = await stand.intents.list_async(wanted)
    assert ([item.id for item in first.data], first.has_more) == ([made[4], made[3]], True)
    second = await stand.intents.list_async(wanted | {"starting_after": made[3]})
    assert [item.id for item in second.data] == [made[2], made[1]]
    back = await stand.intents.list_async(wanted | {"ending_before": made[1]})
    assert [item.id for item in back.data] == [made[3], made[2]]
    assert [item.id async for item in first.auto_paging_iter()] == made[::-1]
    later: Any = wanted | {"created": {"gt": first.data[0].created}}
    assert (await stand.intents.list_async(later)).data == []
    with pytest.raises(stripe.InvalidRequestError):
        await stand.intents.list_async({"limit": 101})


async def test_refunds_are_listed_by_payment_in_pages(stand: StandIn) -> None:
    sold, other = await stand.intents.create_async(SALE), await stand.intents.create_async(SALE)
    made = []
    for amount in (100, 200, 300):
        order: Any = {"payment_intent": sold.id, "amount": amount, "metadata": {"n": str(amount)}}
        made.append((await stand.stripe.v1.refunds.create_async(order)).id)
        last = await stand.stripe.v1.refunds.create_async({"payment_intent": other.id, "amount": amount})
    wanted: Any = {"payment_intent": sold.id, "limit": 2}
    first = await stand.stripe.v1.refunds.list_async(wanted)
    assert ([item.id for item in first.data], first.has_more) == ([made[2], made[1]], True)
    assert [item.id async for item in first.auto_paging_iter()] == made[::-1]
    assert [item.metadata.to_dict() for item in first.data if item.metadata] == [{"n": "300"}, {"n": "200"}]
    beside = await stand.stripe.v1.refunds.list_async(wanted | {"starting_after": last.id})
    assert [item.id for item in beside.data] == [made[2], made[1]]
    newer = await stand.stripe.v1.refunds.list_async(wanted | {"ending_before": made[0]})
    assert [item.id for item in newer.data] == [made[2], made[1]]


async def test_a_cards_refund_cannot_be_cancelled(stand: StandIn) -> None:
    sold = await stand.intents.create_async(SALE | {"payment_method": "pm_card_pendingRefund"})
    refund = await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.stripe.v1.refunds.cancel_async(refund.id)
    assert refused.value.http_status == 400


async def test_pending_refunds_count_against_what_was_captured(stand: StandIn) -> None:
    sold = await stand.intents.create_async(SALE | {"payment_method": "pm_card_pendingRefund"})
    await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id, "amount": 1000})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id, "amount": 251})
    assert refused.value.param == "amount"
    await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id, "amount": 250})
    await stand.control("advance", seconds=60)
    with pytest.raises(stripe.InvalidRequestError) as again:
        await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id})
    assert again.value.code == "charge_already_refunded"


async def test_events_are_listed_by_time_and_type_in_pages(stand: StandIn) -> None:
    await stand.intents.create_async(HOLD)
    await stand.control("advance", seconds=100)
    sold = await stand.intents.create_async(SALE)
    everything = (await stand.stripe.v1.events.list_async({"limit": 100})).data
    since = everything[0].created - 50
    wanted: Any = {"created": {"gte": since}, "types": ["charge.succeeded", "payment_intent.succeeded"], "limit": 1}
    first = await stand.stripe.v1.events.list_async(wanted)
    assert first.has_more is True
    assert [event.type async for event in first.auto_paging_iter()] == ["payment_intent.succeeded", "charge.succeeded"]
    family: Any = {"created": {"gte": since}, "type": "payment_intent.*"}
    assert {event.data.object["id"] for event in (await stand.stripe.v1.events.list_async(family)).data} == {sold.id}
    recent = await stand.intents.list_async({"created": {"gte": since}})
    assert [intent.id for intent in recent.data] == [sold.id]
