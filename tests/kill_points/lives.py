"""Whole lives of orders and memberships, told by people who repeat what they asked until there is an answer.

Each ends with what became of it: a text that must be the same wherever the worker died, and what Stripe has of it.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from domain.ids import membership_workflow
from tests.flow.kit import TENANT, Handle, Shop, until

WITHIN = 90.0
"""Seconds: a worker that dies and comes back, and Temporal's offering its tasks anew, take their time."""
NOT_FINAL = (202, 429, 503, 504)

Life = Callable[["Living"], Awaitable[str]]


@dataclass
class Living:
    """One life on a shop. `salt` makes its keys its own."""

    shop: Shop
    salt: str

    async def ask(self, method: str, path: str, key: str, body: Any = None) -> httpx.Response:
        """The same request with the same key until the answer is final; a 202 that waits for the shopper is."""
        headers = {"Idempotency-Key": f"{self.salt}-{key}"}
        deadline = time.monotonic() + WITHIN
        while True:
            answer = await self.shop.http.request(method, path, json=body, headers=headers)
            waits = answer.status_code == 202 and answer.json().get("state") in ("awaiting_payment", "pending")
            running = answer.status_code == 409 and answer.json().get("code") == "idempotency_key_in_use"
            if waits or (answer.status_code not in NOT_FINAL and not running):
                return answer
            assert time.monotonic() < deadline, f"{method} {path}: {answer.text}"
            await asyncio.sleep(0.1)

    async def order_where(self, number: str, good: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The order, once it is as it should be."""
        return await until(lambda: self.shop.order(number), good, within=WITHIN)

    async def bought(self, *, quantity: int = 1, card: str = "pm_card_visa") -> dict[str, Any]:
        """An order with its label."""
        sku = self.shop.new_sku()
        key = f"{self.salt}-buy"
        answer = await self.shop.buy(sku, key=key, quantity=quantity, card=card)
        deadline = time.monotonic() + WITHIN
        while answer.status_code in NOT_FINAL and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            answer = await self.shop.buy(sku, key=key, quantity=quantity, card=card)
        assert answer.status_code == 201, answer.text
        number = answer.json()["order_number"]
        return await self.order_where(number, lambda seen: seen["shipments"][0]["state"] == "label_bought")

    async def handed_over(self, card: str = "pm_card_visa") -> dict[str, Any]:
        """An order whose parcel has left."""
        order = await self.bought(card=card)
        answer = await self.ask("POST", f"/v1/shipments/{order['shipments'][0]['id']}/handover", "handover")
        assert answer.status_code == 200, answer.text
        return await self.order_where(order["number"], lambda seen: seen["state"] == "shipped")

    async def delivered(self) -> dict[str, Any]:
        """An order that has arrived."""
        order = await self.handed_over()
        await self.shop.scan(order, "picked_up", "delivered")
        return await self.order_where(order["number"], lambda seen: seen["state"] == "delivered")

    async def tell(self, order: dict[str, Any]) -> str:
        """Order, parcel, stock and Stripe, in a line."""
        seen = await self.shop.order(order["number"])
        intent = await self.shop.intent(seen["checkout_id"])
        money = " ".join(
            f"{name} {intent[name]}" for name in ("amount_capturable", "amount_received", "amount_refunded")
        )
        labels = (await self.shop.labels(seen))["labels_bought"]
        parcels = ", ".join(one["state"] for one in seen["shipments"])
        on_hand, reserved = self.shop.stock(seen["lines"][0]["sku"])
        flag = f"; needs a person: {seen['attention_reason']}" if seen["needs_attention"] else ""
        return (
            f"order {seen['state']}; parcel {parcels}, labels {labels}; {on_hand} on hand, {reserved} reserved;"
            f" charges {intent['charges']}, {money}{flag}"
        )


async def to_the_door(living: Living) -> str:
    """Bought, handed over, delivered, and the time for returns gone by."""
    order = await living.delivered()
    await living.shop.skip_time(living.shop.order_flow(order["number"]))
    await living.order_where(order["number"], lambda seen: seen["state"] == "closed")
    return await living.tell(order)


async def declined(living: Living) -> str:
    """A card without money."""
    sku, key = living.shop.new_sku(), f"{living.salt}-buy"

    async def status() -> httpx.Response:
        return await living.shop.buy(sku, key=key, card="pm_card_chargeDeclined")

    answer = await until(status, lambda seen: seen.status_code not in NOT_FINAL, within=WITHIN)
    return f"{answer.status_code} {answer.json()['code']}; {living.shop.stock(sku)}"


async def in_the_browser(living: Living) -> str:
    """Paid by the browser, confirmed, and cancelled after its label was bought."""
    sku, key = living.shop.new_sku(), f"{living.salt}-buy"

    async def begun() -> dict[str, Any]:
        return dict((await living.shop.buy(sku, key=key, card=None)).json())

    waiting = await until(begun, lambda seen: seen.get("state") == "awaiting_payment", within=WITHIN)
    await living.shop.browser_confirms(waiting)
    await living.ask("POST", f"/v1/checkouts/{waiting['id']}/confirm", "confirm")
    done = await living.shop.checkout_in(waiting["id"], "completed", within=WITHIN)
    number = done["order_number"]
    order = await living.order_where(number, lambda seen: seen["shipments"][0]["state"] == "label_bought")
    await living.ask("POST", f"/v1/orders/{number}/cancel", "cancel")
    await living.order_where(number, lambda seen: seen["state"] == "cancelled")
    voided = await until(lambda: living.shop.labels(order), lambda seen: seen["labels_live"] == 0, within=WITHIN)
    return f"{await living.tell(order)}; labels live {voided['labels_live']}"


async def expired(living: Living) -> str:
    """Nobody confirms."""
    sku, key = living.shop.new_sku(), f"{living.salt}-buy"

    async def begun() -> dict[str, Any]:
        return dict((await living.shop.buy(sku, key=key, card=None)).json())

    waiting = await until(begun, lambda seen: seen.get("state") == "awaiting_payment", within=WITHIN)
    await living.shop.skip_time(living.shop.checkout_flow(waiting["id"]))
    await living.shop.checkout_in(waiting["id"], "expired", within=WITHIN)
    intent = await living.shop.intent(waiting["id"])
    return f"expired; {living.shop.stock(sku)}; {intent['status']}"


async def less_of_it(living: Living) -> str:
    """Two pieces bought, one of them cancelled before the parcel leaves."""
    order = await living.bought(quantity=2)
    sku = order["lines"][0]["sku"]
    path = f"/v1/orders/{order['number']}/cancel"
    answer = await living.ask("POST", path, "less", {"lines": [{"sku": sku, "quantity": 1}]})
    assert answer.status_code == 200, answer.text
    seen = await living.order_where(
        order["number"],
        lambda one: one["lines"][0]["cancelled"] == 1 and one["shipments"][-1]["state"] == "label_bought",
    )
    parcel = seen["shipments"][-1]["id"]
    answer = await living.ask("POST", f"/v1/shipments/{parcel}/handover", "handover")
    assert answer.status_code == 200, answer.text
    await living.order_where(order["number"], lambda one: one["payment"]["captured"])
    return await living.tell(order)


async def refunded(living: Living) -> str:
    """Some money goes back, and takes its time."""
    order = await living.handed_over("pm_card_pendingRefund")
    answer = await living.ask("POST", f"/v1/orders/{order['number']}/refunds", "refund", {"amount": 4_000})
    assert answer.status_code == 201, answer.text
    await living.order_where(order["number"], lambda seen: seen["refunds"][0]["state"] in ("settling", "succeeded"))
    await living.shop.stripe("advance", seconds=20)
    await living.order_where(order["number"], lambda seen: seen["refunds"][0]["state"] == "succeeded")
    return await living.tell(order)


async def sent_back(living: Living) -> str:
    """Returned, received, inspected, and its money given back."""
    order = await living.delivered()
    sku = order["lines"][0]["sku"]
    body = {"lines": [{"sku": sku, "quantity": 1, "reason": "changed_mind"}]}
    answer = await living.ask("POST", f"/v1/orders/{order['number']}/returns", "return", body)
    assert answer.status_code == 201, answer.text
    back = answer.json()

    async def seen() -> dict[str, Any]:
        return dict((await living.shop.http.get(f"/v1/returns/{back['id']}")).json())

    await until(seen, lambda one: one["state"] == "label_sent", within=WITHIN)
    await living.ask("POST", f"/v1/returns/{back['id']}/receive", "receive")
    found = {"lines": [{"sku": sku, "restock": 1}], "actor": "Ugo"}
    await living.ask("POST", f"/v1/returns/{back['id']}/inspect", "inspect", found)
    ended = await until(seen, lambda one: one["ended_at"], within=WITHIN)
    return f"return {ended['state']}; {await living.tell(order)}"


async def disputed(living: Living) -> str:
    """The customer's bank asks for the money back, and we win."""
    order = await living.handed_over()
    intent = await living.shop.intent(order["checkout_id"])
    dispute = (await living.shop.stripe("disputes", payment_intent=intent["id"]))["id"]
    await living.order_where(order["number"], lambda seen: seen["disputes"])
    await living.shop.stripe(f"disputes/{dispute}/end", outcome="won")
    seen = await living.order_where(order["number"], lambda one: one["disputes"][0]["state"] == "won")
    return f"dispute {seen['disputes'][0]['state']}; {await living.tell(order)}"


async def a_member(living: Living) -> str:
    """Joined, renewed, with another card, and gone with the rest of the money back."""
    plan = f"club-{uuid.uuid4().hex[:8]}"
    gold = {"id": "gold", "name": "Gold", "rank": 2, "prices": {"EUR": 990}}
    body = {"name": "Club", "interval": "month", "grace_seconds": 604_800, "retry_seconds": [86_400], "tiers": [gold]}
    answer = await living.ask("PUT", f"/v1/membership-plans/{plan}", "plan", body)
    assert answer.status_code in (200, 201), answer.text
    join = {
        "customer": {"id": f"cus_{uuid.uuid4().hex}", "email": "ada@example.com"}, "plan": plan, "tier": "gold",
        "currency": "EUR", "payment_method": "pm_card_visa",
    }  # fmt: skip
    answer = await living.ask("POST", "/v1/memberships", "join", join)
    path = f"/v1/memberships/{answer.json()['id']}"

    async def seen() -> dict[str, Any]:
        return dict((await living.shop.http.get(path)).json())

    await until(seen, lambda one: one["state"] == "active", within=WITHIN)
    flow = living.shop.temporal.get_workflow_handle(membership_workflow(TENANT, answer.json()["id"]))
    await living.shop.skip_time(flow, timedelta(days=32))
    await until(seen, lambda one: len(one["periods"]) == 2 and one["state"] == "active", within=WITHIN)
    await living.ask("POST", f"{path}/card", "card", {"payment_method": "pm_card_mastercard"})
    await living.ask("POST", f"{path}/cancel", "cancel", {"at_once": True})
    ended = await until(seen, lambda one: one["state"] == "cancelled", within=WITHIN)

    async def back() -> int:
        query = "SELECT coalesce(sum(refunded_minor), 0) FROM payments WHERE membership_id = :m"
        ((minor,),) = living.shop.sql(query, m=ended["id"])
        return int(minor)

    assert 0 < await until(back, within=WITHIN) < 990
    state = await living.shop.stripe("state")
    own = [one for one in state["payment_intents"] if one["metadata"].get("membership_id") == ended["id"]]
    return f"member {ended['state']}, {len(ended['periods'])} periods, {sum(one['charges'] for one in own)} charges"


async def forgotten(living: Living) -> str:
    """A customer whose card was kept wants to be forgotten."""
    who, sku, key = f"cus_{living.salt}", living.shop.new_sku(), f"{living.salt}-buy"
    more: dict[str, Any] = {
        "customer": {"id": who, "email": f"{living.salt}@example.com", "name": "Ada"},
        "payment": {"mode": "server", "payment_method": "pm_card_visa", "save_card": True},
    }

    async def placed() -> httpx.Response:
        return await living.shop.buy(sku, key=key, **more)

    answer = await until(placed, lambda seen: seen.status_code not in NOT_FINAL, within=WITHIN)
    number = answer.json()["order_number"]
    await living.ask("POST", f"/v1/orders/{number}/cancel", "cancel")
    await living.order_where(number, lambda seen: seen["state"] == "cancelled")

    async def erased() -> str:
        return str((await living.shop.http.post(f"/v1/customers/{who}/erasure")).json().get("state"))

    state = await until(erased, lambda seen: seen == "erased", within=WITHIN)
    kept = living.shop.sql("SELECT count(*) FROM provider_customers WHERE customer_id = :c", c=who)
    return f"{state}; {kept[0][0]} kept; {living.shop.stock(sku)}"


async def the_books(living: Living) -> str:
    """What runs by the clock: the comparison with Stripe, the sweeper, the housekeeping."""
    order = await living.bought()
    temporal = living.shop.temporal
    scheduled: dict[str, list[object]] = {"Reconciliation": [True], "Sweeper": [], "Housekeeping": []}
    for place, (run, arguments) in enumerate(scheduled.items()):
        handle: Handle = await temporal.start_workflow(
            run, args=arguments, id=f"by-the-clock-{living.salt}-{place}", task_queue="milepost"
        )
        if run == "Reconciliation":
            await living.shop.skip_time(handle)
        async with asyncio.timeout(WITHIN):
            await handle.result()
    return await living.tell(order)


BY_THE_CLOCK = "the books"
"""Its steps are taken in the midst of other lives as well, whenever their schedule says so."""

LIVES: dict[str, Life] = {
    "to the door": to_the_door, "declined": declined, "paid in the browser, cancelled": in_the_browser,
    "expired": expired, "one of two cancelled": less_of_it, "refunded in part": refunded, "sent back": sent_back,
    "disputed": disputed, "a member": a_member, "forgotten": forgotten, BY_THE_CLOCK: the_books,
}  # fmt: skip
