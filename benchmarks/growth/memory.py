"""What API and worker hold in memory while many orders go through them: it must come to a stand."""

import asyncio
from functools import partial
from itertools import pairwise
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.growth import costs
from benchmarks.shelf import keep_parcels_here
from sandbox.stack import Stack

STEPS = 10
ALLOWED = 0.05
"""Between the middle and the end a process may grow by so much: the allocator's own breath."""


def watch(stack: Stack, count: int, progress: Progress) -> list[dict[str, Any]]:
    """Megabytes by process at the beginning, and after each tenth of `count` orders, whose parcels wait at the dock."""
    keep_parcels_here(stack)
    bar = progress.add_task(f"{count:,} orders for memory", total=count)
    found = [{"orders": 0, **_megabytes(stack)}]
    for step in range(1, STEPS + 1):
        asyncio.run(costs.orders(stack, count // STEPS, partial(progress.advance, bar)))
        found.append({"orders": step * (count // STEPS), **_megabytes(stack)})
        held = ", ".join(f"{name} {size:.0f} MB" for name, size in found[-1].items() if name != "orders")
        progress.console.print(f"{found[-1]['orders']:,} orders: {held}")
    return found


def _megabytes(stack: Stack) -> dict[str, float]:
    """Each process's own memory (USS): what would be free if it ended."""
    of = {name: one for name, one in costs.processes(stack).items() if name.startswith(("api", "worker"))}
    return {name: one.memory_full_info().uss / 1e6 for name, one in of.items()}


def grown(found: list[dict[str, Any]]) -> dict[str, float]:
    """Process → how much it holds at the end beside the middle: 1.0 is a stand."""
    middle, end = found[len(found) // 2], found[-1]
    return {name: end[name] / middle[name] for name in end if name != "orders"}


def show(found: list[dict[str, Any]], console: Console) -> None:
    """A row a step, and whether it came to a stand."""
    names = [name for name in found[0] if name != "orders"]
    table = Table("orders", *(f"{name} MB" for name in names), title="memory")
    for before, one in pairwise([found[0], *found]):
        table.add_row(f"{one['orders']:,}", *(f"{one[name]:.0f} ({one[name] - before[name]:+.0f})" for name in names))
    console.print(table)
    for name, ratio in grown(found).items():
        verdict = "a stand" if ratio <= 1 + ALLOWED else "STILL GROWING"
        console.print(f"  {name}: {verdict}, {ratio:.2f} of the middle at the end")
