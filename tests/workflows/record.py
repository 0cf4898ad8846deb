"""Records the histories of finished workflows that `test_replay.py` replays: `python -m tests.workflows.record`, with
the names of scenes behind it only those.

Record anew when a workflow has changed on purpose and no running one needs the old path any more (else keep the old
files beside the new ones: they are what runs out there). It boots the embedded stack, plays the scenes below and
writes `histories/<scene>.json`. The shopper is invented, and what is of this machine (its name, paths) is taken out.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import WorkflowContinuedAsNewError

from domain.ids import drop_line_workflow, shipment_workflow
from domain.shipments import Settled
from domain.states import ShipmentState
from sandbox.stack import Stack, StackOptions
from tests.flow.drops_kit import buyer, new_drop, place, terms
from tests.flow.exchanges_kit import Exchanges
from tests.flow.kit import KEY, TENANT, Handle, Shop, until
from tests.flow.members_kit import Club
from tests.flow.parcels_kit import Parcels
from tests.flow.refunds_kit import Desk
from tests.flow.returns_kit import Returns
from tests.workflows import scenes_of_orders

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


async def silent(shop: Shop) -> dict[str, Handle]:
    """Nothing is heard of a parcel; its carrier is asked, a person is called, and says that it is lost."""
    order = await shop.bought(shop.new_sku(), **HOW)
    await shop.hand_over(order)
    flow = shop.parcel_flow(order)
    await shop.skip_time(flow, timedelta(hours=97))
    await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])
    await flow.execute_update("settle", Settled(ShipmentState.LOST, "support", "the carrier paid for it"))
    return {"shipment_silent_and_settled": flow}


async def member_left(shop: Shop) -> dict[str, Handle]:
    """Joined with 3-D Secure, renewed, on another tier; cancelled with the period, resumed, cancelled at once."""
    club = await Club(shop).open()
    member = (await club.ask(payment_method="pm_card_authenticationRequiredOnSetup")).json()
    await shop.bank(member, "pass")
    await club.seen_in(member, "active")
    await club.act(member, "tier", tier="silver")
    await club.pass_periods(member, 2)
    for act in ("cancel", "resume"):
        await club.act(member, act)
    await club.act(member, "cancel", at_once=True)
    return {"membership_cancelled": club.flow(member)}


async def member_declined(shop: Shop) -> dict[str, Handle]:
    """The first payment is refused."""
    club = await Club(shop).open()
    answer = await club.ask(payment_method="pm_card_chargeDeclined")
    return {"membership_declined": club.flow({"id": answer.json()["membership_id"]})}


async def member_lapsed(shop: Shop) -> dict[str, Handle]:
    """The renewal is declined, tried once more, and not paid within the time of grace."""
    club = await Club(shop).open(grace_seconds=2 * 86_400, retry_seconds=[86_400])
    member = await club.joined()
    await club.act(member, "card", payment_method="pm_card_chargeCustomerFail")
    await shop.skip_time(club.flow(member), timedelta(days=40))
    await club.seen_in(member, "lapsed", within=60)
    return {"membership_lapsed": club.flow(member)}


async def member_for_years(shop: Shop) -> dict[str, Handle]:
    """After twelve renewals it goes on in a new run, which pays once more and is left."""
    club = await Club(shop).open()
    member = await club.joined()
    flow = club.flow(member)
    first = (await flow.describe()).run_id
    await club.pass_years(member, 14)
    await club.act(member, "cancel", at_once=True)
    await club.seen_in(member, "cancelled")
    earlier = shop.temporal.get_workflow_handle(flow.id, run_id=first)
    return {"membership_goes_on_in_a_new_run": earlier, "membership_from_another_run": flow}


async def line_of_a_drop(shop: Shop) -> dict[str, Handle]:
    """A unit that came back is granted to the next in line, and the sale ends."""
    sku = shop.new_sku(1)
    drop = await new_drop(shop, sku, line_length=2)
    line = shop.temporal.get_workflow_handle(drop_line_workflow(TENANT, drop))
    checkout = await shop.waiting(sku, **HOW)
    waits = await shop.buy(sku, **buyer("bea"))
    await shop.http.post(f"/v1/checkouts/{checkout['id']}/cancel")
    await until(lambda: place(shop, drop, waits), lambda seen: seen["state"] == "granted")
    await shop.edit(f"/v1/drops/{drop}", terms(sku, line_length=2, grant_seconds=60))
    over = terms(sku, line_length=2, grant_seconds=60, closes_at=datetime.now(UTC).isoformat())
    await shop.edit(f"/v1/drops/{drop}", over)
    return {"drop_line_until_the_sale_ended": line}


async def partly_cancelled(shop: Shop) -> dict[str, Handle]:
    """Of two parcels one has left; the other is cancelled, and what is held for it is let go."""
    sku, parcels = shop.new_sku(), Parcels(shop)
    order = await parcels.bought({sku: 1}, {sku: 2}, **HOW)
    await parcels.deliver(order, 0)
    await parcels.cancel(order, lines={sku: 1})
    await parcels.cancel(order)
    await shop.order_in(order["number"], "delivered")
    flow = shop.order_flow(order["number"])
    await shop.skip_time(flow)
    return {"order_partly_cancelled": flow, "shipment_with_less_cancelled": parcels.flow(order, 1)}


async def returned(shop: Shop) -> dict[str, Handle]:
    """Approved by policy, sent, received, inspected, and paid back."""
    sku, back = shop.new_sku(), Returns(shop)
    order = await back.delivered(sku, **HOW)
    one = await back.labelled(order, sku)
    await back.scan(one, "picked_up", "delivered")
    await back.seen_in(one, "in_transit")
    await back.act(one, "receive")
    await back.inspect(one, sku, restock=1)
    return {"return_refunded": back.flow(one)}


async def return_rejected(shop: Shop) -> dict[str, Handle]:
    """A person says yes, and nothing of what came is accepted."""
    sku, back = shop.new_sku(), Returns(shop)
    one = await back.labelled(await back.delivered(sku, 2, **HOW), sku, 2)
    await back.act(one, "receive")
    await back.inspect(one, sku, rejected=2)
    return {"return_rejected": back.flow(one)}


async def return_expired(shop: Shop) -> dict[str, Handle]:
    """Nothing comes in time."""
    sku, back = shop.new_sku(), Returns(shop)
    one = await back.labelled(await back.delivered(sku, **HOW), sku)
    await shop.skip_time(back.flow(one))
    return {"return_expired": back.flow(one)}


async def exchanged(shop: Shop) -> dict[str, Handle]:
    """Something cheaper goes out for it, and arrives; the difference is paid back."""
    sku, back = shop.new_sku(), Exchanges(shop)
    order = await back.delivered(sku, **HOW)
    one = await back.inspected(await back.wished(order, (sku, 1, back.costing(4_000))), {"sku": sku, "restock": 1})
    await back.send(order, one, "picked_up", "delivered")
    sent = shop.temporal.get_workflow_handle(shipment_workflow(TENANT, one["exchange"]["shipment"]))
    return {"return_exchanged": back.flow(one), "shipment_of_an_exchange": sent}


async def refunded_by_two(shop: Shop) -> dict[str, Handle]:
    """A large refund, which somebody else allows."""
    desk = await Desk.open(shop, **HOW)
    one = await desk.waits()
    await desk.act(one, "approve")
    return {"refund_approved": desk.flow(one)}


async def refund_expired(shop: Shop) -> dict[str, Handle]:
    """Nobody decides on a large refund."""
    desk = await Desk.open(shop, **HOW)
    one = await desk.waits()
    await shop.skip_time(desk.flow(one), timedelta(days=8))
    return {"refund_expired": desk.flow(one)}


SCENES: tuple[Scene, ...] = (
    delivered,
    paid_in_browser,
    declined,
    expired,
    cancelled,
    cancelled_by_support,
    order_cancelled,
    capture_refused,
    silent,
    member_left,
    member_declined,
    member_lapsed,
    member_for_years,
    line_of_a_drop,
    partly_cancelled,
    *scenes_of_orders.SCENES,
    returned,
    return_rejected,
    return_expired,
    exchanged,
    refunded_by_two,
    refund_expired,
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
    """Wait for the end of a run and keep its history."""
    async with asyncio.timeout(60):
        with suppress(WorkflowContinuedAsNewError):
            await handle.result(follow_runs=False)
    keep(json.loads((await handle.fetch_history()).to_json()), file)


def keep(history: dict[str, Any], file: Path) -> None:
    """Write it down."""
    text = json.dumps(clean(history), indent=1, ensure_ascii=False, sort_keys=True)
    file.write_text(text.replace(f"@{socket.gethostname()}", "@recorded") + "\n")
    sys.stdout.write(f"{file.name}: {len(history['events'])} events\n")


async def play(stack: Stack, names: Sequence[str]) -> None:
    """Every scene, or those of these names, one after the other."""
    temporal = await stack.temporal()
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=stack.links.api, headers=headers, timeout=60, trust_env=False) as http:
        shop = Shop(stack, http, temporal)
        await shop.calm()
        for scene in SCENES:
            if names and scene.__name__ not in names:
                continue
            for name, handle in (await scene(shop)).items():
                await record(handle, HISTORIES / f"{name}.json")
        shop.close()


if __name__ == "__main__":
    HISTORIES.mkdir(exist_ok=True)
    # In plain text, so that a change of one can be read.
    with Stack(StackOptions(env={"MILEPOST_SEED_API_KEY": KEY, "MILEPOST_PAYLOAD_KEYS": ""})) as running:
        asyncio.run(play(running, sys.argv[1:]))
