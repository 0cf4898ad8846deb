"""`make bench-growth`: what an order costs, and how long looking takes, with more and more orders in the tables.

Orders are copies of a real one, written by COPY (`copies.py`). At each size the same looks are taken (`looks.py`), and
a few orders are bought to count what they take of the processor (`costs.py`). Before that, the same is counted with no
open workflow and with `--open` of them. `--million` goes on to 1,000,000, for the looks. `--memory 10000` buys so many
orders and says what API and worker hold meanwhile (`memory.py`). `--save` writes `benchmarks/results/growth.json`.
"""

import argparse
import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.__main__ import stock_up
from benchmarks.growth import costs, memory
from benchmarks.growth.copies import Copies, copies_of
from benchmarks.growth.looks import TIMES, WARM_UP, Looks
from benchmarks.machine import about
from benchmarks.reads import make_order
from benchmarks.shelf import keep_parcels_here
from sandbox.stack import Stack, StackOptions

SIZES, MILLION = (1_000, 10_000, 100_000), 1_000_000
BASE = 10_000
"""The looks at other sizes are compared with those at this one."""
RESULTS = Path(__file__).parents[1] / "results"


def grow(stack: Stack, sizes: tuple[int, ...], bought: int, progress: Progress) -> list[dict[str, Any]]:
    """At each size: the looks, and what orders cost."""
    made = asyncio.run(make_order(stack))
    keep_parcels_here(stack)
    copies, there, found = copies_of(_plain(stack), made["number"]), 0, list[dict[str, Any]]()
    for size in sizes:
        _load(stack, copies, range(there, size), progress)
        there = size
        bar = progress.add_task(f"looks at {size:,} orders", total=WARM_UP + TIMES)
        key = {"Authorization": f"Bearer {stack.links.api_key}"}
        with httpx.Client(base_url=stack.links.api, headers=key, timeout=60, trust_env=False) as http:
            looks = Looks(http, size).measure(partial(progress.advance, bar))
        bar = progress.add_task(f"{bought} more are bought", total=bought)
        cost = asyncio.run(costs.orders(stack, bought, partial(progress.advance, bar)))
        found.append({"orders": size, "looks_ms": looks, "cost_ms": cost})
    return found


def _load(stack: Stack, copies: Copies, numbers: range, progress: Progress) -> None:
    bar = progress.add_task(f"{len(numbers):,} copies", total=len(numbers))
    copies.load(_plain(stack), numbers, lambda done: progress.advance(bar, done))


def _plain(stack: Stack) -> str:
    """The address of the database's administrator, as psycopg reads it."""
    return stack.links.database_admin_url.replace("+psycopg", "")


def open_ones(stack: Stack, count: int, bought: int, progress: Progress) -> list[dict[str, Any]]:
    """What orders cost while nothing is open, and while so many orders are: no parcel moves by itself."""
    found = []
    keep_parcels_here(stack)
    asyncio.run(costs.orders(stack, bought, lambda: None))  # caches are filled
    for wanted in (0, count):
        bar = progress.add_task(f"{wanted:,} open orders", total=max(1, wanted))
        if wanted:
            asyncio.run(costs.orders(stack, wanted, partial(progress.advance, bar)))
        else:
            progress.advance(bar)
        cost = asyncio.run(costs.orders(stack, bought, lambda: None))
        found.append({"open": wanted, "cost_ms": cost})
    return found


def show(found: dict[str, Any], console: Console) -> None:
    """Tables: cost by size and by open workflows, looks by size and beside the base."""
    cost = Table("", "API ms", "worker ms", "PostgreSQL ms", "Temporal ms", "orders/s", title="an order, to its label")
    for row in found.get("open", []):
        cost.add_row(f"{row['open']:,} open orders", *_costs(row["cost_ms"]))
    for row in found.get("sizes", []):
        cost.add_row(f"{row['orders']:,} in the tables", *_costs(row["cost_ms"]))
    if cost.row_count:
        console.print(cost)
    sizes = found.get("sizes", [])
    if sizes:
        base = next((one["looks_ms"] for one in sizes if one["orders"] == BASE), sizes[0]["looks_ms"])
        looks = Table("median ms", *(f"{one['orders']:,}" for one in sizes), title=f"looks, and beside {BASE:,} orders")
        for name in base:
            each = [one["looks_ms"][name] for one in sizes]
            looks.add_row(name, *(f"{one:.1f} ({one / base[name]:.2f})" for one in each))
        console.print(looks)
    if "memory" in found:
        memory.show(found["memory"], console)


def _costs(of: dict[str, float]) -> list[str]:
    return [f"{of[name]:.0f}" for name in ("api", "worker", "postgres", "temporal")] + [f"{of['per_second']:.1f}"]


def main() -> None:
    """Boot, fill, look, buy; show and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="orders in the tables")
    parser.add_argument("--million", action="store_true", help="and 1,000,000")
    parser.add_argument("--bought", type=int, default=60, help="orders that are bought at each size")
    parser.add_argument("--open", type=int, default=1_000, help="open orders for the second count; 0: not counted")
    parser.add_argument("--memory", type=int, default=0, help="orders that are bought to see what stays in memory")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/growth.json")
    asked = parser.parse_args()
    console, of, found = Console(), about(), dict[str, Any]()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    sizes = (*asked.sizes, *((MILLION,) if asked.million else ()))
    parts: dict[str, Callable[[Stack, Progress], Any]] = {}
    if asked.open:
        parts["open"] = lambda stack, progress: open_ones(stack, asked.open, asked.bought, progress)
    if sizes:
        parts["sizes"] = lambda stack, progress: grow(stack, sizes, asked.bought, progress)
    if asked.memory:
        parts["memory"] = lambda stack, progress: memory.watch(stack, asked.memory, progress)
    for name, part in parts.items():
        with Stack(StackOptions()) as stack, Progress(*columns, console=console) as progress:
            stock_up(stack)
            found[name] = part(stack, progress)
    show(found, console)
    if asked.save:
        where = RESULTS / "growth.json"
        kept = json.loads(where.read_text()) if where.exists() else {}
        new = {name: {"measured": of, "found": what} for name, what in found.items()}  # each part has its day
        where.write_text(json.dumps(kept | new, indent=1) + "\n")


if __name__ == "__main__":
    main()
