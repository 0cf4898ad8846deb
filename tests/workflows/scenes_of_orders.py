"""Scenes of orders for `record.py`: every way in which an order ends, and what makes one wait on its way."""

from datetime import timedelta
from typing import Any

from tests.flow.kit import Handle, Shop, until
from tests.flow.parcels_kit import Parcels
from tests.flow.returns_kit import Returns

SHOPPER = {"email": "shopper@example.com", "name": "Invented Shopper"}
ADDRESS = {"name": "Invented Shopper", "line1": "1 Example Street", "city": "Paris", "postal_code": "75002"}
HOW: dict[str, Any] = {"customer": SHOPPER, "shipping_address": ADDRESS | {"country": "FR"}}
SIGNED = {"actor": "support", "reason": "seen to"}


async def _closed(shop: Shop, order: dict[str, Any]) -> Handle:
    """Delivered, and the return window passes."""
    await shop.order_in(order["number"], "delivered", within=60)
    flow = shop.order_flow(order["number"])
    await shop.skip_time(flow)
    return flow


async def _seen_to(shop: Shop, order: dict[str, Any]) -> Handle:
    """A person is called, and has seen to it."""
    await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"], within=60)
    flow = shop.order_flow(order["number"])
    await flow.execute_update("acknowledge", SIGNED)
    return flow


async def lost(shop: Shop) -> dict[str, Handle]:
    """The carrier lost it; a person has seen to it."""
    order = await shop.bought(shop.new_sku(), **HOW)
    await shop.hand_over(order)
    await shop.scan(order, "picked_up", "lost")
    return {"order_lost": await _seen_to(shop, order)}


async def left_unheard(shop: Shop) -> dict[str, Handle]:
    """All its scans were lost; its carrier is asked once its day has passed."""
    order = await shop.bought(shop.new_sku(), **HOW)
    await shop.carrier("webhooks", mode="drop")
    await shop.scan(order, "picked_up", "delivered")
    await shop.skip_time(shop.parcel_flow(order), timedelta(hours=49))
    await shop.order_in(order["number"], "delivered")
    await shop.carrier("webhooks", mode="normal")
    return {"shipment_left_unheard": shop.parcel_flow(order)}


async def returned_to_sender(shop: Shop) -> dict[str, Handle]:
    """Nobody took it, and it came back; a person has seen to it."""
    order = await shop.bought(shop.new_sku(), **HOW)
    await shop.hand_over(order)
    await shop.scan(order, "picked_up", "return_to_sender")
    return {
        "order_returned_to_sender": await _seen_to(shop, order),
        "shipment_returned_to_sender": shop.parcel_flow(order),
    }


async def held(shop: Shop) -> dict[str, Handle]:
    """Support holds it, leaves a note, and releases it; then it goes its way."""
    order = await shop.bought(shop.new_sku(), **HOW)
    flow = shop.order_flow(order["number"])
    for act in ("hold", "note", "release"):
        await flow.execute_update(act, SIGNED)
    await until(lambda: shop.details(shop.parcel_flow(order)), lambda seen: "Released" in seen)
    await Parcels(shop).deliver(order, 0)
    return {"order_held_and_released": await _closed(shop, order), "shipment_held": shop.parcel_flow(order)}


async def in_two_parcels(shop: Shop) -> dict[str, Handle]:
    """Each captured as it leaves."""
    sku, parcels = shop.new_sku(), Parcels(shop)
    order = await parcels.bought({sku: 1}, {sku: 1}, **HOW)
    for place in (0, 1):
        await parcels.deliver(order, place)
    return {"order_in_two_parcels": await _closed(shop, order), "shipment_second_of_two": parcels.flow(order, 1)}


async def backordered(shop: Shop) -> dict[str, Handle]:
    """Sold before it was there; it waits, is received, and goes."""
    sku, parcels = shop.new_sku(0), Parcels(shop)
    terms = {"backorder_limit": 1, "expected_on": "2027-12-10", "expected": {}}
    assert (await shop.http.put(f"/v1/stock/florence/{sku}/terms", json=terms)).status_code == 200
    order = await shop.bought(sku, labelled=False, **HOW)
    await until(lambda: shop.details(parcels.flow(order, 0)), lambda seen: "expected on" in seen)
    came = {"quantity": 1, "reason": "delivery", "kind": "received"}
    path = f"/v1/stock/florence/{sku}/adjustments"
    answer = await shop.http.post(path, json=came, headers={"Idempotency-Key": f"{sku}-came"})
    assert answer.status_code == 201, answer.text
    order = await shop.labelled(order["number"])
    await parcels.deliver(order, 0)
    return {"order_backordered": await _closed(shop, order), "shipment_backordered": parcels.flow(order, 0)}


async def refunded(shop: Shop) -> dict[str, Handle]:
    """All of it goes back after it was delivered, without a return."""
    order = await shop.bought(shop.new_sku(), **HOW)
    await Parcels(shop).deliver(order, 0)
    await shop.order_in(order["number"], "delivered", within=60)
    headers = {"Idempotency-Key": f"refund-{order['number']}"}
    answer = await shop.http.post(f"/v1/orders/{order['number']}/refunds", json={}, headers=headers)
    assert answer.status_code == 201, answer.text
    return {"order_refunded": await _closed(shop, order)}


async def sent_back(shop: Shop) -> dict[str, Handle]:
    """Its window is over while a return is on its way: the order waits for that."""
    sku, returns = shop.new_sku(), Returns(shop)
    order = await returns.delivered(sku, **HOW)
    back = await returns.labelled(order, sku)
    flow = await _closed(shop, order)
    await until(lambda: shop.details(flow), lambda seen: "is waited for" in seen)
    assert (await returns.act(back, "receive")).status_code == 200
    await returns.inspect(back, sku, restock=1)
    return {"order_returned": flow}


SCENES = (lost, left_unheard, returned_to_sender, held, in_two_parcels, backordered, refunded, sent_back)
