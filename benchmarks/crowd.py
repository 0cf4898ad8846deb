"""The crowd of a drop: buyers who each want one unit and repeat with their own key until there is a final answer."""

import asyncio
import ssl
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from domain.ids import checkout_id
from models.demo import TENANT
from sandbox.demo import API_KEY, cart

NOT_FINAL = (202, 500, 502, 503, 504)
"""Asked again with the same key; but a 503 that has ended the checkout is final."""
ENDED = "payment_unavailable"

PATIENCE_SECONDS = 30.0
"""A buyer takes a call for lost after this long; the API promises an answer in less."""
GIVE_UP_SECONDS = 300.0
PAUSE_SECONDS = 0.25
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """How one buyer's wish ended. Milliseconds from the first request to the final answer."""

    checkout: str
    code: str
    """`sold`, a problem's code, or `gave up`."""
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
    livez: list[float] = field(default_factory=list)
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
    def refused(self) -> list[Outcome]:
        """Those who were told no."""
        return [one for one in self.outcomes if one.code != "sold"]


class Crowd:
    """`connections` buyers at a time, on connections of their own, spread over the API processes."""

    def __init__(self, urls: Sequence[str], connections: int) -> None:
        self._urls, self._connections = urls, connections
        self._tls = ssl.create_default_context()  # made once: a context a client would be most of a small drop's time

    async def rush(self, sku: str, units: int, buyers: int, on_answer: Callable[[], None]) -> Drop:
        """All buyers, as fast as the connections allow; `GET /livez` is sampled meanwhile."""
        drop = Drop(sku, units)
        numbers = iter(range(buyers))
        clients = [self._client() for _ in range(min(self._connections, buyers))]

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
            await asyncio.gather(*(client.aclose() for client in clients))
        return drop

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {API_KEY}"},
            timeout=PATIENCE_SECONDS,
            verify=self._tls,
            trust_env=False,
        )

    async def _buy(self, client: httpx.AsyncClient, drop: Drop, number: int, place: int) -> Outcome:
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
            url = f"{self._urls[attempt % len(self._urls)]}/v1/checkouts"
            try:
                answer = await client.post(url, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError as lost:
                why = type(lost).__name__
            else:
                said = answer.json()
                if answer.status_code == 201:
                    return ended("sold", said["order_number"])
                if answer.status_code not in NOT_FINAL or said.get("code") == ENDED:
                    return ended(said["code"])
                why = str(answer.status_code)
            drop.repeats[why] += 1
            attempt += 1
            await asyncio.sleep(PAUSE_SECONDS)
        return ended("gave up")

    async def _sample(self, url: str, drop: Drop) -> None:
        """How long the emptiest route of this process takes under the same load."""
        async with self._client() as client:
            while True:
                began = time.perf_counter()
                try:
                    (await client.get(f"{url}/livez")).raise_for_status()
                except httpx.HTTPError:
                    await asyncio.sleep(SAMPLE_SECONDS)
                    continue
                drop.livez.append((time.perf_counter() - began) * 1000)
                await asyncio.sleep(SAMPLE_SECONDS)
