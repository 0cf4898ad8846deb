"""Records the histories of finished workflows that `test_replay.py` replays: `python -m tests.workflows.record`.

Record anew when a workflow has changed on purpose and no running one needs the old path any more (else keep the old
files beside the new ones: they are what runs out there). It boots the embedded stack, plays the scenes below and
writes `histories/<scene>.json`. The shopper is invented, and what is of this machine (its name, paths) is taken out.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from sandbox.stack import Stack, StackOptions
from tests.flow.kit import KEY, Handle, Shop, until

HISTORIES = Path(__file__).parent / "histories"
SHOPPER = {"email": "shopper@example.com", "name": "Invented Shopper"}
ADDRESS = {"name": "Invented Shopper", "line1": "1 Example Street", "city": "Paris", "postal_code": "75002"}
HOW: dict[str, Any] = {"customer": SHOPPER, "shipping_address": ADDRESS | {"country": "FR"}}

LEFT_OUT = frozenset({"stackTrace", "taskId", "workerVersion", "meteringMetadata", "priority"})
"""Paths of this machine, and what replay does not read."""

Scene = Callable[[Shop], Awaitable[dict[str, Handle]]]


async def delivered(shop: Shop) -> dict[str, Handle]:
    """Paid by the server's call, handed over at the dock, delivered, and the return window passes."""
    order = await shop.bought(shop.new_sku(), **HOW)
    await shop.hand_over(order)
    await shop.scan(order, "picked_up", "in_transit", "out_for_delivery", "delivered")
    await shop.order_in(order["number"], "delivered")
    flow = shop.order_flow(order["number"])
    await shop.skip_time(flow)
    return {
        "checkout_paid_by_server": shop.checkout_flow(order["checkout_id"]),
        "order_delivered": flow,
        "shipment_delivered": shop.parcel_flow(order),
    }


async def paid_in_browser(shop: Shop) -> dict[str, Handle]:
    """The browser confirms, the webhook tells us."""
    checkout = await shop.waiting(shop.new_sku(), **HOW)
    await shop.browser_confirms(checkout)
    await shop.checkout_in(checkout["id"], "completed")
    return {"checkout_paid_in_browser": shop.checkout_flow(checkout["id"])}


async def declined(shop: Shop) -> dict[str, Handle]:
    """The card is refused."""
    answer = await shop.buy(shop.new_sku(), card="pm_card_chargeDeclined", **HOW)
    return {"checkout_declined": shop.checkout_flow(answer.json()["checkout_id"])}


async def expired(shop: Shop) -> dict[str, Handle]:
    """Nobody confirms."""
    checkout = await shop.waiting(shop.new_sku(), **HOW)
    flow = shop.checkout_flow(checkout["id"])
    await shop.skip_time(flow)
    return {"checkout_expired": flow}


async def cancelled(shop: Shop) -> dict[str, Handle]:
    """The shopper gives it up."""
    checkout = await shop.waiting(shop.new_sku(), **HOW)
    await shop.http.post(f"/v1/checkouts/{checkout['id']}/cancel", json={"reason": "too dear"})
    return {"checkout_cancelled": shop.checkout_flow(checkout["id"])}


async def cancelled_by_support(shop: Shop) -> dict[str, Handle]:
    """Temporal's own cancellation; the void fails, a person is called, and an hour later it succeeds."""
    checkout = await shop.waiting(shop.new_sku(), **HOW)
    flow = shop.checkout_flow(checkout["id"])
    await shop.stripe("faults", operation="payment_intents.cancel", when="before", status=401)
    await flow.cancel()
    await until(lambda: shop.attributes(flow), lambda seen: seen[0]["NeedsAttention"])
    await shop.skip_time(flow)
    return {"checkout_cancelled_by_support": flow}


async def order_cancelled(shop: Shop) -> dict[str, Handle]:
    """Cancelled before the parcel leaves."""
    order = await shop.bought(shop.new_sku(), **HOW)
    await shop.cancel_order(order["number"])
    return {"order_cancelled": shop.order_flow(order["number"]), "shipment_cancelled": shop.parcel_flow(order)}


async def capture_refused(shop: Shop) -> dict[str, Handle]:
    """The money cannot be taken at the dock, a person is called, and it is tried again."""
    order = await shop.bought(shop.new_sku(), **HOW)
    await shop.stripe("faults", operation="payment_intents.capture", status=402)
    await shop.hand_over(order)
    flow = shop.parcel_flow(order)
    await flow.execute_update("retry")
    await until(lambda: shop.order(order["number"]), lambda seen: seen["state"] == "shipped")
    await shop.scan(order, "picked_up", "lost")
    return {"shipment_capture_refused_and_lost": flow}


SCENES: tuple[Scene, ...] = (
    delivered,
    paid_in_browser,
    declined,
    expired,
    cancelled,
    cancelled_by_support,
    order_cancelled,
    capture_refused,
)


def clean(history: dict[str, Any]) -> dict[str, Any]:
    """Only what replay reads, and nothing that tells of this machine."""

    def walk(part: Any) -> Any:
        if isinstance(part, list):
            return [walk(one) for one in part]
        if not isinstance(part, dict):
            return part
        return {name: walk(value) for name, value in part.items() if name not in LEFT_OUT}

    return dict(walk(history))


async def record(handle: Handle, file: Path) -> None:
    """Wait for the end of a workflow and keep its history."""
    async with asyncio.timeout(30):
        await handle.result()
    keep(json.loads((await handle.fetch_history()).to_json()), file)


def keep(history: dict[str, Any], file: Path) -> None:
    """Write it down."""
    text = json.dumps(clean(history), indent=1, ensure_ascii=False, sort_keys=True)
    file.write_text(text.replace(f"@{socket.gethostname()}", "@recorded") + "\n")
    sys.stdout.write(f"{file.name}: {len(history['events'])} events\n")


async def play(stack: Stack) -> None:
    """Every scene, one after the other."""
    temporal = await Client.connect(stack.links.temporal_address, data_converter=pydantic_data_converter)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=stack.links.api, headers=headers, timeout=60, trust_env=False) as http:
        shop = Shop(stack, http, temporal)
        await shop.calm()
        for scene in SCENES:
            for name, handle in (await scene(shop)).items():
                await record(handle, HISTORIES / f"{name}.json")
        shop.close()


if __name__ == "__main__":
    HISTORIES.mkdir(exist_ok=True)
    with Stack(StackOptions(env={"MILEPOST_SEED_API_KEY": KEY})) as running:
        asyncio.run(play(running))
