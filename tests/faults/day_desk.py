"""How each order of a day comes to its end: dock, carrier, customer and support do what is left, by their script."""

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from tests.faults.day_order import DayOrder
from tests.faults.day_plans import Back
from tests.faults.journey import LOOK_EVERY
from tests.flow.kit import Handle

SEEN_OFF_WITHIN = 150.0
"""Seconds, of an order among many."""

SKIP_AGAIN_AFTER = 10.0
"""Seconds: an order to skip time takes the place of the one before, so each gets its time."""

UNPAID = "could not be captured"
"""Support does not acknowledge that: it has the money taken."""

OVER = ("delivered", "returned_to_sender", "lost", "cancelled")
CAME = {Back.DAMAGED: "damaged", Back.REJECTED: "rejected"}


class Desk:
    """Sees one order to its end. What it decides follows from the plan's seed."""

    def __init__(self, order: DayOrder) -> None:
        self._of, self._dice = order, random.Random(order.plan.chance)
        self._decided: set[str] = set()
        self._asked_back = self._window_passes = False
        self._skipped: dict[str, float] = {}

    async def see_off(self) -> None:
        """Until no process of the order runs. Raises `AssertionError` if that does not come."""
        deadline = time.monotonic() + SEEN_OFF_WITHIN
        while self._of.order and not await self._over():
            if time.monotonic() > deadline:
                raise AssertionError(f"not over after {SEEN_OFF_WITHIN} s: {_sight(self._of.order, self._of.backs)}")
            if not await self._turn():
                await asyncio.sleep(LOOK_EVERY)

    async def _over(self) -> bool:
        order = await self._of.look()
        if order["possible_acts"]:
            return False
        flows = [self._of.shop.order_flow(order["number"]), *(self._of.returns.flow(one) for one in self._of.backs)]
        return not any([await _runs(flow) for flow in flows])

    async def _turn(self) -> bool:
        """One act, of whoever has something to do. False: nobody has, at this moment."""
        order = self._of.order
        for place, parcel in enumerate(order["shipments"]):
            if await self._parcel(place, parcel):
                return True
        for back in self._of.backs:
            if await self._return(await self._of.returns.seen(back)):
                return True
        unpaid = UNPAID in (order["attention_reason"] or "")
        if "acknowledge" in order["possible_acts"] and not unpaid:
            return await self._act("acknowledge", reason="seen to")
        if order["state"] != "delivered" or self._window_passes:
            return False
        if self._of.plan.back is not None and not self._asked_back:
            return await self._ask_back()
        if any([await _runs(self._of.returns.flow(one)) for one in self._of.backs]):
            return False
        self._window_passes = True
        await self._of.shop.skip_time(self._of.shop.order_flow(order["number"]))
        return True

    async def _act(self, act: str, **body: Any) -> bool:
        """An act of support on the order."""
        path = f"/v1/orders/{self._of.order['number']}/{act}"
        what = f"{act}: {body['how']}" if "how" in body else act
        return (await self._of.ask(f"support: {what}", path, **body)).is_success

    async def _parcel(self, place: int, parcel: dict[str, Any]) -> bool:
        match parcel["state"]:
            case "pending" | "label_bought" if self._of.order["held_reason"] is not None:
                return await self._act("release", reason="the doubt is gone")
            case "pending" | "label_bought" | "delivered" | "lost" | "returned_to_sender" if (
                "retry" in parcel["possible_acts"]
            ):
                path = f"/v1/shipments/{parcel['id']}/retry"
                if not (await self._of.ask("support: retry", path, reason="it is mended")).is_success:
                    await asyncio.sleep(LOOK_EVERY)  # what is read may be a moment ahead of the parcel's process
                return True
            case "label_bought":
                await self._of.hand_over(place)
                await asyncio.sleep(LOOK_EVERY)
                return True
            case "handed_over":
                return await self._bring(place, parcel)
            case "lost" | "returned_to_sender" if parcel["id"] not in self._decided:
                return await self._resolve(parcel, self._dice.choice(("reship", "refund", "wait", "acknowledge")))
        return False

    async def _bring(self, place: int, parcel: dict[str, Any]) -> bool:
        """It arrives; of one in trouble support may decide first, or say how it ended."""
        if parcel["id"] not in self._decided and self._of.order["needs_attention"]:
            self._decided.add(parcel["id"])
            way = self._dice.choice(("carrier", "carrier", "settle", "reship", "refund"))
            if way == "settle":
                state = self._dice.choice(("delivered", "lost", "returned_to_sender"))
                path = f"/v1/shipments/{parcel['id']}/settle"
                await self._of.ask("support: settle", path, state=state, reason="the carrier says so by phone")
                self._decided.discard(parcel["id"])
                await self._of.until(lambda seen: seen["shipments"][place]["state"] != "handed_over")
                return True
            if way != "carrier" and "resolve" in self._of.order["possible_acts"]:
                return await self._resolve(parcel, way)
        await self._of.scan("delivered", place)
        return True

    async def _resolve(self, parcel: dict[str, Any], way: str) -> bool:
        """What does not go another way goes by money, or is seen to."""
        self._decided.add(parcel["id"])
        if way == "acknowledge" or "resolve" not in self._of.order["possible_acts"]:
            return False
        said = {"parcel": parcel["id"], "reason": "it did not arrive"}
        if way == "wait" and len(self._of.order["shipments"]) == 1:
            then = datetime.now(UTC) + timedelta(days=3)
            if await self._act("resolve", how="wait", until=then.isoformat(), **said):
                await self._of.shop.skip_time(self._of.shop.order_flow(self._of.order["number"]), timedelta(days=4))
                await self._of.until(lambda seen: "it was waited for" in (seen["attention_reason"] or ""))
            way = "refund"
        if way == "reship" and await self._act("resolve", how="reship", **said):
            return True
        return await self._act("resolve", how="refund", **said)

    async def _ask_back(self) -> bool:
        """One piece of what has arrived comes back, for money or for another."""
        self._asked_back = True
        arrived = [
            line["sku"]
            for one in self._of.order["shipments"]
            if one["state"] == "delivered"
            for line in one["lines"]
            if line["quantity"] > line.get("cancelled", 0)
        ]
        sku = self._dice.choice(arrived)
        line: dict[str, Any] = {"sku": sku, "quantity": 1, "reason": "wrong_size"}
        if self._of.plan.exchange:
            self._of.skus.append(self._of.shop.new_sku())
            line["exchange_for"] = self._of.skus[-1]
        what = "exchange asked for" if self._of.plan.exchange else "return asked for"
        answer = await self._of.ask(what, f"/v1/orders/{self._of.order['number']}/returns", lines=[line])
        if answer.is_success:
            self._of.backs.append(answer.json())
        return True

    async def _return(self, back: dict[str, Any]) -> bool:
        fate = self._of.plan.back
        match back["state"]:
            case "requested":
                return await self._about(back, "approve", reason="a good customer")
            case "label_sent" if fate is Back.EXPIRES:
                return await self._skip(self._of.returns.flow(back))
            case "label_sent" if fate is Back.LOST and back["id"] not in self._decided:
                self._decided.add(back["id"])
                await self._of.returns.scan(back, "picked_up", "lost")
                await self._of.until(lambda seen: "the parcel of a return is" in (seen["attention_reason"] or ""))
                return True
            case "label_sent" | "in_transit" if fate in (Back.LOST, Back.CANCELLED):
                return await self._about(back, "cancel", reason="it will not come")
            case "label_sent" | "in_transit" if fate is not Back.EXPIRES:
                return await self._about(back, "receive")
            case "received":
                lines = [{"sku": back["lines"][0]["sku"], CAME.get(fate, "restock") if fate else "restock": 1}]
                return await self._about(back, "inspect", lines=lines)
            case "inspected" if "could not be refunded" in (self._of.order["attention_reason"] or ""):
                return await self._skip(self._of.returns.flow(back), timedelta(minutes=61))
        return False

    async def _about(self, back: dict[str, Any], act: str, **body: Any) -> bool:
        return (await self._of.ask(f"return: {act}", f"/v1/returns/{back['id']}/{act}", **body)).is_success

    async def _skip(self, flow: Handle, by: timedelta | None = None) -> bool:
        now = time.monotonic()
        if now - self._skipped.get(flow.id, -SKIP_AGAIN_AFTER) < SKIP_AGAIN_AFTER:
            return False
        self._skipped[flow.id] = now
        await self._of.shop.skip_time(flow, by)
        return True


async def _runs(flow: Handle) -> bool:
    return (await flow.describe()).status is WorkflowExecutionStatus.RUNNING


def _sight(order: dict[str, Any], backs: list[dict[str, Any]]) -> str:
    parcels = [(one["id"], one["state"], one["possible_acts"], one["resolution"]) for one in order["shipments"]]
    return f"{order['number']} {order['state']} {order['possible_acts']} {order['attention_reason']} {parcels} {backs}"
