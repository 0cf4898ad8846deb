"""Shoppers who buy, decline, leave and change their minds, and repeat with their own key until there is an answer.

What each of them wants is drawn from the seed before anything runs, so that a seed is the same crowd every time.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx

from benchmarks.wire import Connection, Lost
from domain.ids import checkout_id
from models.demo import TENANT
from sandbox.demo import API_KEY, cart

NOT_FINAL = (202, 429, 500, 502, 503, 504)
"""Asked again with the same key; but a 503 that has ended the checkout is final, and a request that runs is not."""
ENDED, RUNNING = "payment_unavailable", "idempotency_key_in_use"

PATIENCE_SECONDS = 30.0
GIVE_UP_SECONDS = 600.0
PAUSE_SECONDS = 0.3


class Wish(StrEnum):
    """What a shopper does."""

    PAYS = "pays by card"
    DECLINED = "has no money"
    BROWSER = "pays in the browser"
    BANK = "is asked by the bank"
    LEAVES = "never confirms"
    UNDECIDED = "cancels the checkout"
    REGRETS = "cancels the order"


WEIGHTS = {
    Wish.PAYS: 50, Wish.DECLINED: 8, Wish.BROWSER: 14, Wish.BANK: 6, Wish.LEAVES: 6, Wish.UNDECIDED: 6,
    Wish.REGRETS: 10,
}  # fmt: skip
SCARCE_SHARE, TWICE_SHARE = 0.25, 0.2


@dataclass(frozen=True)
class Shopper:
    """One of the crowd. `twice`: the same request goes out two times at once, as an impatient finger does."""

    number: int
    key: str
    sku: str
    wish: Wish
    twice: bool

    @property
    def checkout(self) -> str:
        """Follows from the key."""
        return checkout_id(TENANT, self.key)

    def body(self) -> dict[str, Any]:
        """Of `POST /v1/checkouts`."""
        cards = {Wish.DECLINED: "pm_card_chargeDeclined", Wish.BANK: "pm_card_threeDSecure2Required"}
        payment = {"mode": "server", "payment_method": cards.get(self.wish, "pm_card_visa")}
        if self.wish in (Wish.BROWSER, Wish.LEAVES, Wish.UNDECIDED):
            payment = {"mode": "client"}
        asked = cart(payment, sku=self.sku, quantity=1)
        asked["customer"] = {"email": f"shopper{self.number}@example.com", "name": f"Shopper {self.number}"}
        return asked


def crowd(seed: int, count: int, plenty: str, scarce: Sequence[str]) -> list[Shopper]:
    """So many shoppers; a quarter of them want what there is too little of."""
    dice = random.Random(seed)
    wishes, weights = list(WEIGHTS), list(WEIGHTS.values())
    return [
        Shopper(
            number=number,
            key=f"chaos-{seed}-{number}",
            sku=dice.choice(scarce) if dice.random() < SCARCE_SHARE else plenty,
            wish=dice.choices(wishes, weights)[0],
            twice=dice.random() < TWICE_SHARE,
        )
        for number in range(count)
    ]


@dataclass
class Told:
    """What one shopper was told in the end. `accepted`: the API had said 201 or 202 at some time."""

    shopper: Shopper
    code: str
    order: str | None = None
    accepted: bool = False
    seconds: float = 0.0
    others: set[str] = field(default_factory=set)
    """Order numbers told to the same key; more than one is a double order."""


class Street:
    """`at_once` shoppers at a time, spread over the API processes."""

    def __init__(self, urls: Sequence[str], stripe: str, at_once: int) -> None:
        self._urls, self._stripe, self._at_once = urls, stripe, at_once
        self.repeats = Counter[str]()

    async def walk(self, shoppers: Sequence[Shopper], on_answer: Callable[[], None]) -> list[Told]:
        """All of them; the order of the answers is that of the shoppers."""
        told: dict[int, Told] = {}
        queue = iter(shoppers)
        limits = httpx.Limits(max_connections=self._at_once * 2, max_keepalive_connections=0)
        async with httpx.AsyncClient(timeout=10, trust_env=False, limits=limits) as outside:

            async def one_after_another(place: int) -> None:
                for shopper in queue:
                    visit = _Visit(self, shopper, outside, self._stripe, place)
                    try:
                        told[shopper.number] = await visit.live()
                    finally:
                        visit.close()
                    on_answer()

            await asyncio.gather(*(one_after_another(place) for place in range(self._at_once)))
        return [told[shopper.number] for shopper in shoppers]

    def connections(self) -> list[Connection]:
        """One to each API process."""
        return [Connection(url, {"Authorization": f"Bearer {API_KEY}"}, PATIENCE_SECONDS) for url in self._urls]


class _Visit:
    def __init__(self, street: Street, shopper: Shopper, outside: httpx.AsyncClient, stripe: str, place: int) -> None:
        self._street, self._shopper, self._outside, self._stripe = street, shopper, outside, stripe
        self._clients, self._turn = street.connections(), place
        self._began = time.monotonic()
        self.told = Told(shopper, "gave up")

    def close(self) -> None:
        for client in self._clients:
            client.close()

    @property
    def _patient(self) -> bool:
        return time.monotonic() - self._began < GIVE_UP_SECONDS

    async def live(self) -> Told:
        """From the first request to the last answer."""
        status, said = await self._buy()
        told = self.told
        match self._shopper.wish:
            case Wish.BROWSER | Wish.BANK if said.get("state") == "awaiting_payment":
                await self._pay(said)
                status, said = await self._act("confirm", lambda seen: seen["state"] != "awaiting_payment")
            case Wish.UNDECIDED if said.get("state") == "awaiting_payment":
                status, said = await self._act("cancel", lambda seen: seen["state"] != "awaiting_payment")
            case Wish.REGRETS if status == 201:
                told.order = said["order_number"]
                status, said = await self._ask(
                    "POST", f"/v1/orders/{told.order}/cancel", None, self._shopper.key + "-c"
                )
        told.order = said.get("order_number") or told.order
        told.code = str(said.get("state") or said.get("code") or status)
        told.seconds = time.monotonic() - self._began
        return told

    async def _buy(self) -> tuple[int, dict[str, Any]]:
        """Placed, refused, or the shopper is asked to act."""
        shopper = self._shopper
        ask = [self._ask("POST", "/v1/checkouts", shopper.body(), shopper.key) for _ in range(1 + shopper.twice)]
        answers = await asyncio.gather(*ask)
        self.told.others = {said["order_number"] for _, said in answers if said.get("order_number")}
        self.told.accepted |= any(status in (201, 202) for status, _ in answers)
        return next((one for one in answers if one[0] == 201), answers[0])

    async def _pay(self, checkout: dict[str, Any]) -> None:
        """What the browser does with Stripe and the bank, until Stripe has taken it one way or the other."""
        secret = checkout["next_action"]["client_secret"]
        intent = secret.partition("_secret_")[0]
        confirm = f"{self._stripe}/v1/payment_intents/{intent}/confirm"
        body = {"client_secret": secret, "payment_method": "pm_card_visa"}
        while self._patient:
            try:
                if self._shopper.wish is Wish.BANK:
                    answer = await self._outside.post(f"{self._stripe}/3ds/{intent}/pass")
                else:
                    key = {"Authorization": "Bearer pk_test_browser"}
                    answer = await self._outside.post(confirm, data=body, headers=key)
                if answer.status_code < 500 and answer.status_code not in (409, 429):
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(PAUSE_SECONDS)

    async def _act(self, act: str, done: Callable[[dict[str, Any]], bool]) -> tuple[int, dict[str, Any]]:
        """`confirm` or `cancel`, until the checkout shows it."""
        status, said = 0, dict[str, Any]()
        number = self._shopper.checkout
        while self._patient:
            await self._ask("POST", f"/v1/checkouts/{number}/{act}", None, f"{self._shopper.key}-{act}")
            status, said = await self._ask("GET", f"/v1/checkouts/{number}", None, None)
            if status == 200 and done(said):
                break
            await asyncio.sleep(PAUSE_SECONDS)
        return status, said

    async def _ask(self, method: str, path: str, body: Any, key: str | None) -> tuple[int, dict[str, Any]]:
        """Again and again, with the same key and from one API process to the next, until the answer is final."""
        headers = {"Idempotency-Key": key} if key else {}
        status, said = 0, dict[str, Any]()
        while self._patient:
            self._turn += 1
            own = self._turn % len(self._clients)
            client = self._clients[own]
            if client.busy:  # the other finger is on it
                client = self._street.connections()[own]
            try:
                status, answer = await client.request(method, path, body, headers)
                said = dict(json.loads(answer))
            except Lost as lost:
                why = str(lost)
            else:
                self.told.accepted |= status in (201, 202)
                waits = status == 202 and said.get("state") == "awaiting_payment"
                code = said.get("code")
                if waits or code == ENDED or (status not in NOT_FINAL and code != RUNNING):
                    return status, said
                why = f"{status} {said.get('code', said.get('state', ''))}"
            finally:
                if client not in self._clients:
                    client.close()
            self._street.repeats[why] += 1
            await asyncio.sleep(PAUSE_SECONDS)
        return status, said
