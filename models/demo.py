"""A small shop to try things with: one tenant, four things to buy (one for members), prices, tax, stock, shipping."""

import json
import secrets

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from domain.access import EVERYTHING, key_hint
from domain.ids import api_key_hash, api_key_id
from models.demo_catalog import show
from models.demo_members import found_club

TENANT = "demo"

_VARIANTS = {
    "SCARF-SILK-01": ("Silk scarf, hand-rolled", 120, {"EUR": 24500, "USD": 27500, "JPY": 42000}, 100),
    "BAG-CALF-02": ("Calfskin shoulder bag", 1400, {"EUR": 125000, "USD": 139000, "KWD": 425500}, 25),
    "WATCH-LTD-03": ("Limited chronograph, one of ten", 450, {"EUR": 890000}, 10),
    "CARRE-ARCHIVE-04": ("Carré from the archive", 120, {"EUR": 29500, "USD": 33000}, 20),
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
_LISTS: dict[str, dict[str, object]] = {
    "us": {"name": "United States", "currency": "USD", "countries": ["US"], "priority": 10},
    "gold": {"name": "Gold members", "countries": [], "price_tier": "gold", "priority": 20},
}
_LISTED: dict[str, dict[str, tuple[str, int, int | None]]] = {
    "us": {"SCARF-SILK-01": ("USD", 25900, 27500), "WATCH-LTD-03": ("USD", 950000, None)},
    "gold": {"SCARF-SILK-01": ("EUR", 22000, 24500), "BAG-CALF-02": ("EUR", 115000, 125000)},
}
_CODE: dict[str, object] = {
    "code": "WELCOME10", "name": "Ten percent, once a customer", "kind": "percent", "basis_points": 1000,
    "customer_limit": 1,
}  # fmt: skip
_SHIPPING = {
    "standard": ("Standard", "3 to 5 working days", 3, 5, 1500),
    "express": ("Express", "Next working day", 1, 1, 3500),
}


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
        show(connection)
        found_club(connection)
    engine.dispose()
    return key


def _rows(key: str) -> dict[str, list[dict[str, object]]]:
    own: dict[str, object] = {"tenant_id": TENANT}
    address = sa.cast(sa.literal(json.dumps(_ADDRESS)), JSONB)
    return {
        "tenants": [own | {"name": "Maison Milepost"}],
        "api_keys": [own | _key(key)],
        "order_counters": [own | {"last_number": 1000}],
        "variants": [own | {"sku": s, "title": v[0], "weight_grams": v[1]} for s, v in _VARIANTS.items()],
        "price_lists": [
            own | {"currency": None, "price_tier": None} | terms | {"list_id": list_id}
            for list_id, terms in _LISTS.items()
        ],
        "promotions": [own | _CODE],
        "prices": [
            own | {"sku": sku, "currency": currency, "list_id": list_id, "amount_minor": minor, "compare_at_minor": was}
            for list_id, listed in _LISTED.items()
            for sku, (currency, minor, was) in listed.items()
        ]
        + [
            own
            | {"sku": sku, "currency": currency, "list_id": "default", "amount_minor": minor, "compare_at_minor": None}
            for sku, (_, _, prices, _) in _VARIANTS.items()
            for currency, minor in prices.items()
        ],
        "tax_rates": [
            own | {"country": country, "basis_points": points, "included": included}
            for country, (points, included) in _TAX.items()
        ],
        "shipping_methods": [
            own | {"method": method, "name": name, "promise": promise, "min_days": least, "max_days": most}
            for method, (name, promise, least, most, _) in _SHIPPING.items()
        ],
        "shipping_rates": [
            own | {"method": method, "country": country, "currency": currency, "amount_minor": minor}
            for method, (*_, minor) in _SHIPPING.items()
            for country in _TAX
            for currency in ("EUR", "USD", "JPY", "KWD")
        ],
        "locations": [own | {"location_id": "florence", "name": "Florence", "priority": 0, "address": address}],
    }


def _key(key: str) -> dict[str, object]:
    """A key that may do everything, as a trial wants it."""
    hashed = api_key_hash(key)
    return {
        "key_hash": hashed, "key_id": api_key_id(hashed), "name": "seeded", "hint": key_hint(key), "rate_limit": 20_000,
        "scopes": sa.cast([EVERYTHING], ARRAY(sa.Text())),
    }  # fmt: skip


def _add(connection: sa.Connection, table: str, rows: list[dict[str, object]]) -> int:
    """Add the rows that are not there; how many that were."""
    reflected = sa.table(table, *(sa.column(name) for name in rows[0]))
    values = [{**row} for row in rows]
    known = insert(reflected).values(values).on_conflict_do_nothing(constraint=f"pk_{table}")
    return connection.execute(known).rowcount


def _stock(connection: sa.Connection, sku: str, count: int) -> None:
    """Opening stock, with its movement: only where there was no stock level before."""
    place: dict[str, object] = {"tenant_id": TENANT, "location_id": "florence", "sku": sku}
    if _add(connection, "stock_levels", [place | {"on_hand": count}]):
        moved = {"kind": "received", "quantity": count, "cause": "opening stock"}
        _add(connection, "stock_movements", [place | moved])
