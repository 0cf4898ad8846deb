"""`make bench-scaling`: orders a second, from the checkout to the label, with one worker and API process and with more.

On one machine all of them share its processors with PostgreSQL, Temporal and the stand-ins, so what is gained here is
what was waited for, not computed. What an order takes of the processor, by process, says what another core would give.
Each size has a stack of its own, in turn, `--rounds` times over. `--save` writes `benchmarks/results/scaling.json`.
"""

import argparse
import asyncio
import json
import statistics
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.__main__ import stock_up
from benchmarks.growth import costs
from benchmarks.machine import about
from benchmarks.shelf import keep_parcels_here
from sandbox.stack import Stack, StackOptions

SIZES = ((1, 1), (1, 2), (2, 1), (2, 2))
"""API processes, workers."""
AT_ONCE, WARM_UP = 32, 20
KINDS = ("api", "worker", "postgres", "temporal")


def measure(apis: int, workers: int, count: int, progress: Progress) -> dict[str, float]:
    """Orders a second and processor milliseconds an order, of so many processes."""
    name = f"{apis} API, {workers} workers"
    bar = progress.add_task(name, total=count)
    with Stack(StackOptions(api_processes=apis, worker_processes=workers)) as stack:
        stock_up(stack)
        keep_parcels_here(stack)
        asyncio.run(costs.orders(stack, WARM_UP, lambda: None))
        return asyncio.run(costs.orders(stack, count, partial(progress.advance, bar), AT_ONCE))


def show(found: list[dict[str, Any]], console: Console) -> None:
    """Medians of the rounds, and the ratio to one of each."""
    table = Table("API", "workers", "orders/s", "ratio", *(f"{name} ms" for name in KINDS))
    alone = statistics.median(one["per_second"] for one in found[0]["rounds"])
    for size in found:
        middle = {name: statistics.median(one[name] for one in size["rounds"]) for name in (*KINDS, "per_second")}
        table.add_row(
            str(size["apis"]), str(size["workers"]), f"{middle['per_second']:.1f}",
            f"{middle['per_second'] / alone:.2f}", *(f"{middle[name]:.0f}" for name in KINDS),
        )  # fmt: skip
    console.print(table)


def main() -> None:
    """Each size in turn, a table, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=120, help="orders of each size in each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/scaling.json")
    asked = parser.parse_args()
    console, of = Console(), about()
    found: list[dict[str, Any]] = [{"apis": apis, "workers": workers, "rounds": []} for apis, workers in SIZES]
    with Progress(console=console) as progress:
        for _ in range(asked.rounds):
            for size in found:
                size["rounds"].append(measure(size["apis"], size["workers"], asked.count, progress))
    show(found, console)
    if asked.save:
        where = Path(__file__).parent / "results" / "scaling.json"
        where.write_text(json.dumps(of | {"at_once": AT_ONCE, "sizes": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
