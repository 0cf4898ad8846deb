"""Counts what an order of one parcel and one of two cost; `python -m tests.cost.counting --save` writes it down.

From the request of a checkout to the delivery of the last parcel, with every scan on the way: Temporal's part from the
histories, PostgreSQL's from its log, of the one worker and the one API process of the stack together.
"""

import argparse
import asyncio
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from domain.ids import checkout_workflow, order_workflow, shipment_workflow
from sandbox.cost import KINDS, cost_of
from sandbox.stack import Stack
from sandbox.statements import Found, Statements
from tests.faults.shop import OPTIONS, open_shop
from tests.flow.kit import TENANT, Shop, until

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "cost.json"
SCANS = ("picked_up", "in_transit", "out_for_delivery", "delivered")
IDLE_SECONDS = 3.0
STATEMENTS, TRANSACTIONS = "SQL statements", "SQL transactions"
ROWS = (*KINDS, STATEMENTS, TRANSACTIONS)
EXACT = ("activities", "local activities", "timers", "updates", "search-attribute upserts")

_PLACE = (
    "INSERT INTO locations (tenant_id, location_id, name, priority, address)"
    " SELECT tenant_id, 'milan', 'Milan', 9, address FROM locations WHERE location_id = 'florence'"
    " ON CONFLICT DO NOTHING"
)

Counts = dict[str, dict[str, int]]


async def count(stack: Stack) -> Counts:
    """Name of the order → what it cost. Each kind of order is bought once before, so that caches are filled."""
    found: Counts = {}
    async with open_shop(stack) as shop:
        _look(shop, _PLACE)
        for name, places in (("one parcel", ("florence",)), ("two parcels", ("florence", "milan"))):
            await _through(shop, places)
            with Statements(stack) as counting:
                await asyncio.to_thread(counting.idle, IDLE_SECONDS)
                number = await _through(shop, places)
                sql = counting.since()
            found[name] = await _cost(shop, number, sql)
    return found


async def _through(shop: Shop, places: Sequence[str]) -> str:
    """Bought, handed over, scanned and delivered: the API is asked only what shops and warehouses must ask."""
    skus = [shop.new_sku(place=place) for place in places]
    answer = await shop.buy("", lines=[{"sku": sku, "quantity": 1} for sku in skus])
    assert answer.status_code == 201, answer.text
    number = str(answer.json()["order_number"])
    labels = "SELECT count(*) FROM shipments WHERE order_number = %(n)s AND state = 'label_bought'"
    await _until(shop, labels, number, len(places))
    parcels = [row[0] for row in _look(shop, "SELECT shipment_id FROM shipments WHERE order_number = %(n)s", n=number)]
    for parcel in parcels:
        handed = await shop.http.post(f"/v1/shipments/{parcel}/handover")
        assert handed.status_code == 200, handed.text
        left = "SELECT count(*) FROM shipments WHERE shipment_id = %(n)s AND state = 'handed_over'"
        await _until(shop, left, parcel, 1)  # a carrier's first scan comes later than that
        state = (await shop.carrier("state")).json()
        at_carrier = state["references"][parcel]["shipments"][0]["id"]
        for status in SCANS:
            await shop.carrier(f"shipments/{at_carrier}/scan", status=status)
            seen = "SELECT count(*) FROM shipments WHERE shipment_id = %(n)s AND tracking_status = '" + status + "'"
            await _until(shop, seen, parcel, 1)
        await shop.temporal.get_workflow_handle(shipment_workflow(TENANT, parcel)).result()
    await _until(shop, "SELECT count(*) FROM orders WHERE order_number = %(n)s AND state = 'delivered'", number, 1)
    await _until(shop, "SELECT count(*) FROM inbox WHERE handled_at IS NULL AND %(n)s <> ''", number, 0)
    await _until(shop, "SELECT count(*) FROM mails WHERE state = 'pending' AND %(n)s <> ''", number, 0)
    return number


def _look(shop: Shop, query: str, **values: object) -> list[tuple[Any, ...]]:
    """As the owner, whose statements are not counted."""
    with psycopg.connect(shop.links.database_owner_url.replace("+psycopg", "")) as connection:
        connection.execute("SELECT set_config('milepost.tenant', %s, true)", (TENANT,))
        cursor = connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []


async def _until(shop: Shop, query: str, name: str, number: int) -> None:
    async def look() -> int:
        ((found,),) = await asyncio.to_thread(_look, shop, query, n=name)
        return int(found)

    await until(look, lambda seen: seen == number, within=60)


async def _cost(shop: Shop, number: str, sql: Found) -> dict[str, int]:
    """Of every workflow of an order, together."""
    ((checkout,),) = _look(shop, "SELECT checkout_id FROM orders WHERE order_number = %(n)s", n=number)
    parcels = _look(shop, "SELECT shipment_id FROM shipments WHERE order_number = %(n)s", n=number)
    workflows = [checkout_workflow(TENANT, checkout), order_workflow(TENANT, number)]
    workflows += [shipment_workflow(TENANT, parcel) for (parcel,) in parcels]
    together: Counter[str] = Counter()
    for one in workflows:
        together.update((await cost_of(shop.temporal, one)).counts)
    return dict(together) | {STATEMENTS: sql.statements, TRANSACTIONS: sql.transactions}


def grown(found: Counts, kept: Counts) -> list[str]:
    """What costs more than was written down.

    What is decided by the workflows' code is exact. What also depends on what comes together in one task (a scan that
    arrives while another is handled) may differ by a twentieth.
    """
    return [
        f"{name}: {row} {found[name][row]}, was {kept[name][row]}"
        for name in kept
        for row in ROWS
        if found[name][row] > kept[name][row] + (0 if row in EXACT else math.ceil(kept[name][row] / 20))
    ]


def main() -> int:
    """Count, show, and write down if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/cost.json")
    asked = parser.parse_args()
    with Stack(OPTIONS) as stack:
        found = asyncio.run(count(stack))
    table = Table("from checkout to delivered", *found)
    for row in ROWS:
        table.add_row(row, *(str(counts[row]) for counts in found.values()))
    Console().print(table)
    if asked.save:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
