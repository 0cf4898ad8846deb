"""What benchmarks put into the demo tenant's tables, what they read there, and where parcels stay meanwhile."""

from typing import Any

import httpx
import psycopg

from models.demo import TENANT
from sandbox.stack import Stack

_NEW_SKU = (
    "INSERT INTO variants (tenant_id, sku, title, weight_grams) VALUES (%(t)s, %(sku)s, %(title)s, 100)",
    "INSERT INTO prices (tenant_id, sku, currency, amount_minor) VALUES (%(t)s, %(sku)s, 'EUR', %(price)s)",
    "INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand) VALUES (%(t)s, 'florence', %(sku)s, %(n)s)",
    (
        "INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)"
        " VALUES (%(t)s, 'florence', %(sku)s, 'received', %(n)s, 'opening stock')"
    ),
)


def put(stack: Stack, sku: str, units: int, *, title: str, price_minor: int) -> None:
    """A new thing at so many euro cents, so many of it in stock, received as a movement like any other."""
    own = {"t": TENANT, "sku": sku, "n": units, "title": title, "price": price_minor}
    with psycopg.connect(stack.links.database_owner_url.replace("+psycopg", "")) as connection:
        connection.execute("SELECT set_config('milepost.tenant', %(t)s, true)", own)
        for line in _NEW_SKU:
            connection.execute(line, own)


def rows(stack: Stack, query: str, **values: object) -> list[tuple[Any, ...]]:
    """Rows as the application's role sees them."""
    with psycopg.connect(stack.links.database_url.replace("+psycopg", "")) as connection:
        connection.execute("SELECT set_config('milepost.tenant', %s, true)", (TENANT,))
        return connection.execute(query, values).fetchall()


def keep_parcels_here(stack: Stack) -> None:
    """The carrier's stand-in moves none by itself, so that what is measured is what was asked for."""
    httpx.post(f"{stack.links.carrier}/_control/pace", json={"seconds": 0}, trust_env=False).raise_for_status()
