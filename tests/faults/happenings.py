"""What can happen to an order at any stage, and what is said of it at once. Each is real: a request, a scan, time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.journey import BEFORE_IT_LEAVES, PATIENCE, Journey, Stage, Step
from tests.flow.kit import ADDRESS

ELSEWHERE = ADDRESS | {"line1": "120 Rue de Rivoli", "postal_code": "75001"}
NOTHING_THERE = "the carrier does not have it"
ON_ITS_WAY = (Stage.HANDED_OVER, Stage.IN_TRANSIT, Stage.OUT)


@dataclass(frozen=True)
class Happening:
    """One column. `how`: what is particular of the order that it happens to; `after`: again at its end."""

    name: str
    strike: Step
    how: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False


async def _cancel(one: Journey) -> str:
    """The shopper does not want it any more."""
    if one.at is Stage.AWAITING:
        answer = await one.ask(f"/v1/checkouts/{one.checkout_id}/cancel")
    else:
        answer = await one.ask(f"/v1/orders/{one.order['number']}/cancel")
    if answer.status_code != 200:
        return f"refused: `{answer.json()['code']}`"
    return "what is here is cancelled" if one.at is Stage.ONE_GONE else "cancelled"


async def _decline(one: Journey) -> str:
    """The bank will refuse the next capture."""
    taken = one.at in (*ON_ITS_WAY, Stage.DELIVERED, Stage.RETURNING)
    if taken:
        return "it is captured already"
    await one.shop.stripe("faults", operation="payment_intents.capture", payment_intent=one.intent, status=402)
    if one.at in BEFORE_IT_LEAVES:
        await one.climb(Stage.PACKED)
    place = 1 if one.at is Stage.ONE_GONE else 0
    answer = (await one.shop.hand_over(one.parcel(place))).json()
    assert (answer["released"], answer["reason"]) == (False, "card_declined"), answer
    await one.person("could not be captured")
    await one.parcel_flow(place).execute_update("retry")
    await one.until(lambda seen: seen["shipments"][place]["state"] == "handed_over")
    if one.at is not Stage.ONE_GONE:
        one.at = Stage.HANDED_OVER
    return "kept at the dock; a person; captured at the second try"


def _scanned(status: str) -> Step:
    async def strike(one: Journey) -> str:
        if one.at in (Stage.AWAITING, Stage.NO_LABEL):
            return NOTHING_THERE
        if one.at is Stage.RETURNING:
            await one.returns.scan(one.back, status)
            await one.person("the parcel of a return is")
            if status == "lost":
                assert (await one.returns.act(one.back, "cancel", reason="it is lost")).status_code == 200
                return "a person, who ends the return"
            return "a person"
        await one.scan(status)
        if one.at is Stage.DELIVERED:
            return "written down"
        await one.person(status.replace("_", " "))
        return "a person"

    return strike


async def replay(one: Journey, *, backwards: bool = False) -> str:
    """Every webhook of this order comes once more, Stripe's and the carrier's."""
    query = "SELECT event_id FROM inbox WHERE source = 'stripe' AND position(convert_to(:i, 'UTF8') IN body) > 0"
    events = [str(row[0]) for row in one.shop.sql(f"{query} ORDER BY received_at", i=one.intent)]
    query = "SELECT event_id, status, occurred_at, shipment_id FROM tracking_events WHERE shipment_id = ANY(:p)"
    parcels = [each["id"] for each in one.order.get("shipments", [])]
    scans = one.shop.sql(f"{query} ORDER BY occurred_at", p=parcels)
    known = (await one.shop.carrier("state")).json()["references"] if scans else {}
    for event in reversed(events) if backwards else events:
        await one.shop.stripe("webhooks/resend", event_id=event)
    for event, status, at, parcel in reversed(scans) if backwards else scans:
        carried = known[parcel]["shipments"][0]["id"]
        await one.shop.carrier(f"shipments/{carried}/scan", event_id=event, status=status, occurred_at=at.isoformat())
    return "all of them once more, the last one first" if backwards else "all of them once more"


async def replay_backwards(one: Journey) -> str:
    return await replay(one, backwards=True)


async def _silence(one: Journey) -> str:
    """Nobody says or does anything, for as long as it takes until somebody is called, or it is over."""
    if one.at is Stage.AWAITING:
        await one.shop.skip_time(one.shop.checkout_flow(one.checkout_id))
        await one.shop.checkout_in(one.checkout_id, "expired", within=PATIENCE)
        return "the reservation ends"
    if one.at in ON_ITS_WAY:
        await one.shop.skip_time(one.parcel_flow(), timedelta(hours=97))
        await one.person("nothing has been heard of the parcel for")
        return "a person after 96 hours"
    if one.at is Stage.DELIVERED:
        return "no news is good news"
    if one.at is Stage.RETURNING:
        await one.shop.skip_time(one.returns.flow(one.back))
        await one.returns.seen_in(one.back, "expired")
        return "the return expires after 14 days"
    place = 1 if one.at is Stage.ONE_GONE else 0
    lapses = one.order["payment"]["capture_before"]
    if lapses is None and one.at is Stage.NO_LABEL:
        return "a person is waited for"
    if lapses is None:
        due = datetime.fromisoformat(one.order["shipments"][place]["ship_by"])
        await one.shop.skip_time(one.parcel_flow(place), due - datetime.now(UTC) + timedelta(minutes=1))
        await one.person("ship_by_passed")
        return "a person after two days"
    due = datetime.fromisoformat(lapses) - timedelta(days=1)
    await one.shop.skip_time(one.parcel_flow(place), due - datetime.now(UTC) + timedelta(minutes=1))
    await one.person("the authorization lapses")
    before = "" if one.at is Stage.NO_LABEL else "a person after two days, and "
    return f"{before}a person a day before the authorization lapses"


async def _refund_fails(one: Journey) -> str:
    """Money that was taken at the checkout is to go back, and Stripe refuses the first try."""
    if one.at is Stage.AWAITING:
        return "nothing is taken yet"
    refused = {"code": "charge_disputed", "message": "This charge is disputed."}
    aim = {"operation": "refunds.create", "payment_intent": one.intent}
    await one.shop.stripe("faults", **aim, status=400, error=refused)
    if one.at is Stage.RETURNING:
        receiving = asyncio.create_task(one.bring_back())
        await one.person("a return could not be refunded")
        await one.shop.skip_time(one.returns.flow(one.back), timedelta(minutes=61))
        await receiving
        return "a person; tried again after an hour"
    if one.at in (*ON_ITS_WAY, Stage.DELIVERED):
        path = f"/v1/orders/{one.order['number']}/refunds"
        answer = await one.ask(path, amount=4_000)
        assert (answer.status_code, answer.json()["code"]) == (409, "charge_disputed"), answer.text
        again = await one.shop.http.post(path, json={"amount": 4_000}, headers={"Idempotency-Key": f"{one.key} again"})
        assert again.status_code == 201, again.text
        return "refused: `charge_disputed`; asked again, it goes back"
    cancelling = asyncio.create_task(one.ask(f"/v1/orders/{one.order['number']}/cancel"))
    await one.person("refunded")
    await one.acknowledge()
    await cancelling
    done = (lambda seen: seen["refunds"]) if one.at is Stage.ONE_GONE else (lambda seen: seen["state"] == "cancelled")
    await one.until(done)
    return "cancelled; a person; refunded at the second try"


async def _change_address(one: Journey) -> str:
    """Support has it go to another street of the same town."""
    if one.at is Stage.AWAITING:
        return "there is no order yet"
    answer = await one.ask(
        f"/v1/orders/{one.order['number']}/change-address", address=ELSEWHERE, reason="a typing error"
    )
    if answer.status_code != 200:
        return f"refused: `{answer.json()['code']}`"
    await one.until(lambda seen: seen["shipments"][0]["state"] == "label_bought")
    one.at = Stage.LABELLED
    return "changed; a label is bought for the new one"


HAPPENINGS = (
    Happening("cancel by the shopper", _cancel),
    Happening("decline at capture", _decline),
    Happening("exception at the carrier", _scanned("on_hold")),
    Happening("lost", _scanned("lost")),
    Happening("webhooks twice", replay, again=True),
    Happening("webhooks out of order", replay_backwards, {"backwards": True}, again=True),
    Happening("silence", _silence),
    Happening("refund refused", _refund_fails, {"capture": "automatic"}),
    Happening("address change", _change_address),
)
