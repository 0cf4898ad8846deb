"""The crowd of a drop: buyers who each want one unit and repeat with their own key until there is a final answer."""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.wire import Connection, Lost
from domain.ids import checkout_id
from models.demo import TENANT
from sandbox.demo import API_KEY, cart

NOT_FINAL = (202, 500, 502, 503, 504)
"""Asked again with the same key; but a 503 that has ended the checkout is final."""
ENDED = "payment_unavailable"
GAVE_UP = "gave up"

PATIENCE_SECONDS = 30.0
"""A buyer takes a call for lost after this long; the API promises an answer in less."""
GIVE_UP_SECONDS = 300.0
PAUSE_SECONDS = 0.25
ALONE_EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """How one buyer's wish ended. Milliseconds from the first request to the final answer."""

    checkout: str
    code: str
    """`sold`, a problem's code, or `GAVE_UP`."""
    order: str | None
    milliseconds: float
    at: float
    """Seconds from the drop's beginning to the final answer."""


@dataclass
class Drop:
    """What a crowd saw."""

    sku: str
    units: int
    outcomes: list[Outcome] = field(default_factory=list)
    repeats: Counter[str] = field(default_factory=Counter)
    """Why buyers asked again: the status, or the name of the connection's fault."""
    livez: list[tuple[float, float]] = field(default_factory=list)
    """Of `GET /livez` by each buyer who was refused, right after that and on the same connection (the same client, at
    the same rate, of the same process, in the same moments): seconds from the drop's beginning, and milliseconds."""
    livez_alone: list[tuple[float, float]] = field(default_factory=list)
    """Of one client for each process who asks nothing else: seconds from the drop's beginning, and milliseconds."""
    began: float = field(default_factory=time.perf_counter)
    seconds: float = 0.0

    @property
    def sold(self) -> list[Outcome]:
        """Those who were told that they have an order."""
        return [one for one in self.outcomes if one.code == "sold"]

    @property
    def sold_out_after(self) -> float:
        """Seconds until the last winner was told; what comes after is refusals only."""
        return max((one.at for one in self.sold), default=float("nan"))

    @property
    def livez_alone_while_refusing(self) -> list[float]:
        """Milliseconds of those samples that were taken while buyers were being refused."""
        times = [one.at for one in self.refused]
        return [took for at, took in self.livez_alone if times and min(times) <= at <= max(times)]

    @property
    def refused(self) -> list[Outcome]:
        """Those who were told no."""
        return [one for one in self.outcomes if one.code not in ("sold", GAVE_UP)]


class Crowd:
    """`connections` buyers at a time, on connections of their own, spread over the API processes."""

    def __init__(self, urls: Sequence[str], connections: int) -> None:
        self._urls, self._connections = urls, connections

    async def rush(self, sku: str, units: int, buyers: int, on_answer: Callable[[], None]) -> Drop:
        """All buyers, as fast as the connections allow, each of whom asks `GET /livez` after a refusal."""
        drop = Drop(sku, units)
        numbers = iter(range(buyers))
        clients = [[self._client(url) for url in self._urls] for _ in range(min(self._connections, buyers))]

        async def one_after_another(place: int) -> None:
            for number in numbers:
                drop.outcomes.append(await self._buy(clients[place], drop, number, place))
                on_answer()

        sampling = [asyncio.create_task(self._sample(url, drop)) for url in self._urls]
        drop.began = time.perf_counter()
        try:
            await asyncio.gather(*(one_after_another(place) for place in range(len(clients))))
            drop.seconds = time.perf_counter() - drop.began
        finally:
            for task in sampling:
                task.cancel()
            await asyncio.gather(*sampling, return_exceptions=True)
            for client in (client for one in clients for client in one):
                client.close()
        return drop

    def _client(self, url: str) -> Connection:
        return Connection(url, {"Authorization": f"Bearer {API_KEY}"}, PATIENCE_SECONDS)

    async def _buy(self, clients: Sequence[Connection], drop: Drop, number: int, place: int) -> Outcome:
        """One buyer, one key, one unit; after a lost or unfinal answer the next API process is asked."""
        key = uuid.uuid4().hex
        body = cart({"mode": "server", "payment_method": "pm_card_visa"}, sku=drop.sku, quantity=1)
        body["customer"] = {"email": f"buyer{number}@example.com", "name": f"Buyer {number}"}
        checkout = checkout_id(TENANT, key)
        began = time.perf_counter()
        attempt = place

        def ended(code: str, order: str | None = None) -> Outcome:
            now = time.perf_counter()
            return Outcome(checkout, code, order, (now - began) * 1000, now - drop.began)

        while time.perf_counter() - began < GIVE_UP_SECONDS:
            client = clients[attempt % len(clients)]
            try:
                status, answer = await client.request("POST", "/v1/checkouts", body, {"Idempotency-Key": key})
            except Lost as lost:
                why = str(lost)
            else:
                said = json.loads(answer)
                if status == 201:
                    return ended("sold", said["order_number"])
                if status not in NOT_FINAL or said.get("code") == ENDED:
                    outcome = ended(said["code"])
                    await self._livez(client, drop)
                    return outcome
                why = str(status)
            drop.repeats[why] += 1
            attempt += 1
            await asyncio.sleep(PAUSE_SECONDS)
        return ended(GAVE_UP)

    async def _livez(self, client: Connection, drop: Drop) -> None:
        began = time.perf_counter()
        with suppress(Lost):
            await client.request("GET", "/livez")
            now = time.perf_counter()
            drop.livez.append((now - drop.began, (now - began) * 1000))

    async def _sample(self, url: str, drop: Drop) -> None:
        """How long the emptiest route of this process takes for who asks nothing else."""
        async with self._client(url) as client:
            while True:
                began = time.perf_counter()
                with suppress(Lost):
                    await client.request("GET", "/livez")
                    now = time.perf_counter()
                    drop.livez_alone.append((now - drop.began, (now - began) * 1000))
                await asyncio.sleep(ALONE_EVERY_SECONDS)
