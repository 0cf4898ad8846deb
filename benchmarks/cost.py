"""What a refused buyer costs beside `GET /livez` in processor time, which other work on the machine hardly moves.

Everything is sold by now. As many buyers as were asked for are refused, as many `GET /livez` are sent, in turn, by the
same connections; the processor time of the API processes and of PostgreSQL is read before and after each.
"""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil

from benchmarks.wire import Connection
from sandbox.demo import API_KEY, cart
from sandbox.stack import Stack

ROUNDS = 3


@dataclass
class Cost:
    """Microseconds of the processor for each request, in all API processes and in PostgreSQL."""

    api: float = 0.0
    postgres: float = 0.0


async def cost(stack: Stack, sku: str, connections: int, each: int) -> tuple[Cost, Cost]:
    """Of a refusal, and of a livez: the least of the rounds, because what disturbs only adds."""
    rounds = [
        (await _one(stack, connections, each, sku), await _one(stack, connections, each, None)) for _ in range(ROUNDS)
    ]
    refusals, livez = zip(*rounds, strict=True)
    return _least(refusals), _least(livez)


def _least(seen: Sequence[Cost]) -> Cost:
    return Cost(min(one.api for one in seen), min(one.postgres for one in seen))


async def _one(stack: Stack, connections: int, each: int, sku: str | None) -> Cost:
    numbers, urls = iter(range(each)), stack.links.api_urls
    before = _used(stack)
    await asyncio.gather(*(_ask(urls[place % len(urls)], numbers, sku) for place in range(connections)))
    after = _used(stack)
    return Cost((after.api - before.api) / each, (after.postgres - before.postgres) / each)


async def _ask(url: str, numbers: Iterator[int], sku: str | None) -> None:
    async with Connection(url, {"Authorization": f"Bearer {API_KEY}"}, timeout=60) as client:
        for number in numbers:
            if sku is None:
                await client.request("GET", "/livez")
                continue
            body = cart({"mode": "server", "payment_method": "pm_card_visa"}, sku=sku, quantity=1)
            body["customer"] = {"email": f"late{number}@example.com", "name": f"Late {number}"}
            status, answer = await client.request("POST", "/v1/checkouts", body, {"Idempotency-Key": uuid.uuid4().hex})
            if status != 409:
                raise RuntimeError(f"not refused: {status} {answer!r}")


def _used(stack: Stack) -> Cost:
    api = [name for name in stack.names if name.startswith("api")]
    return Cost(sum(_microseconds(stack, name) for name in api), _microseconds(stack, "postgres"))


def _microseconds(stack: Stack, name: str) -> float:
    pid = stack.pid(name)
    if pid is None:
        raise RuntimeError(f"{name} does not run")
    parent, used = psutil.Process(pid), 0.0
    for one in (parent, *parent.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:  # a connection's backend has just ended
            continue
        used += times.user + times.system
    return used * 1_000_000
