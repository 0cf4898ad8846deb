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
