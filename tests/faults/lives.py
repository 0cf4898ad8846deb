"""Random lives: an order is bought, and then things happen to it, in any order, while Stripe is unwell."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx

from domain.ids import checkout_id, payment_id
from tests.flow.kit import TENANT, Shop, until


class Act(StrEnum):
    """What shopper, shop, warehouse and carrier do."""

    CONFIRM = "confirm"
    CANCEL_CHECKOUT = "cancel checkout"
    CANCEL_ORDER = "cancel order"
    HAND_OVER = "hand over"
    DELIVER = "scan delivered"
    REFUND_PART = "refund a part"
    REFUND_ALL = "refund all"
    REPEAT = "repeat the last request"


@dataclass(frozen=True)
class Trouble:
    """How Stripe treats some of the requests of one operation: each with this probability, up to so many."""

    operation: str
    fault: str
    probability: float
    times: int
    seed: int


TROUBLES: dict[str, dict[str, Any]] = {
    "dropped before": {"when": "before", "status": None},
    "answer lost": {"when": "after", "status": None},
    "silence": {"when": "hang", "delay_seconds": 1},
    "500, not done": {"when": "before", "status": 500},
    "500, done": {"when": "after", "status": 500},
    "409 in use": {"when": "before", "status": 409},
    "429": {"when": "before", "status": 429, "retry_after": 1},
    "declined": {"status": 402},
    "slow": {"when": "before", "status": 200, "delay_seconds": 0.7},
}
MOVES_MONEY = ("payment_intents.create", "payment_intents.capture", "payment_intents.cancel", "refunds.create")
DECLINABLE = MOVES_MONEY[:2]
LOOKS = ("payment_intents.retrieve", "payment_intents.list", "refunds.list", "refunds.retrieve")
WEBHOOKS: dict[str, dict[str, Any]] = {
    "normal": {},
    "twice": {"duplicate": 1},
    "late and backwards": {"delay_seconds": 0.5, "reorder": True},
    "lost": {"mode": "drop"},
}


@dataclass(frozen=True)
class Life:
    """One order's plan. `at_once`: nothing waits for what came before, and each act comes so many seconds after the
    start; a checkout may be cancelled while it is paid."""

    card: str
    client: bool
    automatic: bool
    acts: tuple[tuple[Act, float], ...]
    at_once: bool
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True)
class Plan:
    """Several lives at the same time, what becomes of the webhooks, and of the looks at what is true."""

    lives: tuple[Life, ...]
    webhooks: str
    looks: tuple[Trouble, ...]


@dataclass
class Living:
    """A life while it is lived. Nothing here knows what should come of it; `afterwards` judges."""

    shop: Shop
    life: Life
    key: str
    sku: str = ""
    last: Callable[[], Awaitable[httpx.Response]] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def checkout(self) -> str:
        """Follows from the key."""
        return checkout_id(TENANT, self.key)

    @property
    def payment(self) -> str:
        """Follows from the checkout."""
        return payment_id(TENANT, self.checkout)

    async def live(self) -> None:
        """Buy, then all the acts. Raises `AssertionError` for an answer that no request may get."""
        for trouble in self.life.troubles:
            await arm(self.shop, trouble, idempotency_key=f"{TENANT}/{self.payment}/*")
        self.sku = self.shop.new_sku()
        mode: dict[str, Any] = {"mode": "client"} if self.life.client else {
            "mode": "server", "payment_method": self.life.card,
        }  # fmt: skip
        payment = mode | {"capture": "automatic" if self.life.automatic else "manual"}
        buying = asyncio.create_task(self.ask("buy", lambda: self.shop.buy(self.sku, key=self.key, payment=payment)))
        if not self.life.at_once:
            await buying
        acts = [self.do(act, f"{self.key} {n}", pause, buying) for n, (act, pause) in enumerate(self.life.acts)]
        if self.life.at_once:
            await asyncio.gather(buying, *acts)
        else:
            for act in acts:
                await act

    async def ask(self, what: str, request: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """A request to the API. It may be refused or put off, but never break."""
        self.last = request
        answer = await request()
        self.said.append(
            f"{what}: {answer.status_code} {answer.json().get('code') or answer.json().get('state') or ''}"
        )
        assert answer.status_code != 422, f"the same key with the same body, {what}: {answer.text}"
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        return answer

    async def do(self, act: Act, key: str, pause: float, buying: asyncio.Task[httpx.Response]) -> None:
        """One act, if there is yet something to act on."""
        if self.life.at_once:
            await asyncio.sleep(pause)
        match act:
            case Act.REPEAT:
                if self.last is not None:
                    await self.ask(act, self.last)
            case Act.CONFIRM:
                await self._confirm()
            case Act.CANCEL_CHECKOUT:
                await self.ask(act, lambda: self.shop.http.post(f"/v1/checkouts/{self.checkout}/cancel"))
            case _:
                await asyncio.wait([buying])
                if (order := await self._order()) is not None:
                    await self._with(order, act, key)

    async def _with(self, order: dict[str, Any], act: Act, key: str) -> None:
        refunds, headers = f"/v1/orders/{order['number']}/refunds", {"Idempotency-Key": key}
        match act:
            case Act.CANCEL_ORDER:
                await self.ask(act, lambda: self.shop.cancel_order(order["number"]))
            case Act.HAND_OVER:
                await self.ask(act, lambda: self.shop.hand_over(order))
            case Act.DELIVER:
                await self._deliver(order)
            case Act.REFUND_PART:
                await self.ask(act, lambda: self.shop.http.post(refunds, json={"amount": 4_000}, headers=headers))
            case Act.REFUND_ALL:
                await self.ask(act, lambda: self.shop.http.post(refunds, json={}, headers=headers))

    async def _confirm(self) -> None:
        """In the browser, at the bank if it asks, and then at the shop."""
        seen = (await self.shop.http.get(f"/v1/checkouts/{self.checkout}")).json()
        if seen.get("state") == "awaiting_payment":
            if self.life.client:
                await self.shop.browser_confirms(seen, self.life.card)
            intent = seen["next_action"]["client_secret"].partition("_secret_")[0]
            await self.shop.http.post(f"{self.shop.links.stripe}/3ds/{intent}/pass")
        await self.ask(Act.CONFIRM, lambda: self.shop.http.post(f"/v1/checkouts/{self.checkout}/confirm"))

    async def _order(self) -> dict[str, Any] | None:
        """The order, labelled or on its way further; None when there is none."""
        number = (await self.shop.http.get(f"/v1/checkouts/{self.checkout}")).json().get("order_number")
        if number is None:
            return None
        return await until(lambda: self.shop.order(number), lambda seen: seen["shipments"][0]["state"] != "pending")

    async def _deliver(self, order: dict[str, Any]) -> None:
        with suppress(KeyError, IndexError):  # no label was ever bought
            parcel = (await self.shop.labels(order))["shipments"][0]["id"]
            await self.shop.http.post(
                f"{self.shop.links.carrier}/_control/shipments/{parcel}/scan", json={"status": "delivered"}
            )


async def arm(shop: Shop, trouble: Trouble, **aim: str) -> None:
    """Make Stripe unwell."""
    chance = {"probability": trouble.probability, "times": trouble.times, "seed": trouble.seed}
    await shop.stripe("faults", operation=trouble.operation, **aim, **chance, **TROUBLES[trouble.fault])
