"""Stripe's idempotency keys, as docs.stripe.com/api/idempotent_requests has them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe

from tests.sandbox.test_stripe_stand import HOLD, StandIn


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


def under(key: str) -> Any:
    """Request options with a key."""
    return {"idempotency_key": key}


async def test_a_repeat_gets_the_same_answer_and_makes_nothing(stand: StandIn) -> None:
    first = await stand.intents.create_async(HOLD, under("a"))
    again = await stand.intents.create_async(HOLD, under("a"))
    assert again.last_response.body == first.last_response.body
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.headers["request-id"]
    assert "idempotent-replayed" not in first.last_response.headers
    assert (await stand.state())["intents"] == 1


async def test_the_saved_answer_is_old_news(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD, under("a"))
    await stand.intents.capture_async(held.id)
    assert (await stand.intents.create_async(HOLD, under("a"))).status == "requires_capture"


async def test_a_decline_is_replayed(stand: StandIn) -> None:
    order = HOLD | {"payment_method": "pm_card_chargeDeclined"}
    bodies = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            await stand.intents.create_async(order, under("a"))
        bodies.append(declined.value.http_body)
    assert bodies[0] == bodies[1]
    assert (await stand.state())["charges"] == 1


async def test_another_request_may_not_use_the_key(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD, under("a"))
    with pytest.raises(stripe.IdempotencyError) as other_amount:
        await stand.intents.create_async(HOLD | {"amount": 1251}, under("a"))
    assert other_amount.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        await stand.intents.capture_async(held.id, {}, under("a"))
    assert (await stand.intents.retrieve_async(held.id)).status == "requires_capture"


async def test_of_two_at_once_one_is_in_the_way(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.create", status=200, delay_seconds=0.3)
    first = asyncio.create_task(stand.intents.create_async(HOLD, under("a")))
    await asyncio.sleep(0.1)
    with pytest.raises(stripe.StripeError) as conflict:
        await stand.intents.create_async(HOLD, under("a"))
    assert conflict.value.error is not None
    assert (conflict.value.http_status, conflict.value.error.code) == (409, "idempotency_key_in_use")
    made = await first
    assert (await stand.intents.create_async(HOLD, under("a"))).id == made.id
    assert (await stand.state())["intents"] == 1


async def test_what_failed_validation_is_not_kept(stand: StandIn) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await stand.intents.create_async(HOLD | {"amount": 1}, under("a"))
    assert (await stand.intents.create_async(HOLD, under("a"))).status == "requires_capture"


async def test_what_failed_in_execution_is_kept(stand: StandIn) -> None:
    intent = await stand.intents.create_async(HOLD | {"confirm": False})
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await stand.intents.capture_async(intent.id, {}, under("a"))
        assert refused.value.code == "payment_intent_unexpected_state"
        await stand.intents.confirm_async(intent.id, {}, under("b"))


async def test_a_key_is_forgotten_after_a_day(stand: StandIn) -> None:
    first = await stand.intents.create_async(HOLD, under("a"))
    await stand.control("advance", seconds=86_340)
    assert (await stand.intents.create_async(HOLD, under("a"))).id == first.id
    await stand.control("advance", seconds=61)
    assert (await stand.intents.create_async(HOLD, under("a"))).id != first.id


async def test_keys_have_a_length(stand: StandIn) -> None:
    assert (await stand.intents.create_async(HOLD, under("k" * 255))).status == "requires_capture"
    with pytest.raises(stripe.InvalidRequestError):
        await stand.intents.create_async(HOLD, under("k" * 256))


async def test_a_get_ignores_keys(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    await stand.intents.retrieve_async(held.id, {}, under("a"))
    await stand.intents.capture_async(held.id)
    assert (await stand.intents.retrieve_async(held.id, {}, under("a"))).status == "succeeded"
