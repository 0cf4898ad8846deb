"""Units sold before they are there: the shopper is told when they come, and who came first is served first."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from tests.flow.kit import TENANT, Shop
from tests.flow.test_sweeper import sweep

EXPECTED = "2026-12-10"


LYON = (
    "SELECT set_config('milepost.tenant', :t, true)",
    (
        "INSERT INTO locations (tenant_id, location_id, name, priority, address)"
        " SELECT tenant_id, 'lyon', 'Lyon', 9, address FROM locations WHERE location_id = 'florence'"
        " ON CONFLICT DO NOTHING"
    ),
    "INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand) VALUES (:t, 'lyon', :sku, 5)",
    (
        "INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)"
        " VALUES (:t, 'lyon', :sku, 'received', 5, 'opening stock')"
    ),
)
"""Five of a thing at a place that is asked last."""


async def set_terms(shop: Shop, sku: str, place: str = "florence", **terms: Any) -> httpx.Response:
    """How it is sold from now on; it was never said before."""
    return await shop.http.put(f"/v1/stock/{place}/{sku}/terms", json={"expected": {}} | terms)


async def receive(shop: Shop, sku: str, units: int, key: str) -> None:
    """A delivery."""
    answer = await shop.http.post(
        f"/v1/stock/florence/{sku}/adjustments",
        json={"quantity": units, "reason": "delivery", "kind": "received"},
        headers={"Idempotency-Key": f"{sku}-{key}"},
    )
    assert answer.status_code == 201, answer.text


def waiting_for(shop: Shop, sku: str) -> dict[str, int]:
    """Order → units it waits for."""
    query = (
        "SELECT o.order_number, r.backordered FROM reservations r JOIN orders o USING (tenant_id, checkout_id)"
        " WHERE r.sku = :s"
    )
    return {str(number): int(units) for number, units in shop.sql(query, s=sku)}


async def test_a_backordered_unit_is_told_of_and_covered_when_it_comes(shop: Shop) -> None:
    sku = shop.new_sku(1)
    await set_terms(shop, sku, backorder_limit=3, expected_on=EXPECTED)
    first = await shop.buy(sku, quantity=2)
    assert first.status_code == 201, first.text
    later = {"sku": sku, "quantity": 1, "kind": "backorder", "expected_on": EXPECTED}
    assert first.json()["backordered"] == [later]
    assert (await shop.checkout(first.json()["id"]))["backordered"] == [later]
    second = await shop.buy(sku, quantity=2)
    assert second.json()["backordered"] == [later | {"quantity": 2}]
    sold_out = await shop.buy(sku)
    assert (sold_out.status_code, sold_out.json()["code"]) == (409, "out_of_stock")

    one, two = first.json()["order_number"], second.json()["order_number"]
    (line,) = (await shop.order(one))["lines"]
    assert (line["backordered"], line["expected_on"]) == (1, EXPECTED)
    await receive(shop, sku, 2, "a")
    assert waiting_for(shop, sku) == {one: 0, two: 1}
    (line,) = (await shop.order(one))["lines"]
    assert (line["backordered"], line["expected_on"]) == (0, None)
    assert "stock.covered" in [event["type"] for event in (await shop.order(one))["timeline"]]
    await shop.cancel_order(one)
    assert waiting_for(shop, sku) == {one: 0, two: 0}
    assert shop.stock(sku) == (3, 2)


async def test_safety_stock_is_never_sold_and_a_preorder_says_so(shop: Shop) -> None:
    kept, coming = shop.new_sku(3), shop.new_sku(0)
    terms = await set_terms(shop, kept, safety_stock=2)
    assert (terms.json()["available"], terms.json()["sellable"]) == (3, 1)
    assert (await shop.buy(kept, quantity=2)).json()["code"] == "out_of_stock"
    assert (await shop.buy(kept)).status_code == 201
    assert (await shop.buy(kept)).json()["code"] == "out_of_stock"
    await set_terms(shop, coming, backorder_limit=1, backorder_kind="preorder", expected_on=EXPECTED)
    bought = await shop.buy(coming)
    assert bought.json()["backordered"] == [{"sku": coming, "quantity": 1, "kind": "preorder", "expected_on": EXPECTED}]


async def test_a_preorder_is_sold_against_its_limit_and_leaves_when_it_comes_out(shop: Shop) -> None:
    """It is on the shelf before its day: none is sent early, and none is sold beyond the limit."""
    sku, today = shop.new_sku(5), datetime.now(UTC).date()
    out = (today + timedelta(days=3)).isoformat()
    terms: dict[str, Any] = {"backorder_limit": 2, "backorder_kind": "preorder", "expected_on": out}
    told = await set_terms(shop, sku, **terms)
    assert (told.json()["available"], told.json()["sellable"]) == (5, 2)
    first, second = await shop.buy(sku), await shop.buy(sku)
    assert first.json()["backordered"] == [{"sku": sku, "quantity": 1, "kind": "preorder", "expected_on": out}]
    assert (await shop.buy(sku)).json()["code"] == "out_of_stock"
    one, two = first.json()["order_number"], second.json()["order_number"]
    await receive(shop, sku, 1, "early")
    await sweep(shop)
    assert waiting_for(shop, sku) == {one: 1, two: 1}
    kept = await shop.hand_over(await shop.order(one))
    assert (kept.status_code, kept.json()["code"]) == (409, "not_in_stock")

    came = await set_terms(shop, sku, **terms | {"expected_on": today.isoformat()}, expected=terms)
    assert came.status_code == 200
    await sweep(shop)
    assert waiting_for(shop, sku) == {one: 0, two: 0}
    level = (await shop.http.get(f"/v1/stock/{sku}")).json()["levels"][0]
    assert {name: level[name] for name in ("backorder_kind", "backorder_limit", "expected_on", "sellable")} == {
        "backorder_kind": "backorder", "backorder_limit": 0, "expected_on": None, "sellable": 4,
    }  # fmt: skip
    for number in (one, two):
        assert (await shop.hand_over(await shop.labelled(number))).json()["released"]
    assert (await shop.buy(sku)).json()["backordered"] == []
    await sweep(shop)
    assert shop.stock(sku) == (4, 1)


async def test_a_preorder_that_is_late_waits_on_and_is_sold_no_further(shop: Shop) -> None:
    sku, today = shop.new_sku(1), datetime.now(UTC).date().isoformat()
    await set_terms(shop, sku, backorder_limit=3, backorder_kind="preorder", expected_on=today)
    numbers = [(await shop.buy(sku)).json()["order_number"] for _ in range(2)]
    await sweep(shop)
    assert waiting_for(shop, sku) == dict(zip(numbers, (0, 1), strict=True))
    assert (await shop.buy(sku)).json()["code"] == "out_of_stock"
    await receive(shop, sku, 1, "late")
    assert waiting_for(shop, sku) == dict.fromkeys(numbers, 0)


async def test_terms_are_compared_before_they_are_set(shop: Shop) -> None:
    sku = shop.new_sku(0)
    assert (await set_terms(shop, sku, backorder_limit=2)).status_code == 200
    late = await set_terms(shop, sku, backorder_limit=5)
    assert (late.status_code, late.json()["code"]) == (409, "stock_changed")
    assert late.json()["facts"]["backorder_limit"] == "2"
    bought = await shop.buy(sku)
    low = await set_terms(shop, sku, expected={"backorder_limit": 2})
    assert (low.status_code, low.json()["code"]) == (409, "below_backordered")
    await shop.cancel_order(bought.json()["order_number"])
    assert (await set_terms(shop, sku, expected={"backorder_limit": 2})).status_code == 200
    for place, code in (("atlantis", "not_found"), ("x" * 65, "invalid_request")):
        assert (await set_terms(shop, sku, place)).json()["code"] == code
    assert (await set_terms(shop, "UNHEARD-OF")).json()["code"] == "not_found"


async def test_a_crowd_at_the_last_backorders(shop: Shop) -> None:
    sku = shop.new_sku(3)
    await set_terms(shop, sku, backorder_limit=2, safety_stock=1)
    answers = await asyncio.gather(*(shop.buy(sku) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [201] * 4 + [409] * 4
    assert sum(len(one.json()["backordered"]) for one in answers if one.status_code == 201) == 2
    assert shop.stock(sku) == (3, 4)


async def test_a_cart_of_two_places_is_one_order(shop: Shop) -> None:
    here, there = shop.new_sku(5), shop.new_sku(0)
    owner = sa.create_engine(shop.links.database_owner_url, poolclass=sa.NullPool)
    with owner.begin() as connection:
        own = {"t": TENANT, "sku": there}
        for line in LYON:
            connection.execute(sa.text(line), own)
    owner.dispose()
    lines = [{"sku": here, "quantity": 1}, {"sku": there, "quantity": 2}]
    bought = await shop.buy(here, lines=lines)
    assert bought.status_code == 201, bought.text
    query = "SELECT sku, location_id, quantity, state FROM reservations WHERE checkout_id = :c ORDER BY location_id"
    held = shop.sql(query, c=bought.json()["id"])
    assert held == [(here, "florence", 1, "allocated"), (there, "lyon", 2, "allocated")]
    assert len((await shop.order(bought.json()["order_number"]))["shipments"]) == 2
