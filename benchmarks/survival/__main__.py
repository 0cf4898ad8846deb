"""`make chaos`: a crowd goes through while everything dies under it, and not one promise is broken.

First the plainest case: 30 checkouts are in flight and every process is killed at once. Then `--count` shoppers (300)
with trouble from a seed (`trouble.py`). Exit code 1 when anything that must hold does not. `--save` writes the verdict
to `benchmarks/results/chaos-<seed>-<count>.json`.
"""

import argparse
import asyncio
import json
import random
import sys
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.machine import about
from benchmarks.shelf import put
from benchmarks.survival.healing import heal, settle
from benchmarks.survival.shoppers import Shopper, Street, Told, Wish, crowd
from benchmarks.survival.trouble import Trouble
from benchmarks.survival.verdict import Check, checks
from sandbox.demo import API_KEY
from sandbox.stack import Stack, StackOptions

IN_FLIGHT = 30
STRUCK_AFTER_SECONDS = 0.25
SCARCE_KINDS, SCARCE_SHARE_SOLD = 6, 0.5
PACE_SECONDS = 0.2


def new_sku(stack: Stack, units: int) -> str:
    """A thing of its own, so many of it in stock."""
    sku = f"CHAOS-{uuid.uuid4().hex[:8]}"
    put(stack, sku, units, title="Thing", price_minor=12_000)
    return sku


async def in_flight(stack: Stack, street: Street, bar: Any) -> list[Told]:
    """30 checkouts at once; a moment later nothing is alive any more. Then everything is started again."""
    plenty = new_sku(stack, IN_FLIGHT)
    shoppers = [Shopper(-1 - n, f"in-flight-{n}", plenty, Wish.PAYS, twice=False) for n in range(IN_FLIGHT)]
    walking = asyncio.create_task(street.walk(shoppers, bar))
    await asyncio.sleep(STRUCK_AFTER_SECONDS)
    await asyncio.gather(*(asyncio.to_thread(stack.kill, name) for name in stack.names))
    await heal(stack)
    return await walking


async def run(stack: Stack, asked: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Both parts, and what was seen."""
    temporal = await stack.temporal()
    scarce = [
        new_sku(stack, max(1, int(asked.count * SCARCE_SHARE_SOLD / 4 / SCARCE_KINDS))) for _ in range(SCARCE_KINDS)
    ]
    shoppers = crowd(asked.seed, asked.count, new_sku(stack, asked.count), scarce)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    began = time.monotonic()
    with Progress(*columns, console=console) as progress:
        first = progress.add_task(f"{IN_FLIGHT} in flight, all is killed", total=IN_FLIGHT)
        early = Street(stack.links.api_urls, stack.links.stripe, IN_FLIGHT)
        told = await in_flight(stack, early, partial(progress.advance, first))
        bar = progress.add_task(f"{asked.count} shoppers in trouble", total=asked.count)
        street = Street(stack.links.api_urls, stack.links.stripe, asked.at_once)
        async with Trouble(stack, asked.seed, asked.patience) as trouble:
            told += await street.walk(shoppers, partial(progress.advance, bar))
        walked = time.monotonic() - began
        await heal(stack)
        end = progress.add_task("all is well again: what is left", total=1)

        def tell(words: str) -> None:
            progress.update(end, description=f"all is well again: {words} left")

        settled, left = await settle(stack, temporal, asked.count, tell)
        progress.update(end, description="all is well again", advance=1)
    found = await checks(stack, temporal, told, left)
    answers: dict[str, int] = {}
    for one in told:
        answers[one.code] = answers.get(one.code, 0) + 1
    return {
        "seed": asked.seed, "count": asked.count, "at_once": asked.at_once, "patience": asked.patience,
        "walked_seconds": round(walked, 1),
        "settled_seconds": round(settled, 1), "strikes": dict(sorted(trouble.strikes.items())),
        "answers": dict(sorted(answers.items())), "repeats": dict(street.repeats.most_common(20)),
        "checks": [{"name": name, "holds": holds, "seen": seen} for name, holds, seen in found],
    }  # fmt: skip


def show(seen: dict[str, Any], console: Console) -> bool:
    """The figures and the verdict; whether all holds."""
    table = Table(title=f"{seen['count']} shoppers and {IN_FLIGHT} before them, seed {seen['seed']}", show_header=False)
    for name in ("strikes", "answers", "repeats"):
        table.add_row(name, ", ".join(f"{what} x {n}" for what, n in seen[name].items()) or "none")
    table.add_row("time", f"{seen['walked_seconds']} s, and {seen['settled_seconds']} s until nothing was left")
    console.print(table)
    checked: list[Check] = [(one["name"], one["holds"], one["seen"]) for one in seen["checks"]]
    for name, holds, what in checked:
        console.print(f"  {'[green]holds[/green]' if holds else '[red]FAILS[/red]'}  {name}: {what}", markup=True)
    return all(holds for _, holds, _ in checked)


def main() -> int:
    """Boot, strike, heal, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="shoppers")
    parser.add_argument("--at-once", type=int, default=24, help="shoppers at a time")
    parser.add_argument("--patience", type=float, default=1.0, help="pauses between strikes are so many times as long")
    parser.add_argument("--apis", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, help="drawn and printed otherwise")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/chaos-<seed>-<count>.json")
    asked = parser.parse_args()
    console = Console()
    asked.seed = asked.seed if asked.seed is not None else random.randrange(1_000_000)
    console.print(f"Chaos with --seed {asked.seed} --count {asked.count}")
    options = StackOptions(
        api_processes=asked.apis, worker_processes=asked.workers, env={"MILEPOST_SEED_API_KEY": API_KEY}
    )
    of = about()
    console.print("Starting the stack …")
    with Stack(options) as stack:
        pace = httpx.post(f"{stack.links.carrier}/_control/pace", json={"seconds": PACE_SECONDS}, trust_env=False)
        pace.raise_for_status()
        seen = asyncio.run(run(stack, asked, console))
    good = show(seen, console)
    if asked.save:
        where = Path(__file__).parents[1] / "results" / f"chaos-{asked.seed}-{asked.count}.json"
        where.parent.mkdir(exist_ok=True)
        where.write_text(json.dumps(of | seen, indent=1) + "\n")
    console.print("[green]All as promised.[/green]" if good else "[red]Something is not as promised.[/red]")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
