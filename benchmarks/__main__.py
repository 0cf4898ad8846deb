"""`make bench`: checkouts a second and their latency, from the HTTP request to the placed order, beside their floor.

The floor is a bare workflow of the same shape on the same server in the same run (`benchmarks/floor.py`), called
without HTTP, database or Stripe. Before it whole lives, from the request to the door (`benchmarks/lives.py`). With
`ARGS=--save` the figures go to `benchmarks/results/checkout.json`, and a picture of them beside it.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from temporalio.client import Client, GrpcCompression, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from benchmarks import lives, plot
from benchmarks.floor import FloorWorkflow
from benchmarks.growth.costs import until_labelled
from benchmarks.machine import about
from benchmarks.shelf import keep_parcels_here
from benchmarks.wire import Connection
from sandbox.demo import API_KEY, cart
from sandbox.stack import Stack, StackOptions

CONCURRENCY = (1, 8, 32, 128)
WHOLE_LIVES_AT_ONCE = 8
WORKERS = (
    {"MILEPOST_WORKER_SERVES": "checkouts"},
    {"MILEPOST_WORKER_SERVES": "orders", "MILEPOST_WORKER_NICENESS": "19"},
)
"""One for shoppers; and one for what nobody waits for, with what the machine has left (docs/scaling.md)."""
UNHURRIED, PAUSE_SECONDS = 40, 1.0
"""So many by one shopper, with a pause in which the order before gets its label."""
Shopper = Callable[[], Awaitable[None]]


async def measure(
    shopper: Shopper, count: int, at_once: int, progress: Progress, name: str, pause: float = 0.0
) -> dict[str, float]:
    """`count` calls, `at_once` at a time, with so many seconds after each: calls a second, and latency percentiles in
    milliseconds."""
    bar = progress.add_task(name, total=count)
    left, latencies = iter(range(count)), list[float]()

    async def one_after_another() -> None:
        for _ in left:
            began = time.perf_counter()
            await shopper()
            latencies.append((time.perf_counter() - began) * 1000)
            progress.advance(bar)
            await asyncio.sleep(pause)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    took = time.perf_counter() - began
    cuts = statistics.quantiles(latencies, n=100)
    return {"per_second": count / took, "p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


async def run(stack: Stack, count: int, whole: int, console: Console) -> dict[str, Any]:
    """Whole lives, while there is no backlog; then both sides at each concurrency, in turn, so that the machine's noise
    hits both."""
    links = stack.links
    client = await Client.connect(links.temporal_address, grpc_compression=GrpcCompression.NONE)
    body = cart({"mode": "server", "payment_method": "pm_card_visa"}, quantity=1)

    async def floor() -> None:
        start = WithStartWorkflowOperation(
            FloorWorkflow.run,
            id=f"floor/{uuid.uuid4()}",
            task_queue="floor",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        await client.execute_update_with_start_workflow(FloorWorkflow.begin, start_workflow_operation=start)

    results = []
    headers, idle = {"Authorization": f"Bearer {API_KEY}"}, list[Connection]()

    async def checkout() -> None:
        mine = idle.pop() if idle else Connection(links.api, headers, timeout=60)
        status, answer = await mine.request("POST", "/v1/checkouts", body, {"Idempotency-Key": str(uuid.uuid4())})
        if status != httpx.codes.CREATED:
            raise RuntimeError(f"a checkout was answered with {status}: {answer.decode()}")
        idle.append(mine)

    async with httpx.AsyncClient(base_url=links.api, headers=headers, timeout=60) as api:
        with Progress(console=console) as progress:
            await measure(floor, 20, 4, progress, "warming up the floor")
            await measure(checkout, 20, 4, progress, "warming up checkouts")
            bar = progress.add_task(f"whole lives, {WHOLE_LIVES_AT_ONCE} at once", total=whole)
            ended = await lives.measure(stack, api, whole, WHOLE_LIVES_AT_ONCE, lambda: progress.advance(bar))
            keep_parcels_here(stack)
            alone = [
                await measure(
                    one, min(count, UNHURRIED), 1, progress, f"{name}, one who takes their time", PAUSE_SECONDS
                )
                for name, one in (("floor", floor), ("checkouts", checkout))
            ]
            await labelled(stack, UNHURRIED)
            for at_once in CONCURRENCY:
                bare = await measure(floor, count, at_once, progress, f"floor, {at_once} at once")
                real = await measure(checkout, count, at_once, progress, f"checkouts, {at_once} at once")
                results.append(
                    {
                        "at_once": at_once,
                        "floor": bare,
                        "checkout": real,
                        "labelled_after": await labelled(stack, count),
                    }
                )
    for one in idle:
        one.close()
    return {
        "unhurried": {"pause_seconds": PAUSE_SECONDS, "floor": alone[0], "checkout": alone[1]},
        "checkouts": results,
        "whole_lives": {"at_once": WHOLE_LIVES_AT_ONCE, **ended},
    }


async def labelled(stack: Stack, count: int) -> float:
    """Seconds until every parcel has its label: what was left to do, and what the next floor must not meet."""
    began = time.monotonic()
    await until_labelled(stack, count)
    return time.monotonic() - began


def stock_up(stack: Stack) -> None:
    """Enough scarves for everybody, received as a movement like any other."""
    url = stack.links.database_owner_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('milepost.tenant', 'demo', true)")
        connection.execute("UPDATE stock_levels SET on_hand = on_hand + 1000000 WHERE sku = 'SCARF-SILK-01'")
        connection.execute(
            "INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)"
            " VALUES ('demo', 'florence', 'SCARF-SILK-01', 'received', 1000000, 'benchmark')"
        )


def show(found: dict[str, Any], console: Console) -> None:
    """A table with ratios, and a line for whole lives."""
    table = Table(
        "shoppers", "orders/s", "floor/s", "ratio", "p50 ms", "floor p50", "ratio", "p95 ms", "p99 ms", "labels after s"
    )
    for row in found["checkouts"]:
        real, bare = row["checkout"], row["floor"]
        table.add_row(
            str(row["at_once"]), f"{real['per_second']:.1f}", f"{bare['per_second']:.1f}",
            f"{real['per_second'] / bare['per_second']:.2f}", f"{real['p50']:.0f}", f"{bare['p50']:.0f}",
            f"{real['p50'] / bare['p50']:.2f}", f"{real['p95']:.0f}", f"{real['p99']:.0f}",
            f"{row['labelled_after']:.0f}",
        )  # fmt: skip
    console.print(table)
    real, bare = found["unhurried"]["checkout"], found["unhurried"]["floor"]
    console.print(
        f"one shopper who takes {found['unhurried']['pause_seconds']:.0f} s between: p50 {real['p50']:.0f} ms,"
        f" floor {bare['p50']:.0f} ms, ratio {real['p50'] / bare['p50']:.2f}"
    )
    whole = found["whole_lives"]
    console.print(
        f"whole lives, {whole['at_once']} at once: {whole['per_second']:.1f} orders a second from request to door,"
        f" p50 {whole['p50_seconds']:.1f} s, the longest {whole['max_seconds']:.1f} s"
    )


def main() -> None:
    """Boot, stock up, measure, show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="checkouts at each concurrency")
    parser.add_argument("--lives", type=int, default=60, help="orders that are followed to the door")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/checkout.json, and .svg")
    asked = parser.parse_args()
    console, of = Console(), about()
    options = StackOptions(env={"MILEPOST_SEED_API_KEY": API_KEY}, worker_processes=len(WORKERS), worker_env=WORKERS)
    with Stack(options) as stack:
        stock_up(stack)
        command = [sys.executable, "-m", "benchmarks.worker", stack.links.temporal_address]
        with subprocess.Popen(command) as floor_worker:
            try:
                results = asyncio.run(run(stack, asked.count, asked.lives, console))
            finally:
                floor_worker.terminate()
    show(results, console)
    if asked.save:
        where = Path(__file__).parent / "results" / "checkout.json"
        where.parent.mkdir(exist_ok=True)
        where.write_text(json.dumps(of | results, indent=1) + "\n")
        plot.draw(of | results, where.with_suffix(".svg"))


if __name__ == "__main__":
    main()
