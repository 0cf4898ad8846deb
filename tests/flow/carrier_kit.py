"""Parcels that go with other carriers than the default one: what they are sold from, and what their carriers tell."""

import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

from tests.flow.kit import PRICE, Shop, until

BODIES = Path(__file__).parents[1] / "gateways" / "webhooks"

ROUTES = [
    {"carrier": "easypost", "location": "easypost-dock", "choose": "cheapest", "within_days": 3},
    {"carrier": "shippo", "location": "shippo-dock", "choose": "fastest"},
    {"carrier": "easypost", "location": "strict-dock", "services": ["Post/Teleport"]},
]
"""Which dock's parcels go with which account; from everywhere else they go with the default one."""

_PLACE = (
    "INSERT INTO locations (tenant_id, location_id, name, priority, address)"
    " SELECT tenant_id, :dock, :dock, 50, address FROM locations WHERE location_id = 'florence'"
    " ON CONFLICT DO NOTHING RETURNING 1"
)
_SKU = (
    "INSERT INTO variants (tenant_id, sku, title, weight_grams) VALUES ('demo', :sku, 'Thing', 100) RETURNING 1",
    "INSERT INTO prices (tenant_id, sku, currency, amount_minor) VALUES ('demo', :sku, 'EUR', :price) RETURNING 1",
    "INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand) VALUES ('demo', :dock, :sku, 5) RETURNING 1",
    """INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
       VALUES ('demo', :dock, :sku, 'received', 5, 'opening stock') RETURNING 1""",
)


def sku_at(shop: Shop, dock: str) -> str:
    """A thing that is in stock at this dock only."""
    if dock == "florence":
        return shop.new_sku()
    sku = f"T-{uuid.uuid4().hex[:12]}"
    shop.sql(_PLACE, dock=dock)
    for line in _SKU:
        shop.sql(line, **{name: value for name, value in _all(sku, dock).items() if f":{name}" in line})
    return sku


def _all(sku: str, dock: str) -> dict[str, object]:
    return {"sku": sku, "dock": dock, "price": PRICE}


def parcel(shop: Shop, order: dict[str, Any]) -> dict[str, Any]:
    """What is written down of the one parcel of an order."""
    columns = ("state", "carrier", "carrier_shipment_id", "rate_id", "label_id", "tracking_number", "silent_since")
    query = f"SELECT {', '.join(columns)} FROM shipments WHERE shipment_id = :s"
    (row,) = shop.sql(query, s=order["shipments"][0]["id"])
    return dict(zip(columns, row, strict=True))


def scans(shop: Shop, order: dict[str, Any]) -> list[tuple[str, str]]:
    """Status and the carrier's own code, in the order in which it happened."""
    query = "SELECT status, carrier_code FROM tracking_events WHERE shipment_id = :s ORDER BY occurred_at"
    return [(status, code) for status, code in shop.sql(query, s=order["shipments"][0]["id"])]


async def placed(shop: Shop, dock: str) -> dict[str, Any]:
    """An order that leaves from a dock; its label may not be there yet."""
    return await shop.bought(sku_at(shop, dock), labelled=False)


async def in_front_of_a_person(shop: Shop, number: str) -> dict[str, Any]:
    """The order, once somebody is needed for it."""
    return await until(lambda: shop.order(number), lambda seen: seen["needs_attention"])


async def post(shop: Shop, account: str, headers: dict[str, str], body: bytes) -> httpx.Response:
    """A webhook, from whomever."""
    headers = {"Content-Type": "application/json", **headers}
    return await shop.http.post(f"/webhooks/carriers/{account}/demo", content=body, headers=headers)


def documented(kind: str, **changes: Any) -> bytes:
    """A webhook as its carrier documents it, but for the changes."""
    return json.dumps({**json.loads((BODIES / f"{kind}.json").read_text()), **changes}).encode()


def now() -> int:
    """Unix seconds."""
    return int(time.time())
