"""What goes wrong, from a seed: processes die and hang, answers and webhooks are lost, connections run out.

Each trouble mends itself after seconds; `healing.py` mends what is left when the crowd has gone.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import psycopg

from benchmarks.chaos import started
from sandbox.stack import Stack

BETWEEN_SECONDS = (0.6, 2.2)
DOWN_SECONDS = (0.1, 1.5)
FROZEN_SECONDS = (0.5, 4.0)
UNRULY_SECONDS = (1.0, 4.0)
MOVES_MONEY = ("payment_intents.create", "payment_intents.capture", "payment_intents.cancel", "refunds.create")
WEBHOOKS: tuple[dict[str, Any], ...] = (
    {"duplicate": 2},
    {"delay_seconds": 1.0, "reorder": True, "duplicate": 1},
    {"mode": "hold"},
    {"mode": "drop"},
)

Strike = Callable[[], Awaitable[None]]


class Trouble:
    """`async with Trouble(stack, seed)`: one strike after another, several at a time; `strikes` counts them.

    `patience` makes the pauses between them so many times as long.
    """

    def __init__(self, stack: Stack, seed: int, patience: float = 1.0) -> None:
        self._patience = patience
        self.strikes: Counter[str] = Counter()
        self._stack, self._dice = stack, random.Random(seed)
        self._busy, self._running = set[str](), set[asyncio.Task[None]]()
        self._carrier, self._stripe = stack.links.carrier, stack.links.stripe

    async def __aenter__(self) -> "Trouble":
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await asyncio.gather(*self._running)
        await self._http.aclose()

    async def _run(self) -> None:
        servers = sorted(self._stack.names)
        ours = [name for name in servers if name.startswith(("api", "worker"))]
        table: list[tuple[int, Callable[[], tuple[str, Strike] | None]]] = [
            (8, lambda: self._on(ours, "kill", self._kill)),
            (1, lambda: self._on(["postgres"], "kill", self._kill)),
            (1, lambda: self._on(["temporal"], "kill", self._kill)),
            (2, lambda: self._on(["stripe", "carrier"], "kill", self._kill)),
            (5, lambda: self._on(servers, "freeze", self._freeze)),
            (5, self._stripe_loses),
            (3, self._stripe_webhooks),
            (2, self._carrier_webhooks),
            (2, self._carrier_loses),
            (1, lambda: ("the database's connections are used up", self._fill)),
        ]
        weights = [weight for weight, _ in table]
        while True:
            await asyncio.sleep(self._patience * self._dice.uniform(*BETWEEN_SECONDS))
            drawn = self._dice.choices(table, weights)[0][1]()
            if drawn is None:
                continue  # all that it could hit is down already
            name, strike = drawn
            self.strikes[name] += 1
            task = asyncio.create_task(_forgiving(strike))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _on(self, names: list[str], what: str, strike: Callable[[str, float], Awaitable[None]]) -> Any:
        free = [name for name in names if name not in self._busy]
        chance = self._dice.random()
        if not free:
            return None
        name = self._dice.choice(free)
        self._busy.add(name)

        async def go() -> None:
            try:
                await strike(name, chance)
            finally:
                self._busy.discard(name)

        return f"{what} {name}", go

    async def _kill(self, name: str, chance: float) -> None:
        await asyncio.to_thread(self._stack.kill, name)
        await asyncio.sleep(_between(DOWN_SECONDS, chance))
        await started(self._stack, name)

    async def _freeze(self, name: str, chance: float) -> None:
        await asyncio.to_thread(self._stack.freeze, name)
        try:
            await asyncio.sleep(_between(FROZEN_SECONDS, chance))
        finally:
            await asyncio.to_thread(self._stack.thaw, name)

    def _stripe_loses(self) -> tuple[str, Strike]:
        fault = self._dice.choice(
            (
                {"when": "after", "status": None},
                {"when": "after", "status": 500},
                {"when": "before", "status": None},
                {"when": "before", "status": 429, "retry_after": 1},
                {"when": "hang", "delay_seconds": 3},
            )
        )
        operation = self._dice.choice(MOVES_MONEY)
        order = fault | {"operation": operation, "times": self._dice.randint(1, 4)}
        name = f"stripe {order['when']} {order.get('status', 'silence')}"
        return name, lambda: self._post(f"{self._stripe}/_control/faults", order)

    def _stripe_webhooks(self) -> tuple[str, Strike]:
        conduct, seconds = self._dice.choice(WEBHOOKS), self._dice.uniform(*UNRULY_SECONDS)

        async def go() -> None:
            await self._post(f"{self._stripe}/_control/webhooks", conduct)
            await asyncio.sleep(seconds)
            await self._post(f"{self._stripe}/_control/webhooks/release", {"reorder": True})

        return "stripe's webhooks: " + ", ".join(f"{name} {value}" for name, value in conduct.items()), go

    def _carrier_webhooks(self) -> tuple[str, Strike]:
        conduct = self._dice.choice(({"duplicate": 2}, {"reorder": True}, {"mode": "hold"}, {"mode": "drop"}))
        seconds = self._dice.uniform(*UNRULY_SECONDS)

        async def go() -> None:
            await self._post(f"{self._carrier}/_control/webhooks", conduct)
            await asyncio.sleep(seconds)
            await self._post(f"{self._carrier}/_control/webhooks", {"mode": "normal", "duplicate": 0, "reorder": False})
            await self._post(f"{self._carrier}/_control/webhooks/release", {})

        return "the carrier's webhooks: " + ", ".join(f"{name} {value}" for name, value in conduct.items()), go

    def _carrier_loses(self) -> tuple[str, Strike]:
        fault = {"operation": self._dice.choice(("create", "buy", "void")), "when": "after", "status": None}
        return "the carrier's answer is lost", lambda: self._post(f"{self._carrier}/_control/faults", fault)

    async def _fill(self) -> None:
        """Take every connection that the database gives, and keep them for a moment."""
        url = self._stack.links.database_url.replace("+psycopg", "")
        taken: list[psycopg.AsyncConnection[Any]] = []
        try:
            with suppress(psycopg.OperationalError):
                while True:
                    taken.append(await psycopg.AsyncConnection.connect(url, connect_timeout=3))
            await asyncio.sleep(2)
        finally:
            for connection in taken:
                await connection.close()

    async def _post(self, url: str, body: dict[str, Any]) -> None:
        await self._http.post(url, json=body)


async def _forgiving(strike: Strike) -> None:
    """Who is to have the trouble may be down already."""
    with suppress(httpx.TransportError):
        await strike()


def _between(bounds: tuple[float, float], chance: float) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * chance
