"""The warehouse tells what it counted and what came in, over HTTP, while shoppers buy."""

import asyncio
import uuid
from typing import Any

import httpx

from tests.flow.kit import Shop

FLORENCE = "/v1/stock/florence"


async def put(shop: Shop, sku: str, count: int, expected: int) -> httpx.Response:
    """A count."""
    body = {"count": count, "expected": expected, "reason": "stocktake"}
    return await shop.http.put(f"{FLORENCE}/{sku}", json=body)


async def adjust(shop: Shop, sku: str, quantity: int, key: str | None = None, **more: Any) -> httpx.Response:
    """An adjustment."""
    body = {"quantity": quantity, "reason": "delivery", "kind": "adjusted"} | more
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    return await shop.http.post(f"{FLORENCE}/{sku}/adjustments", json=body, headers=headers)


def level(sku: str, on_hand: int, reserved: int) -> dict[str, Any]:
    """As it is told."""
    there = {"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved}
    return {"location": "florence", "sku": sku, **there}


async def test_where_a_thing_is(shop: Shop) -> None:
    sku = shop.new_sku(5)
    waiting = await shop.waiting(sku, quantity=2)
    seen = await shop.http.get(f"/v1/stock/{sku}")
    sold = {"backordered": 0, "safety_stock": 0, "backorder_limit": 0, "backorder_kind": "backorder"}
    told = level(sku, 5, 2) | sold | {"expected_on": None, "sellable": 3}
    assert (seen.status_code, seen.json()) == (200, {"sku": sku, "levels": [told]})
    places = await shop.http.get("/v1/locations")
    assert places.json()[0]["id"] == "florence"
    await shop.http.post(f"/v1/checkouts/{waiting['id']}/cancel")


async def test_a_count_beside_a_shopper(shop: Shop) -> None:
    sku = shop.new_sku(5)
    waiting = await shop.waiting(sku, quantity=2)
    low = await put(shop, sku, 1, 5)
    assert (low.status_code, low.json()["code"]) == (409, "below_reserved")
    counted = await put(shop, sku, 4, 5)
    assert (counted.status_code, counted.json()) == (200, level(sku, 4, 2))
    late = await put(shop, sku, 7, 5)
    assert (late.status_code, late.json()["code"]) == (409, "stock_changed")
    assert late.json()["facts"] == {"on_hand": "4", "reserved": "2"}
    await shop.http.post(f"/v1/checkouts/{waiting['id']}/cancel")
    assert shop.stock(sku) == (4, 0)


async def test_an_adjustment_and_its_repeat(shop: Shop) -> None:
    sku, key = shop.new_sku(5), uuid.uuid4().hex
    first = await adjust(shop, sku, 3, key, kind="received")
    assert (first.status_code, first.json()) == (201, level(sku, 8, 0))
    await adjust(shop, sku, -1)
    again = await adjust(shop, sku, 3, key, kind="received")
    assert (again.status_code, again.json()) == (201, first.json())
    for other in (await adjust(shop, sku, 4, key, kind="received"), await adjust(shop, sku, 3, key, kind="returned")):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = await adjust(shop, shop.new_sku(1), 3, key, kind="received")
    assert elsewhere.json()["code"] == "idempotency_key_reused"
    low = await adjust(shop, sku, -8)
    assert (low.status_code, low.json()["code"]) == (409, "below_reserved")
    assert shop.stock(sku) == (7, 0)
    told = shop.sql(
        "SELECT kind, quantity, cause FROM stock_movements WHERE sku = :s AND cause = :c", s=sku, c=f"adjustment {key}"
    )
    assert told == [("received", 3, f"adjustment {key}")]


async def test_what_came_in_can_be_bought(shop: Shop) -> None:
    sku = shop.new_sku(0)
    assert (await shop.buy(sku)).json()["code"] == "out_of_stock"
    assert (await put(shop, sku, 1, 0)).json() == level(sku, 1, 0)
    order = await shop.bought(sku)
    assert (order["state"], shop.stock(sku)) == ("placed", (1, 1))
    assert (await put(shop, sku, 0, 1)).json()["code"] == "below_reserved"


async def test_counts_and_carts_at_once_never_oversell(shop: Shop) -> None:
    sku = shop.new_sku(6)
    answers = await asyncio.gather(
        *(shop.waiting(sku) for _ in range(3)), *(put(shop, sku, n, 6) for n in (3, 4, 5)), return_exceptions=True
    )
    assert not [one for one in answers if isinstance(one, Exception)]
    counts = [one for one in answers if isinstance(one, httpx.Response)]
    assert sorted(one.status_code for one in counts) == [200, 409, 409]
    (done,) = [one for one in counts if one.status_code == 200]
    assert shop.stock(sku) == (done.json()["on_hand"], 3)
    for one in answers:
        if isinstance(one, dict):
            await shop.http.post(f"/v1/checkouts/{one['id']}/cancel")
    assert shop.stock(sku)[1] == 0


async def test_every_change_of_a_level_says_what_it_was_for(shop: Shop) -> None:
    """Received, reserved, released, allocated, shipped, returned, adjusted: each once, each with its cause."""
    sku = shop.new_sku(5)
    given_up = await shop.waiting(sku)
    await shop.http.post(f"/v1/checkouts/{given_up['id']}/cancel")
    order = await shop.bought(sku, quantity=2)
    assert (await shop.hand_over(order)).json()["released"]
    for kind, units in (("received", 4), ("returned", 1), ("adjusted", -1)):
        body = {"quantity": units, "reason": kind, "kind": kind}
        headers = {"Idempotency-Key": f"{sku}/{kind}"}
        await shop.http.post(f"/v1/stock/florence/{sku}/adjustments", json=body, headers=headers)
    await shop.http.put(f"/v1/stock/florence/{sku}", json={"count": 6, "expected": 7, "reason": "stocktake"})
    query = "SELECT kind, quantity, cause FROM stock_movements WHERE sku = :s ORDER BY movement_id"
    first, second, number = given_up["id"], order["checkout_id"], order["number"]
    assert shop.sql(query, s=sku) == [
        ("received", 5, "opening stock"),
        ("reserved", 1, first), ("released", 1, first),
        ("reserved", 2, second), ("allocated", 2, second), ("shipped", 2, f"order {number}"),
        ("received", 4, f"adjustment {sku}/received"), ("returned", 1, f"adjustment {sku}/returned"),
        ("adjusted", -1, f"adjustment {sku}/adjusted"), ("adjusted", -1, "count: stocktake"),
    ]  # fmt: skip
    assert shop.stock(sku) == (6, 0)
