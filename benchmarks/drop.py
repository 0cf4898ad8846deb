"""`make bench-drop`: a limited drop. Many more buyers than units, at once, and not one unit sold twice or lost.

By default 10 units for 40 buyers, then 500 units for 10,000, on the whole stack with two API and two worker processes.
With `--chaos` those are killed at random meanwhile. Exit code 1 when anything that must hold does not.
"""

import argparse
import asyncio
import random
import statistics
import sys
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.__main__ import WORKERS
from benchmarks.chaos import Chaos
from benchmarks.cost import Cost, cost
from benchmarks.crowd import Crowd, Drop, Outcome
from benchmarks.shelf import keep_parcels_here, put
from benchmarks.verdict import checks, settle
from sandbox.demo import API_KEY
from sandbox.stack import Stack, StackOptions

DROPS = ((10, 40), (500, 10_000))
WARM_UP = (20, 40)
COSTED = 2_000
"""So many refusals are sent to see what one costs, at most."""


def new_sku(stack: Stack, units: int) -> str:
    """A thing of its own, so many of it in stock and in a drop that is open."""
    sku, at = f"DROP-{uuid.uuid4().hex[:8]}", datetime.now(UTC)
    put(stack, sku, units, title="One of a few", price_minor=89_000)
    drop = {
        "id": sku.lower(),
        "title": "One of a few",
        "opens_at": (at - timedelta(minutes=1)).isoformat(),
        "closes_at": (at + timedelta(days=1)).isoformat(),
        "skus": [{"sku": sku, "allotment": units}],
        "limit_per_customer": 1,
    }
    headers = {"Authorization": f"Bearer {API_KEY}"}
    httpx.post(
        f"{stack.links.api}/v1/drops", json=drop, headers=headers, timeout=30, trust_env=False
    ).raise_for_status()
    return sku


def percentile(outcomes: list[Outcome], share: float) -> float:
    """The nearest rank, in milliseconds; not a number when there is none."""
    ordered = sorted(one.milliseconds for one in outcomes)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


def show(drop: Drop, settled: float, console: Console) -> None:
    """The figures."""
    refused: dict[str, int] = {}
    for one in drop.refused:
        refused[one.code] = refused.get(one.code, 0) + 1
    alone = drop.livez_alone_while_refusing
    livez = statistics.median(took for _, took in drop.livez) if drop.livez else float("nan")
    lost = percentile(drop.refused, 0.99)
    table = Table(title=f"{drop.units} units, {len(drop.outcomes)} buyers", show_header=False)
    for name, value in (
        ("sold", str(len(drop.sold))),
        ("refused", ", ".join(f"{code} {count}" for code, count in sorted(refused.items())) or "nobody"),
        ("repeats with the same key", ", ".join(f"{why} x {n}" for why, n in drop.repeats.most_common()) or "none"),
        ("wall time", f"{drop.seconds:.1f} s, and {settled:.1f} s until nothing was held"),
        ("sold out after", f"{drop.sold_out_after:.1f} s"),
        ("orders a second until then", f"{len(drop.sold) / drop.sold_out_after:.1f}"),
        ("answers a second", f"{len(drop.outcomes) / drop.seconds:.0f}"),
        ("winners p50, p99", f"{percentile(drop.sold, 0.5):.0f}, {percentile(drop.sold, 0.99):.0f} ms"),
        (
            "losers p50, p90, p99",
            f"{percentile(drop.refused, 0.5):.0f}, {percentile(drop.refused, 0.9):.0f}, {lost:.0f} ms",
        ),
        ("last loser was told after", f"{max((one.at for one in drop.refused), default=float('nan')):.1f} s"),
        ("GET /livez by each loser, p50", f"{livez:.1f} ms ({len(drop.livez)})"),
        ("losers p99 / that", f"{lost / livez:.1f}"),
        (
            "GET /livez by who asks nothing else, p50",
            f"{statistics.median(alone) if alone else float('nan'):.1f} ms ({len(alone)})",
        ),
    ):
        table.add_row(name, value)
    console.print(table)


def show_cost(refusal: Cost, livez: Cost, console: Console) -> None:
    """Processor time, and its ratio."""
    console.print(
        f"a refusal costs {refusal.api:.0f} µs of the API's processor and {refusal.postgres:.0f} µs of PostgreSQL's,"
        f" GET /livez {livez.api:.0f} µs: {(refusal.api + refusal.postgres) / livez.api:.1f} times"
    )


async def run(stack: Stack, drops: list[tuple[int, int]], connections: int, seed: int | None, console: Console) -> bool:
    """Each drop, its figures and its checks; whether all held."""
    temporal = await stack.temporal()
    crowd = Crowd(stack.links.api_urls, connections)
    good = True
    warm = await crowd.rush(new_sku(stack, WARM_UP[0]), *WARM_UP, lambda: None)
    await settle(stack, warm.sku)
    for units, buyers in drops:
        sku = new_sku(stack, units)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task(f"{units} units, {buyers} buyers", total=buyers)
            chaos = Chaos(stack, seed) if seed is not None else None
            async with chaos or nullcontext():
                drop = await crowd.rush(sku, units, buyers, partial(progress.advance, bar))
        show(drop, await settle(stack, sku), console)
        if chaos is None and len(drop.sold) == units:  # else the next is no refusal
            show_cost(*await cost(stack, sku, connections, min(buyers, COSTED)), console)
        if chaos is not None:
            console.print(
                "killed: " + (", ".join(f"{name} x {n}" for name, n in sorted(chaos.kills.items())) or "none")
            )
        for name, holds, seen in await checks(stack, temporal, drop):
            console.print(f"  {'[green]holds[/green]' if holds else '[red]FAILS[/red]'}  {name}: {seen}")
            good &= holds
    return good


def kinds(workers: int, niceness: int) -> tuple[dict[str, str], ...]:
    """The last of several serves orders, with what the machine has left; the others serve buyers."""
    buyers, orders = WORKERS[0] | {"MILEPOST_WORKER_NICENESS": str(niceness)}, WORKERS[1]
    return (*[buyers] * (workers - 1), orders) if workers > 1 else (buyers | {"MILEPOST_WORKER_SERVES": "everything"},)


def main() -> int:
    """Boot, drop, show, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, help="one drop of so many units, with --buyers")
    parser.add_argument("--buyers", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=200, help="buyers at a time")
    parser.add_argument("--apis", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--niceness", type=int, default=5, help="of those workers that serve buyers")
    parser.add_argument("--chaos", action="store_true", help="kill API and worker processes at random")
    parser.add_argument("--seed", type=int, help="of the chaos; drawn and printed otherwise")
    asked = parser.parse_args()
    console = Console()
    seed = asked.seed if asked.seed is not None else random.randrange(1_000_000)
    if asked.chaos:
        console.print(f"Chaos with --seed {seed}")
    drops = [(asked.units, asked.buyers)] if asked.units else list(DROPS)
    options = StackOptions(
        api_processes=asked.apis,
        worker_processes=asked.workers,
        worker_env=kinds(asked.workers, asked.niceness),
        env={"MILEPOST_SEED_API_KEY": API_KEY},
    )
    console.print("Starting the stack …")
    with Stack(options) as stack:
        # Parcels stay where they are, so that what is sold is still reserved when it is counted.
        keep_parcels_here(stack)
        good = asyncio.run(run(stack, drops, asked.connections, seed if asked.chaos else None, console))
    console.print("[green]All as promised.[/green]" if good else "[red]Something is not as promised.[/red]")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
