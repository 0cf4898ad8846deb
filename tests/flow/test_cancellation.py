"""Temporal's own cancellation, support's last resort: whenever it comes all is undone; what resists gets a person."""

import asyncio
import uuid

from domain.ids import checkout_id
from tests.flow.kit import TENANT, Handle, Shop, until


async def gone(shop: Shop, checkout: str, sku: str) -> None:
    """The stock is free, and Stripe holds nothing."""
    assert shop.stock(sku) == (5, 0)
    assert {intent["status"] for intent in await shop.intents(checkout)} <= {"canceled"}


async def struck(shop: Shop) -> int:
    """How often a fault has hit."""
    answer = await shop.http.get(f"{shop.links.stripe}/_control/faults")
    return sum(fault["struck"] for fault in answer.json()["faults"])


async def flagged(shop: Shop, flow: Handle) -> object:
    """Whether support's list shows it."""
    return (await shop.attributes(flow))[0]["NeedsAttention"]


async def test_while_the_shopper_is_waited_for(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.waiting(sku)
    flow = shop.checkout_flow(checkout["id"])
    await flow.cancel()
    ended = await shop.ended(flow)
    assert (ended["state"], ended["refusal"]["code"]) == ("cancelled", "cancelled_by_support")
    assert (await shop.checkout(checkout["id"]))["state"] == "cancelled"
    await gone(shop, checkout["id"], sku)


async def test_while_stripe_is_asked(shop: Shop) -> None:
    """The call's outcome is not known then: the undo finds out, and gives back what was held."""
    sku, key = shop.new_sku(), uuid.uuid4().hex
    number = checkout_id(TENANT, key)
    await shop.stripe("faults", operation="payment_intents.create", when="before", status=200, delay_seconds=1)
    asking = asyncio.create_task(shop.buy(sku, key=key))
    await until(lambda: struck(shop))
    flow = shop.checkout_flow(number)
    await flow.cancel()
    ended = await shop.ended(flow)
    assert (ended["state"], ended["refusal"]["code"]) == ("cancelled", "cancelled_by_support")
    answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (409, "cancelled_by_support")
    await gone(shop, number, sku)


async def test_a_void_that_fails_is_brought_before_a_person_and_tried_again(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.waiting(sku)
    flow = shop.checkout_flow(checkout["id"])
    await shop.stripe("faults", operation="payment_intents.cancel", when="before", status=401)
    await flow.cancel()

    await until(lambda: flagged(shop, flow))
    assert "the authorization could not be voided" in await shop.details(flow)
    assert shop.stock(sku) == (5, 1)  # the older undo waits for its turn
    await shop.skip_time(flow)  # an hour later it tries again
    assert (await shop.ended(flow))["state"] == "cancelled"
    await gone(shop, checkout["id"], sku)
    assert not await flagged(shop, flow)


async def test_so_is_that_of_an_order(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    flow = shop.order_flow(order["number"])
    await shop.stripe("faults", operation="payment_intents.cancel", when="before", status=401)
    asking = asyncio.create_task(shop.cancel_order(order["number"]))
    await until(lambda: flagged(shop, flow))
    seen = await shop.order(order["number"])
    assert (seen["state"], seen["needs_attention"]) == ("placed", True)
    await shop.skip_time(flow)
    assert (await asking).json()["state"] == "cancelled"
    assert (await shop.ended(flow))["state"] == "cancelled"
    await gone(shop, order["checkout_id"], sku)
    assert not await flagged(shop, flow)
    assert not (await shop.order(order["number"]))["needs_attention"]
