"""Parcels of pieces that were sold before they were there: they wait, leave when all is there, or are cancelled."""

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.service import RPCError, RPCStatusCode

from tests.flow.kit import PRICE, Handle, Shop, until
from tests.flow.parcels_kit import Parcels
from tests.flow.test_backorder import receive, set_terms, waiting_for


async def waits(shop: Shop, there: int, wanted: int, *, day: str | None = None) -> tuple[str, dict[str, Any]]:
    """A thing of which so many are there, and an order of more; what can go has its label."""
    sku = shop.new_sku(there)
    await set_terms(shop, sku, backorder_limit=9, expected_on=day)
    answer = await shop.buy(sku, quantity=wanted)
    assert answer.status_code == 201, answer.text
    return sku, await Parcels(shop).labelled(answer.json()["order_number"])


async def begun(flow: Handle) -> bool:
    """Whether the parcel's workflow is there: an order is told of a moment before its parcels begin."""
    try:
        await flow.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def stage(shop: Shop, order: dict[str, Any], place: int) -> object:
    """What the list of the UI says of a parcel."""
    found, _ = await shop.attributes(Parcels(shop).flow(order, place))
    return found["Stage"]


async def test_what_is_there_leaves_and_the_rest_follows_when_it_has_come(shop: Shop) -> None:
    parcels = Parcels(shop)
    sku, order = await waits(shop, 1, 3, day="2027-03-01")
    first, second = order["shipments"]
    assert (first["waits_for_stock"], first["lines"][0]["quantity"], first["expected_on"]) == (False, 1, None)
    assert (second["waits_for_stock"], second["lines"][0]["quantity"]) == (True, 2)
    assert (second["state"], second["expected_on"]) == ("pending", "2027-03-01")
    assert await stage(shop, order, 1) == "waiting_for_stock"
    assert f"{sku} expected on 2027-03-01" in await shop.details(parcels.flow(order, 1))
    kept = await shop.hand_over(parcels.alone(order, 1))
    assert (kept.status_code, kept.json()["code"]) == (409, "not_in_stock"), kept.text
    assert (await parcels.money(order))[1] == 0
    picked = await shop.http.post(f"/v1/shipments/{second['id']}/picked")
    assert (picked.status_code, picked.json()["code"]) == (409, "not_in_stock"), picked.text
    await parcels.deliver(order, 0)
    await receive(shop, sku, 1, "one")
    assert waiting_for(shop, sku) == {order["number"]: 1}
    assert (await shop.order(order["number"]))["shipments"][1]["waits_for_stock"]
    await receive(shop, sku, 1, "two")
    await until(lambda: shop.order(order["number"]), lambda seen: seen["shipments"][1]["state"] == "label_bought")
    await parcels.deliver(order, 1)
    done = await shop.order_in(order["number"], "delivered")
    assert (done["payment"]["captured"], shop.stock(sku)) == (done["total"], (0, 0))
    assert "shipment.stock_came" in [event["type"] for event in done["timeline"]]


async def test_who_came_first_is_served_first_and_a_cancelled_one_makes_room(shop: Shop) -> None:
    parcels = Parcels(shop)
    sku, first = await waits(shop, 0, 1)
    second, third = [(await shop.buy(sku)).json()["order_number"] for _ in range(2)]
    assert (await parcels.cancel(await shop.order(second))).json()["state"] == "cancelled"
    assert waiting_for(shop, sku) == {first["number"]: 1, second: 0, third: 1}
    assert shop.stock(sku) == (0, 2)
    await receive(shop, sku, 1, "one")
    labelled = await shop.labelled(first["number"])
    assert (await shop.order(third))["shipments"][0]["waits_for_stock"]
    assert (await parcels.cancel(labelled)).json()["state"] == "cancelled"
    handed = await shop.hand_over(await shop.labelled(third))
    assert handed.json()["released"], handed.text
    assert shop.stock(sku) == (0, 0)


async def test_pieces_that_wait_are_cancelled_and_exactly_those_are_not_owed_any_more(shop: Shop) -> None:
    parcels = Parcels(shop)
    sku, order = await waits(shop, 1, 3)
    await receive(shop, sku, 1, "one")
    less = await parcels.cancel(order, lines={sku: 1})
    assert less.status_code == 200, less.text
    assert (waiting_for(shop, sku), shop.stock(sku)) == ({order["number"]: 0}, (2, 2))
    seen = await until(
        lambda: shop.order(order["number"]), lambda seen: seen["shipments"][1]["state"] == "label_bought"
    )
    await parcels.deliver(seen, 0)
    await parcels.deliver(seen, 1)
    done = await shop.order_in(order["number"], "delivered")
    assert (done["payment"]["captured"], shop.stock(sku)) == (done["total"] - PRICE, (0, 0))


async def test_a_parcel_that_waits_is_cancelled_after_the_other_has_left(shop: Shop) -> None:
    parcels = Parcels(shop)
    sku, order = await waits(shop, 1, 2)
    await parcels.deliver(order, 0)
    answer = await parcels.cancel(order)
    assert answer.status_code == 200, answer.text
    assert (waiting_for(shop, sku), shop.stock(sku)) == ({order["number"]: 0}, (0, 0))
    await shop.order_in(order["number"], "delivered")


async def test_stock_that_is_late_calls_a_person_once(shop: Shop) -> None:
    parcels = Parcels(shop)
    day = (datetime.now(UTC) + timedelta(days=1)).date()
    sku, order = await waits(shop, 0, 1, day=day.isoformat())
    flow = parcels.flow(order, 0)
    await until(lambda: begun(flow))
    await shop.skip_time(flow, timedelta(days=5))
    late = await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])
    assert f"{sku} expected on {day}: not there" in late["attention_reason"]
    await receive(shop, sku, 1, "late")
    seen = await shop.labelled(order["number"])
    assert await until(lambda: shop.order(order["number"]), lambda seen: not seen["needs_attention"])
    assert (await shop.hand_over(seen)).json()["released"]
