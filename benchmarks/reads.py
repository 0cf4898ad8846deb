"""`make bench-reads`: `GET /v1/orders/{number}` a second, as in production, beside its floor of the same run.

The floor (`benchmarks/reads_floor.py`) is the least that gives the same bytes: bare FastAPI and a pool of psycopg, one
statement, no key, no tenant, no limit. Ours is the whole API: the key is known, its limit counted, the row seen under
row-level security, headers and conventions on the answer. One process each, under the same server, the same client,
in turn, several times over. Beside requests a second it counts the processor time of each process for a request, which
other work on the machine does not change.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.machine import processor_seconds
from benchmarks.wire import Connection
from sandbox.blueprint import outside_environment
from sandbox.ports import HOST, choose
from sandbox.stack import Stack, StackOptions

TENANT = "demo"
RATE_LIMIT = 5_000
"""Requests a second a key may make here: more than are reached, and counted all the same."""

_ASIDE = ("worker-1", "temporal", "stripe", "carrier", "mail")
"""Once the order is there nobody needs them; the API reads without."""

_SERVER = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header")


async def make_order(stack: Stack) -> dict[str, Any]:
    """One order with two lines, its parcel delivered: as the API shows it."""
    address = {"name": "Ada", "line1": "12 Rue de la Paix", "city": "Paris", "postal_code": "75002", "country": "FR"}
    cart = {
        "currency": "EUR",
        "lines": [{"sku": "SCARF-SILK-01", "quantity": 2}, {"sku": "BAG-CALF-02", "quantity": 1}],
        "customer": {"email": "ada@example.com", "name": "Ada"},
        "shipping_address": address,
        "shipping_method": "standard",
        "payment": {"mode": "server", "payment_method": "pm_card_visa"},
    }
    key = {"Authorization": f"Bearer {stack.links.api_key}"}
    async with httpx.AsyncClient(base_url=stack.links.api, headers=key, timeout=60, trust_env=False) as http:
        answer = await http.post("/v1/checkouts", json=cart, headers={"Idempotency-Key": "bench"})
        number = str(answer.raise_for_status().json()["order_number"])
        parcel = await _until(http, number, "label_bought")
        (await http.post(f"/v1/shipments/{parcel}/handover")).raise_for_status()
        await _until(http, number, "delivered")  # the carrier's stand-in delivers by itself
        return dict((await http.get(f"/v1/orders/{number}")).raise_for_status().json())


async def _until(http: httpx.AsyncClient, number: str, state: str) -> str:
    for _ in range(600):
        parcel = (await http.get(f"/v1/orders/{number}")).raise_for_status().json()["shipments"][0]
        if parcel["state"] == state:
            return str(parcel["id"])
        await asyncio.sleep(0.1)
    raise TimeoutError(f"the parcel of order {number} is not {state}")


@contextmanager
def floor(stack: Stack, order: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The floor's address and process id."""
    port = choose(["floor"], prefer_friendly=False)["floor"]
    env = outside_environment() | {
        "FLOOR_DATABASE_URL": stack.links.database_admin_url.replace("+psycopg", ""),
        "FLOOR_TENANT": TENANT,
        "FLOOR_PAGE": order["support_url"],
        "FLOOR_ORDER_ACTS": json.dumps(order["possible_acts"], separators=(",", ":")),
        "FLOOR_PARCEL_ACTS": json.dumps(order["shipments"][0]["possible_acts"], separators=(",", ":")),
    }
    argv = (sys.executable, "-m", "uvicorn", "benchmarks.reads_floor:app", "--host", HOST, "--port", str(port))
    with subprocess.Popen((*argv, *_SERVER, "--log-level", "warning"), env=env) as process:
        try:
            for _ in range(300):
                try:
                    httpx.get(f"http://{HOST}:{port}/openapi.json", trust_env=False)
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield f"http://{HOST}:{port}", process.pid
        finally:
            process.terminate()


async def ask(url: str, path: str, headers: dict[str, str], at_once: int, seconds: float) -> dict[str, Any]:
    """Requests a second and each one's seconds, all who ask one after the other together. Raises for a wrong answer."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    connections = [Connection(url, headers, timeout=30) for _ in range(at_once)]

    async def one_after_another(connection: Connection) -> None:
        while (began := time.perf_counter()) < until:
            status, _ = await connection.request("GET", path)
            if status != 200:
                raise RuntimeError(f"{url}{path} answered {status}")
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*map(one_after_another, connections))
    elapsed = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return {"rate": len(took) / elapsed, "count": len(took), "p50": statistics.median(took)}


async def run(stack: Stack, number: str, bare: tuple[str, int], asked: argparse.Namespace, console: Console) -> Any:
    """Both sides in turn; the first round warms up."""
    key = {"Authorization": f"Bearer {stack.links.api_key}"}
    api, postgres = stack.pid("api-1"), stack.pid("postgres")
    if api is None or postgres is None:
        raise RuntimeError("the stack is not up")
    sides = {
        "floor": (bare[0], f"/orders/{number}", dict[str, str](), bare[1]),
        "ours": (stack.links.api, f"/v1/orders/{number}", key, api),
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        bodies = [(await http.get(url + path, headers=headers)).content for url, path, headers, _ in sides.values()]
    if bodies[0] != bodies[1]:
        raise RuntimeError(f"the answers differ: {bodies[0]!r} and {bodies[1]!r}")
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    with Progress(console=console) as progress:
        bar = progress.add_task(f"{asked.connections} connections", total=(asked.rounds + 1) * len(sides))
        for turn, name in itertools.product(range(asked.rounds + 1), sides):
            url, path, headers, pid = sides[name]
            servers = psutil.Process(pid), psutil.Process(postgres)
            before = [processor_seconds(server) for server in servers]
            one = await ask(url, path, headers, asked.connections, asked.seconds)
            after = [processor_seconds(server) for server in servers]
            one["api_us"], one["database_us"] = (
                (end - begin) / one["count"] * 1e6 for begin, end in zip(before, after, strict=True)
            )
            if turn:
                seen[name].append(one)
            progress.advance(bar)
    return {"bytes": len(bodies[0]), "connections": asked.connections, "rounds": seen, "ratios": ratios(seen)}


def ratios(seen: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    """Of the medians: requests a second, ours to the floor's, and of processor time the floor's to ours."""
    middle = {
        (name, what): statistics.median(one[what] for one in rounds)
        for name, rounds in seen.items()
        for what in ("rate", "api_us", "database_us")
    }
    return {
        "rate": middle["ours", "rate"] / middle["floor", "rate"],
        "api_us": middle["floor", "api_us"] / middle["ours", "api_us"],
        "database_us": middle["floor", "database_us"] / middle["ours", "database_us"],
    }


def show(result: dict[str, Any], console: Console) -> None:
    """Medians, their span, and the ratios."""
    title = f"{result['bytes']} bytes, {result['connections']} connections"
    table = Table("", "requests /s", "span", "p50 ms", "API µs", "database µs", title=title)
    for name, rounds in result["rounds"].items():
        rates = [one["rate"] for one in rounds]
        middle = {what: statistics.median(one[what] for one in rounds) for what in ("p50", "api_us", "database_us")}
        table.add_row(
            name, f"{statistics.median(rates):.0f}", f"{min(rates):.0f} to {max(rates):.0f}",
            f"{middle['p50'] * 1000:.1f}", f"{middle['api_us']:.0f}", f"{middle['database_us']:.0f}",
        )  # fmt: skip
    of = result["ratios"]
    table.add_row("ratio", f"{of['rate']:.2f}", "", "", f"{of['api_us']:.2f}", f"{of['database_us']:.2f}")
    console.print(table)


def main() -> None:
    """The stack, one order, both sides in turn, a table, and the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each side in each round")
    asked = parser.parse_args()
    console = Console()
    with Stack(StackOptions(env={"MILEPOST_RATE_LIMIT": str(RATE_LIMIT)})) as stack:
        order = asyncio.run(make_order(stack))
        for name in _ASIDE:
            stack.stop(name)
        with floor(stack, order) as bare:
            result = uvloop.run(run(stack, order["number"], bare, asked, console))
    show(result, console)
    where = Path(__file__).parent / "results" / "reads.json"
    where.parent.mkdir(exist_ok=True)
    where.write_text(json.dumps(result | {"processors": os.cpu_count()}, indent=2) + "\n")
    console.print(f"Written to {where}.")


if __name__ == "__main__":
    main()
