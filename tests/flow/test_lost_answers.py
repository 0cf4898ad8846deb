"""Stripe's answer is lost: there is one intent and one capture all the same."""

from typing import Any

import pytest

from tests.flow.kit import PRICE, SHIPPING, Shop

TOTAL = PRICE + SHIPPING
FAULTS = [
    pytest.param({"when": "after", "status": None}, id="answer-lost"),
    pytest.param({"when": "before", "status": None}, id="never-arrived"),
    pytest.param({"when": "before", "status": 429, "retry_after": 0}, id="rate-limited"),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_of_an_authorization(shop: Shop, fault: dict[str, Any]) -> None:
    sku = shop.new_sku()
    await shop.stripe("faults", operation="payment_intents.create", **fault)
    order = await shop.bought(sku)
    intent = await shop.intent(order["checkout_id"])
    assert (intent["status"], intent["attempts"]) == ("requires_capture", 1)
    assert shop.stock(sku) == (5, 1)


@pytest.mark.parametrize("fault", FAULTS)
async def test_of_a_capture(shop: Shop, fault: dict[str, Any]) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    before = (await shop.stripe("state"))["captures"]
    await shop.stripe("faults", operation="payment_intents.capture", **fault)
    answer = await shop.hand_over(order)
    assert answer.json().get("released") is True, answer.text
    intent = await shop.intent(order["checkout_id"])
    assert (intent["status"], intent["amount_received"]) == ("succeeded", TOTAL)
    assert (await shop.stripe("state"))["captures"] == before + 1
    order = await shop.order_in(order["number"], "shipped")
    assert (order["payment"]["captured"], order["needs_attention"]) == (TOTAL, False)


async def test_of_a_void(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    await shop.stripe("faults", operation="payment_intents.cancel", when="after", status=None)
    answer = await shop.cancel_order(order["number"])
    assert answer.json()["state"] == "cancelled", answer.text
    assert (await shop.intent(order["checkout_id"]))["status"] == "canceled"
    assert shop.stock(sku) == (5, 0)


async def test_of_a_label(shop: Shop) -> None:
    await shop.carrier("faults", operation="buy", when="after", status=None)
    order = await shop.bought(shop.new_sku())
    labels = await shop.labels(order)
    assert (labels["labels_bought"], labels["labels_live"], len(labels["shipments"])) == (1, 1, 1)
