"""Raising an authorization before its capture, through the official SDK."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe

from tests.sandbox.test_stripe_stand import HOLD, StandIn

RAISABLE: Any = HOLD | {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}


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


async def incremental(stand: StandIn, order: Any) -> tuple[str, str]:
    """A hold, and whether it may be raised."""
    held = await stand.intents.create_async(order | {"expand": ["latest_charge"]})
    return held.id, held.latest_charge.payment_method_details.card.incremental_authorization.status


async def test_a_hold_is_raised_and_captured(stand: StandIn) -> None:
    key, status = await incremental(stand, RAISABLE)
    assert status == "available"
    order: Any = {"amount": 1500, "metadata": {"more": "1"}, "description": "Two", "expand": ["latest_charge"]}
    raised = await stand.intents.increment_authorization_async(key, order, {"idempotency_key": "raise"})
    assert (raised.status, raised.amount, raised.amount_capturable) == ("requires_capture", 1500, 1500)
    assert (raised.description, raised.metadata.to_dict()) == ("Two", {"more": "1"})
    charge = raised.latest_charge
    assert (charge.amount, charge.payment_method_details.card.amount_authorized) == (1500, 1500)
    again = await stand.intents.increment_authorization_async(key, order, {"idempotency_key": "raise"})
    assert again.last_response.headers["idempotent-replayed"] == "true"
    raised = await stand.intents.increment_authorization_async(key, {"amount": 1600})
    done = await stand.intents.capture_async(key, {"expand": ["latest_charge.balance_transaction"]})
    assert (done.amount_received, done.latest_charge.balance_transaction.amount) == (1600, 1600)
    refund = await stand.stripe.v1.refunds.create_async({"payment_intent": key})
    assert refund.amount == 1600
    events = (await stand.stripe.v1.events.list_async({"type": "payment_intent.amount_capturable_updated"})).data
    assert [event.data.object["amount_capturable"] for event in events] == [1600, 1500, 1250]


@pytest.mark.parametrize("amount", [1250, 1000])
async def test_amounts_go_up_only(stand: StandIn, amount: int) -> None:
    key, _ = await incremental(stand, RAISABLE)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.intents.increment_authorization_async(key, {"amount": amount})
    assert (refused.value.http_status, refused.value.param) == (400, "amount")
    assert (await stand.intents.retrieve_async(key)).amount == 1250


@pytest.mark.parametrize("order", [HOLD, RAISABLE | {"payment_method": "pm_card_jcb"}])
async def test_it_must_be_asked_for_and_the_brand_must_take_part(stand: StandIn, order: Any) -> None:
    key, status = await incremental(stand, order)
    assert status == "unavailable"
    with pytest.raises(stripe.InvalidRequestError):
        await stand.intents.increment_authorization_async(key, {"amount": 1500})


async def test_what_is_captured_or_cancelled_cannot_be_raised(stand: StandIn) -> None:
    taken, _ = await incremental(stand, RAISABLE)
    await stand.intents.capture_async(taken)
    voided, _ = await incremental(stand, RAISABLE)
    await stand.intents.cancel_async(voided)
    for key in (taken, voided):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await stand.intents.increment_authorization_async(key, {"amount": 1500})
        assert refused.value.code == "payment_intent_unexpected_state"
    both = {"request_incremental_authorization": "if_available", "request_multicapture": "if_available"}
    part, _ = await incremental(stand, HOLD | {"payment_method_options": {"card": both}})
    await stand.intents.capture_async(part, {"amount_to_capture": 500, "final_capture": False})
    with pytest.raises(stripe.InvalidRequestError):
        await stand.intents.increment_authorization_async(part, {"amount": 1500})


async def test_a_declined_raise_leaves_the_hold(stand: StandIn) -> None:
    key, _ = await incremental(stand, RAISABLE)
    await stand.fault(operation="payment_intents.increment_authorization", payment_intent=key, status=402)
    with pytest.raises(stripe.CardError) as declined:
        await stand.intents.increment_authorization_async(key, {"amount": 1500})
    assert declined.value.code == "card_declined"
    held = await stand.intents.retrieve_async(key)
    assert (held.status, held.amount, held.amount_capturable) == ("requires_capture", 1250, 1250)
    assert (await stand.state())["charges"] == 1


async def test_there_are_ten_attempts(stand: StandIn) -> None:
    key, _ = await incremental(stand, RAISABLE)
    for step in range(10):
        await stand.intents.increment_authorization_async(key, {"amount": 1300 + step})
    with pytest.raises(stripe.InvalidRequestError):
        await stand.intents.increment_authorization_async(key, {"amount": 2000})
    assert (await stand.intents.retrieve_async(key)).amount == 1309
