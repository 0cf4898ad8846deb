"""A small shop to try things with: one tenant, three things to buy, stock, prices, tax and shipping."""

import json
import secrets

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from domain.ids import api_key_hash

TENANT = "demo"

_VARIANTS = {
    "SCARF-SILK-01": ("Silk scarf, hand-rolled", 120, {"EUR": 24500, "USD": 27500, "JPY": 42000}, 100),
    "BAG-CALF-02": ("Calfskin shoulder bag", 1400, {"EUR": 125000, "USD": 139000, "KWD": 425500}, 25),
    "WATCH-LTD-03": ("Limited chronograph, one of ten", 450, {"EUR": 890000}, 10),
}
_ADDRESS = {
    "name": "Milepost", "line1": "4 Via Tornabuoni", "city": "Florence", "postal_code": "50123", "country": "IT",
}  # fmt: skip
_TAX = {
    "FR": (2000, True),
    "DE": (1900, True),
    "IT": (2200, True),
    "US": (0, False),
    "JP": (1000, True),
    "KW": (0, False),
}
_SHIPPING = {"standard": 1500, "express": 3500}


def seed(owner_url: str, key: str | None = None) -> str:
    """Make the demo tenant as the owner, once; answers with a working API key. A repeat adds what is missing."""
    key = key or "mp_test_" + secrets.token_urlsafe(24)
    engine = sa.create_engine(owner_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT set_config('milepost.tenant', :t, true)"), {"t": TENANT})
        for table, rows in _rows(key).items():
            _add(connection, table, rows)
        for sku, (_, _, _, count) in _VARIANTS.items():
            _stock(connection, sku, count)
    engine.dispose()
    return key


def _rows(key: str) -> dict[str, list[dict[str, object]]]:
    own: dict[str, object] = {"tenant_id": TENANT}
    address = sa.cast(sa.literal(json.dumps(_ADDRESS)), JSONB)
    return {
        "tenants": [own | {"name": "Maison Milepost"}],
        "api_keys": [own | {"key_hash": api_key_hash(key), "name": "seeded"}],
        "order_counters": [own | {"last_number": 1000}],
        "variants": [own | {"sku": s, "title": v[0], "weight_grams": v[1]} for s, v in _VARIANTS.items()],
        "prices": [
            own | {"sku": sku, "currency": currency, "amount_minor": minor}
            for sku, (_, _, prices, _) in _VARIANTS.items()
            for currency, minor in prices.items()
        ],
        "tax_rates": [
            own | {"country": country, "basis_points": points, "included": included}
            for country, (points, included) in _TAX.items()
        ],
        "shipping_rates": [
            own | {"method": method, "country": country, "currency": currency, "amount_minor": minor}
            for method, minor in _SHIPPING.items()
            for country in _TAX
            for currency in ("EUR", "USD", "JPY", "KWD")
        ],
        "locations": [own | {"location_id": "florence", "name": "Florence", "priority": 0, "address": address}],
    }


def _add(connection: sa.Connection, table: str, rows: list[dict[str, object]]) -> int:
    """Add the rows that are not there; how many that were."""
    reflected = sa.table(table, *(sa.column(name) for name in rows[0]))
    values = [{**row} for row in rows]
    return connection.execute(insert(reflected).values(values).on_conflict_do_nothing()).rowcount


def _stock(connection: sa.Connection, sku: str, count: int) -> None:
    """Opening stock, with its movement: only where there was no stock level before."""
    place: dict[str, object] = {"tenant_id": TENANT, "location_id": "florence", "sku": sku}
    if _add(connection, "stock_levels", [place | {"on_hand": count}]):
        moved = {"kind": "received", "quantity": count, "cause": "opening stock"}
        _add(connection, "stock_movements", [place | moved])
