"""One order on its way from a cart to the end of its return window, rung by rung."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import httpx
from temporalio.client import WorkflowUpdateFailedError

from domain.ids import checkout_id, shipment_id
from tests.flow.kit import TENANT, Handle, Shop, until
from tests.flow.parcels_kit import Parcels
from tests.flow.returns_kit import Returns

PATIENCE = 60.0
"""Seconds until a state must be there; many orders share the machine."""

LOOK_EVERY = 0.2
"""Seconds: looks cost the machine more than lives do."""

SIGNED = {"actor": "Mia of support", "reason": "seen to"}
ENDED = ("closed", "cancelled")


class Stage(StrEnum):
    """How far an order is."""

    AWAITING = "awaiting payment"
    NO_LABEL = "placed, no label"
    LABELLED = "label bought"
    PICKED = "picked"
    PACKED = "packed"
    HANDED_OVER = "handed over"
    IN_TRANSIT = "in transit"
    OUT = "out for delivery"
    DELIVERED = "delivered"
    ONE_GONE = "one of two parcels gone"
    RETURNING = "return requested"


LADDER = tuple(Stage)[: tuple(Stage).index(Stage.DELIVERED) + 1]
SCANS = {Stage.IN_TRANSIT: "in_transit", Stage.OUT: "out_for_delivery", Stage.DELIVERED: "delivered"}
BEFORE_IT_LEAVES = LADDER[: LADDER.index(Stage.HANDED_OVER)]


@dataclass
class Journey:
    """An order: a cart, and one piece more from another location where it goes in two parcels."""

    shop: Shop
    key: str
    capture: str = "manual"
    cards: tuple[str, ...] = ("pm_card_visa",)
    """Tried one after the other."""
    cart: tuple[int, ...] = (1,)
    """So many pieces of each thing, of 5; `sku` is the first."""
    backwards: bool = False
    """From the stage on to which it is brought, the carrier's scans come the last one first."""
    sku: str = ""
    at: Stage | None = None
    reached: bool = False
    checkout: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)
    back: dict[str, Any] = field(default_factory=dict)
    """The return."""

    @property
    def checkout_id(self) -> str:
        """Follows from the key."""
        return checkout_id(TENANT, self.key)

    @property
    def intent(self) -> str:
        """Stripe's id of what is held for it."""
        return str(self.checkout["next_action"]["client_secret"]).partition("_secret_")[0]

    @property
    def parcels(self) -> Parcels:
        """What can be asked of several parcels."""
        return Parcels(self.shop)

    @property
    def returns(self) -> Returns:
        """What can be asked of a return."""
        return Returns(self.shop)

    def parcel(self, place: int = 0) -> dict[str, Any]:
        """The order as if it had this parcel only."""
        return self.parcels.alone(self.order, place)

    def parcel_flow(self, place: int = 0) -> Handle:
        """The process of a parcel."""
        return self.shop.parcel_flow(self.parcel(place))

    async def look(self) -> dict[str, Any]:
        """The order as it is now."""
        self.order = await self.shop.order(self.order["number"])
        return self.order

    async def until(self, good: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The order, once it is so."""
        return await until(self.look, good, within=PATIENCE, every=LOOK_EVERY)

    async def reach(self, stage: Stage) -> None:
        """From the cart to this stage."""
        if stage is Stage.ONE_GONE:
            await self._send_one_of_two()
        elif stage is Stage.RETURNING:
            await self.climb(Stage.DELIVERED)
            self.back = await self.returns.labelled(self.order, self.sku)
        else:
            await self.climb(stage)
        self.at, self.reached = stage, True

    async def climb(self, to: Stage) -> None:
        """One rung after the other; only who is to stand there has a parcel that gets no label."""
        if self.at is to:
            return
        for rung in LADDER:
            done = self.at is not None and LADDER.index(rung) <= LADDER.index(self.at)
            if done or (rung is Stage.NO_LABEL and to is not rung):
                continue
            await self._take(rung)
            self.at = rung
            if rung is to:
                return

    async def _take(self, rung: Stage) -> None:
        match rung:
            case Stage.AWAITING:
                lines = [{"sku": sku, "quantity": count} for sku, count in self._fill().items()]
                payment = {"mode": "client", "capture": self.capture}
                self.checkout = await self.shop.waiting(self.sku, key=self.key, payment=payment, lines=lines)
            case Stage.NO_LABEL:
                parcel = shipment_id(TENANT, self.checkout_id, 0)
                await self.shop.carrier("faults", operation="create", status=400, reference=parcel)
                await self._pay()
                await self.until(lambda seen: "no label" in (seen["attention_reason"] or ""))
                flow = self.shop.order_flow(self.order["number"])  # the row is a moment ahead of the order's process
                await until(lambda: self.shop.details(flow), lambda page: "no label" in page, within=PATIENCE)
            case Stage.LABELLED:
                if self.at is Stage.NO_LABEL:
                    await self.parcel_flow().execute_update("retry")
                else:
                    await self._pay()
                await self.until(lambda seen: seen["shipments"][0]["state"] == "label_bought")
            case Stage.PICKED | Stage.PACKED:
                answer = await self.shop.http.post(f"/v1/shipments/{self.order['shipments'][0]['id']}/{rung}")
                assert answer.status_code == 204, answer.text
            case Stage.HANDED_OVER:
                await self.hand_over()
            case _:
                await self._scan(rung)

    def _fill(self) -> dict[str, int]:
        cart = {self.shop.new_sku(): count for count in self.cart}
        self.sku = next(iter(cart))
        return cart

    async def _pay(self) -> None:
        for card in self.cards:
            await self.shop.browser_confirms(self.checkout, card)
            if "authentication" in card:
                await self.shop.bank(self.checkout, "pass")
        seen = await self.shop.checkout_in(self.checkout["id"], "completed", within=PATIENCE)
        self.order = await self.shop.order(seen["order_number"])

    async def hand_over(self, place: int = 0) -> None:
        """The dock asks; kept, support tries again; and it leaves."""
        state = (await self.look())["shipments"][place]["state"]
        if state != "label_bought":
            return
        answer = await self.shop.hand_over(self.parcel(place))
        if not answer.json()["released"]:
            await self.parcel_flow(place).execute_update("retry")
        await self.until(lambda seen: seen["shipments"][place]["state"] != "label_bought")

    async def _scan(self, rung: Stage) -> None:
        if self.backwards and self.reached:
            if rung is Stage.DELIVERED:
                await self.scan_backwards()
            return
        await self.scan(SCANS[rung])

    async def scan(self, status: str, place: int = 0, **more: Any) -> None:
        """The carrier says so, and it is written down."""
        parcel = (await self.shop.labels(self.parcel(place)))["shipments"][0]["id"]
        await self.shop.carrier(f"shipments/{parcel}/scan", status=status, **more)
        await self.until(lambda seen: any(one["status"] == status for one in seen["shipments"][place]["scans"]))
        if status == "delivered":
            await self.until(lambda seen: seen["shipments"][place]["state"] == "delivered")

    async def scan_backwards(self) -> None:
        """What happened last is told first."""
        begun = datetime.now(UTC)
        known = {one["status"] for one in (await self.look())["shipments"][0]["scans"]}
        for age, status in enumerate(reversed(SCANS.values())):
            if status not in known:
                await self.scan(status, occurred_at=(begun - timedelta(milliseconds=10 * age)).isoformat())

    async def _send_one_of_two(self) -> None:
        payment = {"mode": "client", "capture": self.capture}
        here = self._fill()
        self.order = await self.parcels.bought(here, {self.sku: 1}, key=self.key, payment=payment, card=self.cards[-1])
        self.checkout = {"next_action": {"client_secret": (await self.shop.intent(self.checkout_id))["id"]}}
        await self.hand_over(0)
        await self.scan("picked_up", 0)

    async def live_on(self) -> None:
        """What is left of its way, if it has not ended, until its return window is over."""
        if self.order and (await self.look())["state"] not in ENDED:
            await self._rest_of_the_way()
            await self._close()
        elif not self.order and (await self.shop.checkout(self.checkout_id))["state"] == "awaiting_payment":
            await self.climb(Stage.DELIVERED)
            await self._close()

    async def _rest_of_the_way(self) -> None:
        if self.at is Stage.ONE_GONE:
            for place, parcel in enumerate(self.order["shipments"]):
                if parcel["state"] == "label_bought":
                    await self.hand_over(place)
                    await self.scan("picked_up", place)
            for place, parcel in enumerate((await self.look())["shipments"]):
                if parcel["state"] == "handed_over":
                    await self.scan("delivered", place)
        elif self.at is Stage.RETURNING:
            await self.bring_back()
        elif self.order["shipments"][0]["state"] not in ("lost", "delivered"):
            await self.climb(Stage.DELIVERED)

    async def bring_back(self) -> None:
        """The warehouse receives and inspects what the customer sends back, unless it does not come."""
        if (await self.returns.seen(self.back))["ended_at"] is None:
            assert (await self.returns.act(self.back, "receive")).status_code == 200
            await self.returns.inspect(self.back, self.sku, restock=1)
            await until(lambda: self.returns.seen(self.back), lambda seen: seen["ended_at"], within=PATIENCE)

    async def _close(self) -> None:
        """Support has seen to what needed a person, and the return window passes; of a lost parcel that is the end."""
        await self.see_to_it()
        if any(one["state"] == "lost" for one in self.order["shipments"]):
            await self.shop.order_flow(self.order["number"]).result()
            return
        await self.until(lambda seen: seen["state"] == "delivered")
        await self.shop.skip_time(self.shop.order_flow(self.order["number"]))
        await self.until(lambda seen: seen["state"] == "closed")

    async def see_to_it(self) -> None:
        """Until nobody is needed: what was settled by itself at this moment cannot be acknowledged."""
        async with asyncio.timeout(PATIENCE):
            while (await self.look())["needs_attention"]:
                with suppress(WorkflowUpdateFailedError):
                    await self.acknowledge()

    async def acknowledge(self) -> None:
        """Support says that it has seen to it."""
        await self.shop.order_flow(self.order["number"]).execute_update("acknowledge", SIGNED)

    async def person(self, words: str) -> None:
        """A person is called with these words."""
        await self.until(lambda seen: words in (seen["attention_reason"] or ""))

    async def ask(self, path: str, **body: Any) -> httpx.Response:
        """A request of the storefront or of support."""
        headers = {"Idempotency-Key": f"{self.key} {path}"}
        return await self.shop.http.post(path, json=body or None, headers=headers)


Step = Callable[[Journey], Awaitable[str]]
"""Something that happens to an order; answers with what came of it at once."""
