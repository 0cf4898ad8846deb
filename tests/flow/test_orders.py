"""An order's life: it leaves, arrives and is closed; or it is cancelled; or its money cannot be taken."""

import asyncio

from tests.flow.kit import PRICE, SHIPPING, Shop, until
from workflows.shipment import ShipmentWorkflow

TOTAL = PRICE + SHIPPING
DECLINE = {"operation": "payment_intents.capture", "status": 402}


async def test_cancelled_after_payment(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    assert (await shop.labels(order))["labels_live"] == 1
    answer = await shop.cancel_order(order["number"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled"), answer.text
    assert answer.json()["payment"]["state"] == "voided"
    assert answer.json()["shipments"][0]["state"] == "cancelled"
    assert answer.json()["timeline"][-1]["type"] == "order.cancelled"

    intent = await shop.intent(order["checkout_id"])
    assert (intent["status"], intent["amount_received"]) == ("canceled", 0)
    labels = await shop.labels(order)
    assert (labels["labels_bought"], labels["labels_voided"], labels["labels_live"]) == (1, 1, 0)
    assert shop.stock(sku) == (5, 0)
    assert (await shop.ended(shop.order_flow(order["number"])))["state"] == "cancelled"
    assert (await shop.ended(shop.parcel_flow(order)))["state"] == "cancelled"
    again = await shop.cancel_order(order["number"])
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")


async def test_cancelled_in_the_moment_it_is_placed(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku, labelled=False)
    answer = await shop.cancel_order(order["number"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled"), answer.text
    assert (await shop.intent(order["checkout_id"]))["status"] == "canceled"
    state = (await shop.carrier("state")).json()["references"].get(order["shipments"][0]["id"])
    assert state is None or state["labels_live"] == 0
    assert shop.stock(sku) == (5, 0)


async def test_the_dock_asks_and_the_payment_is_captured(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    assert (await shop.intent(order["checkout_id"]))["status"] == "requires_capture"
    answer = await shop.hand_over(order)
    assert (answer.status_code, answer.json()["released"]) == (200, True), answer.text
    order = await shop.order_in(order["number"], "shipped")
    assert (order["payment"]["state"], order["payment"]["captured"]) == ("captured", TOTAL)
    assert (await shop.intent(order["checkout_id"]))["amount_received"] == TOTAL
    assert shop.stock(sku) == (4, 0)

    assert (await shop.hand_over(order)).json()["released"] is True
    refused = await shop.cancel_order(order["number"])
    assert (refused.status_code, refused.json()["code"]) == (409, "already_shipped")
    assert (await shop.order(order["number"]))["state"] == "shipped"

    await shop.scan(order, "picked_up", "in_transit", "out_for_delivery", "delivered")
    await shop.order_in(order["number"], "delivered")
    parcel = await shop.ended(shop.parcel_flow(order))
    assert (parcel["state"], parcel["captured"]) == ("delivered", True)
    assert (await shop.intent(order["checkout_id"]))["amount_received"] == TOTAL


async def test_scans_twice_and_backwards_change_nothing(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    await shop.carrier("webhooks", mode="hold", duplicate=2, reorder=True)
    await shop.scan(order, "picked_up", "in_transit", "out_for_delivery", "delivered")
    await shop.carrier("webhooks/release")
    await shop.carrier("webhooks", mode="normal")
    order = await shop.order_in(order["number"], "delivered")
    await until(lambda: shop.order(order["number"]), lambda seen: len(seen["shipments"][0]["scans"]) == 4)
    types = [event["type"] for event in order["timeline"]]
    assert (types.count("payment.captured"), types.count("order.delivered")) == (1, 1)
    assert (await shop.intent(order["checkout_id"]))["amount_received"] == TOTAL
    assert shop.stock(sku) == (4, 0)


async def test_a_capture_declined_at_the_dock(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    number = order["number"]
    await shop.stripe("faults", **DECLINE)
    answer = await shop.hand_over(order)
    assert (answer.status_code, answer.json()["released"]) == (200, False), answer.text
    assert answer.json()["reason"] == "card_declined"
    order = await shop.order(number)
    assert (order["state"], order["needs_attention"]) == ("placed", True)
    assert order["shipments"][0]["state"] == "label_bought"
    assert "payment.capture_failed" in [event["type"] for event in order["timeline"]]
    assert (await shop.intent(order["checkout_id"]))["amount_received"] == 0
    assert shop.stock(sku) == (5, 1)

    async def flagged() -> object:
        return (await shop.attributes(shop.order_flow(number)))[0]["NeedsAttention"]

    await until(flagged)
    await shop.parcel_flow(order).execute_update(ShipmentWorkflow.retry)
    assert (await shop.hand_over(order)).json()["released"] is True
    order = await shop.order_in(number, "shipped")
    assert (order["needs_attention"], order["attention_reason"]) == (False, None)
    assert (await shop.intent(order["checkout_id"]))["amount_received"] == TOTAL
    assert (await shop.stripe("state"))["captures"] >= 1
    await until(flagged, lambda value: not value)
    assert shop.stock(sku) == (4, 0)


async def test_the_return_window_passes(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    number = order["number"]
    await shop.scan(order, "picked_up", "delivered")
    await shop.order_in(number, "delivered")
    await shop.skip_time(shop.order_flow(number))
    order = await shop.order_in(number, "closed")
    assert order["timeline"][-1]["type"] == "order.closed"
    assert (await shop.ended(shop.order_flow(number)))["state"] == "closed"
    found, _ = await shop.attributes(shop.order_flow(number))
    assert (found["Stage"], found["NeedsAttention"]) == ("closed", False)


async def test_a_lost_parcel_is_brought_before_a_person(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    number = order["number"]
    await shop.scan(order, "picked_up", "lost")
    order = await until(lambda: shop.order(number), lambda seen: seen["needs_attention"])
    assert order["shipments"][0]["state"] == "lost"


async def test_a_label_that_cannot_be_given_back_does_not_hold_a_cancellation_up(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    await shop.carrier("faults", operation="void", status=400)
    answer = await shop.cancel_order(order["number"])
    assert answer.json()["state"] == "cancelled", answer.text
    assert (await shop.intent(order["checkout_id"]))["status"] == "canceled"
    assert shop.stock(sku) == (5, 0)
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["needs_attention"])
    assert "could not be given back" in seen["attention_reason"]
    assert (await shop.ended(shop.order_flow(order["number"])))["state"] == "cancelled"


async def test_a_refused_cancellation_can_be_asked_for_again(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    await shop.stripe("faults", operation="payment_intents.capture", status=402, delay_seconds=1)
    leaving = asyncio.create_task(shop.hand_over(order))
    await asyncio.sleep(0.3)
    early = await shop.cancel_order(order["number"])
    assert (early.status_code, early.json()["code"]) == (409, "already_shipped"), early.text
    assert (await leaving).json()["released"] is False
    again = await shop.cancel_order(order["number"])
    assert again.json()["state"] == "cancelled", again.text
    assert shop.stock(sku) == (5, 0)
