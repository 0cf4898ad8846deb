"""`make bench-reservations`: reservations a second on one hot SKU and on a thousand, beside their floor.

The floor is the smallest thing that could not oversell: a conditional `UPDATE` of one row, committed, by bare psycopg
on the same server in the same run. Ours is what the API does for a crowd: buyers who each wait for their own answer,
their carts reserved in batches (`api/batches.py`, `models/reserving.py`), over as many connections as the floor has.
Both are measured in turn, several times over; what counts is the ratio of the medians.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
from psycopg import AsyncConnection
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from api.batches import Batches
from domain.pricing import CartLine
from models.reserving import RESERVE, Wish, columns
from sandbox.stack import Stack, StackOptions

TENANT = "bench"
PLENTY = 1_000_000_000
SPREAD = 1_000

BUYERS_A_CONNECTION = 64
"""So many buyers wait at a time for each connection: a crowd, as at a drop."""
AT_ONCE = 200
"""Carts in one batch at most."""
LANES = 2
"""So many of the connections are used by our side: more batches at once wait for each other's rows."""

Connection = AsyncConnection[tuple[Any, ...]]
Case = tuple[str, int]
"""`ours` or `floor`, and over how many SKUs or rows."""
Step = Callable[[int], Awaitable[None]]

_FLOOR = "UPDATE bench_floor SET n = n - 1 WHERE id = %s AND n > 0"


def prepare(stack: Stack) -> None:
    """A tenant with a thousand SKUs in one place, and the floor's table with as many rows."""
    own = {"t": TENANT, "n": SPREAD, "plenty": PLENTY}
    with psycopg.connect(stack.links.database_owner_url.replace("+psycopg", "")) as connection:
        connection.execute("SELECT set_config('milepost.tenant', %(t)s, true)", own)
        connection.execute("INSERT INTO tenants (tenant_id, name) VALUES (%(t)s, 'Benchmark')", own)
        connection.execute(
            "INSERT INTO locations (tenant_id, location_id, name, address) VALUES (%(t)s, 'here', 'Here', '{}')", own
        )
        connection.execute(
            "INSERT INTO variants (tenant_id, sku, title, weight_grams)"
            " SELECT %(t)s, 'S-' || i, 'Thing', 100 FROM generate_series(0, %(n)s - 1) AS i",
            own,
        )
        connection.execute(
            "INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand)"
            " SELECT %(t)s, 'here', 'S-' || i, %(plenty)s FROM generate_series(0, %(n)s - 1) AS i",
            own,
        )
        connection.execute("CREATE TABLE bench_floor (id integer PRIMARY KEY, n bigint NOT NULL)")
        connection.execute("INSERT INTO bench_floor SELECT i, %(plenty)s FROM generate_series(0, %(n)s - 1) AS i", own)
        connection.execute("GRANT SELECT, UPDATE ON bench_floor TO PUBLIC")


class Crowd:
    """Our side: every buyer asks for one unit under a checkout of their own, and waits for the answer."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._idle = list(connections[:LANES])
        self._batches: Batches[Wish, bool] = Batches(self._reserve, most=AT_ONCE, lanes=len(self._idle))
        self._until = datetime.now(UTC) + timedelta(minutes=15)

    async def buy(self, number: int) -> None:
        """One reservation, committed when this returns."""
        wish = Wish(uuid.uuid4().hex, (CartLine(f"S-{number}", 1),), self._until)
        if not await self._batches.ask(TENANT, wish):
            raise RuntimeError("nothing was reserved")

    async def _reserve(self, _: str, wishes: Sequence[Wish]) -> list[bool]:
        """One statement, which is a transaction of its own."""
        connection = self._idle.pop()
        cursor = await connection.execute(RESERVE, columns(wishes))
        row = await cursor.fetchone()
        self._idle.append(connection)
        if row != (None, None):
            raise RuntimeError(f"not all were reserved: {row}")
        return [True] * len(wishes)


async def take_one(connection: Connection, number: int) -> None:
    """The floor."""
    cursor = await connection.execute(_FLOOR, (number,))
    if cursor.rowcount != 1:
        raise RuntimeError("nothing was taken")


async def rate(steps: Sequence[Step], spread: int, seconds: float) -> float:
    """How often a second, all who ask one after the other together."""
    done = itertools.count()
    until = time.perf_counter() + seconds

    async def one_after_another(step: Step) -> None:
        while time.perf_counter() < until:
            await step(random.randrange(spread))
            next(done)

    began = time.perf_counter()
    await asyncio.gather(*map(one_after_another, steps))
    return next(done) / (time.perf_counter() - began)


async def run(stack: Stack, at_once: int, rounds: int, seconds: float, console: Console) -> dict[Case, list[float]]:
    """Each case once a round, in turn, so that the machine's noise hits all."""
    url = stack.links.database_url.replace("+psycopg", "")
    # The tenant is the session's here: with autocommit each statement is a transaction of its own, one round trip
    # for both sides.
    connections = [
        await AsyncConnection.connect(url, autocommit=True, options=f"-c milepost.tenant={TENANT}")
        for _ in range(at_once)
    ]
    crowd = Crowd(connections)
    steps: dict[str, list[Step]] = {
        "ours": [crowd.buy] * (at_once * BUYERS_A_CONNECTION),
        "floor": [partial(take_one, connection) for connection in connections],
    }
    cases: list[Case] = [(name, spread) for spread in (1, SPREAD) for name in steps]
    rates: dict[Case, list[float]] = {case: [] for case in cases}
    try:
        with Progress(console=console) as progress:
            bar = progress.add_task(f"{at_once} connections", total=len(cases) * (rounds + 1))
            for turn in range(rounds + 1):
                for name, spread in cases:
                    seen = await rate(steps[name], spread, seconds)
                    if turn:  # the first round warms up
                        rates[name, spread].append(seen)
                    progress.advance(bar)
                if not turn:  # as a database is that has run for more than a minute: autovacuum has been there
                    with psycopg.connect(stack.links.database_owner_url.replace("+psycopg", "")) as owner:
                        owner.execute("ANALYZE")
    finally:
        for connection in connections:
            await connection.close()
    return rates


def show(rates: dict[Case, list[float]], at_once: int, console: Console) -> None:
    """Medians, their span, and the ratio."""
    table = Table("SKUs", "reservations /s", "span", "floor /s", "span", "ratio", title=f"{at_once} connections")
    for spread in (1, SPREAD):
        ours, floor = rates["ours", spread], rates["floor", spread]
        ratio = statistics.median(ours) / statistics.median(floor)
        row = [
            part
            for seen in (ours, floor)
            for part in (f"{statistics.median(seen):.0f}", f"{min(seen):.0f} to {max(seen):.0f}")
        ]
        table.add_row(str(spread), *row, f"{ratio:.2f}")
    console.print(table)


def exact(stack: Stack) -> bool:
    """Whether levels, reservations and movements agree with each other after all of it."""
    with psycopg.connect(stack.links.database_url.replace("+psycopg", "")) as connection:
        connection.execute("SELECT set_config('milepost.tenant', %s, true)", (TENANT,))
        wrong = connection.execute(
            "SELECT count(*) FROM stock_levels"
            " LEFT JOIN (SELECT sku, sum(quantity) AS held FROM reservations GROUP BY sku) r USING (sku)"
            " LEFT JOIN (SELECT sku, sum(quantity) AS moved FROM stock_movements GROUP BY sku) m USING (sku)"
            " WHERE reserved <> coalesce(held, 0) OR reserved <> coalesce(moved, 0)"
        ).fetchone()
    return wrong == (0,)


def main() -> None:
    """PostgreSQL alone, both sides in turn, a table for each number of connections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each case in each round")
    asked = parser.parse_args()
    console = Console()
    with Stack(StackOptions(setup=("migrate",), processes=frozenset({"postgres"}))) as stack:
        prepare(stack)
        for at_once in asked.connections:
            rates = asyncio.run(run(stack, at_once, asked.rounds, asked.seconds, console))
            show(rates, at_once, console)
        if not exact(stack):
            raise SystemExit("levels, reservations and movements do not agree")
        console.print("Levels, reservations and movements agree.")


if __name__ == "__main__":
    main()
