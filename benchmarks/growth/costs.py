"""What orders take of the processor, by process, from the checkout to the label, as things stand."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import psutil
import structlog

from benchmarks.machine import processor_seconds
from benchmarks.shelf import rows
from sandbox.demo import cart
from sandbox.stack import Stack

log = structlog.get_logger()

AT_ONCE, TRIES = 8, 60
LABELLED_WITHIN_SECONDS, LOOK_SECONDS = 120.0, 0.5
"""And a second for each order: labels wait for shoppers."""
_UNLABELLED = "SELECT count(*) FROM shipments WHERE state = 'pending'"


def processes(stack: Stack) -> dict[str, psutil.Process]:
    """Our own and the servers; the stand-ins are somebody else's cost."""
    names = [name for name in stack.names if name.startswith(("api", "worker", "postgres", "temporal"))]
    return {name: psutil.Process(stack.pid(name)) for name in names}


@contextmanager
def counted(stack: Stack, orders: int) -> Iterator[dict[str, float]]:
    """Processor milliseconds an order by process, known at the end of the block."""
    of, found = processes(stack), dict[str, float]()
    before = {name: processor_seconds(one) for name, one in of.items()}
    yield found
    for name, one in of.items():
        kind = name.split("-")[0]
        found[kind] = found.get(kind, 0) + (processor_seconds(one) - before[name]) * 1000 / orders


async def orders(stack: Stack, count: int, tell: Callable[[], None], at_once: int = AT_ONCE) -> dict[str, float]:
    """`count` orders are bought, `at_once` at a time, and their labels.

    Milliseconds of processor an order by process, and orders a second, until the last has its label. Who is told to
    ask again does, with the same key.
    Raises `TimeoutError` for labels that do not come.
    """
    headers, repeats = {"Authorization": f"Bearer {stack.links.api_key}"}, list[str]()
    body, left = cart({"mode": "server", "payment_method": "pm_card_visa"}, quantity=1), iter(range(count))
    async with httpx.AsyncClient(base_url=stack.links.api, headers=headers, timeout=120, trust_env=False) as http:

        async def one_after_another() -> None:
            for _ in left:
                key = {"Idempotency-Key": str(uuid.uuid4())}
                for _ in range(TRIES):
                    answer = await http.post("/v1/checkouts", json=body, headers=key)
                    if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                        break
                    repeats.append(answer.json()["detail"])
                    await asyncio.sleep(LOOK_SECONDS)
                answer.raise_for_status()
                tell()

        began = time.perf_counter()
        with counted(stack, count) as found:
            await asyncio.gather(*(one_after_another() for _ in range(at_once)))
            await until_labelled(stack, count)
        if repeats:
            log.warning("asked again", times=len(repeats), why=sorted(set(repeats)))
        return found | {"per_second": count / (time.perf_counter() - began)}


async def until_labelled(stack: Stack, count: int) -> None:
    """Every parcel has its label, those of `count` orders too. Raises `TimeoutError` for labels that do not come."""
    deadline = time.monotonic() + LABELLED_WITHIN_SECONDS + count
    while time.monotonic() < deadline:
        ((pending,),) = await asyncio.to_thread(rows, stack, _UNLABELLED)
        if not pending:
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise TimeoutError(f"{pending} parcels have no label")
