"""What must be true of every shopper after the trouble: in our tables, at Stripe, in what they were told."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import httpx
from temporalio.client import Client

from activities.audit import Finding, audit_tenant
from benchmarks.shelf import rows
from benchmarks.survival.shoppers import Told
from gateways.stripe.events import LISTENED_TO
from models.demo import TENANT
from sandbox.stack import Stack
from settings import Settings

AUDITED_WITHIN_SECONDS = 60.0
EVENTS_A_PAGE = 100

_CHECKOUTS = "SELECT checkout_id, state, order_number FROM checkouts"
_ORDERS = """
    SELECT o.checkout_id, o.order_number, o.state, o.total_minor, o.needs_attention, o.attention_reason FROM orders o"""
_UNITS = """
    SELECT l.sku, sum(l.quantity - l.cancelled) FROM order_lines l JOIN orders o USING (tenant_id, order_number)
    WHERE o.state <> 'cancelled' GROUP BY l.sku"""
_RECEIVED = "SELECT sku, sum(quantity) FROM stock_movements WHERE kind = 'received' GROUP BY sku"
_LEVELS = "SELECT sku, sum(on_hand), sum(reserved) FROM stock_levels GROUP BY sku"
_OUT = "SELECT sku, sum(quantity) FROM reservations WHERE state = 'shipped' GROUP BY sku"
_IN_HAND = "SELECT sku, sum(quantity) FROM reservations WHERE state IN ('held', 'allocated') GROUP BY sku"
_STRIPES = "SELECT event_id FROM inbox WHERE source = 'stripe'"

Check = tuple[str, bool, str]
DONE = ("delivered", "closed", "cancelled")


async def checks(stack: Stack, temporal: Client, told: list[Told], left: str) -> list[Check]:
    """Every check, whether it holds, and what was seen."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        state = (await http.get(f"{stack.links.stripe}/_control/state")).raise_for_status().json()
        events = await _events(http, stack)
    findings = await _audit(stack, temporal)
    audited = "; ".join(f"{one.check}: {one.subject} {one.detail}" for one in findings[:5])
    return [
        ("everything begun has ended or waits for a person with a reason", not left, left or "nothing is left"),
        *_people(stack, told),
        *_stock(stack),
        *_money(stack, state["payment_intents"]),
        ("no event of Stripe's is lost", *_lost(stack, events)),
        ("the audit finds nothing", not findings, audited or "clean"),
    ]


def _people(stack: Stack, told: list[Told]) -> Iterator[Check]:
    """What was said to somebody is so."""
    checkouts = {row[0]: row for row in rows(stack, _CHECKOUTS)}
    orders = {row[1]: row for row in rows(stack, _ORDERS)}
    unanswered = [one for one in told if one.code == "gave up"]
    yield "every shopper has a final answer", not unanswered, f"{len(unanswered)} of {len(told)} have none"

    accepted = [one for one in told if one.accepted]
    lost = [one.shopper.checkout for one in accepted if one.shopper.checkout not in checkouts]
    yield "no accepted checkout is lost", not lost, f"{len(lost)} of {len(accepted)}: {lost[:3]}"

    open_ones = [row[0] for row in checkouts.values() if row[1] in ("open", "awaiting_payment")]
    yield "every checkout is terminal", not open_ones, f"{len(open_ones)} of {len(checkouts)}: {open_ones[:3]}"

    wrong = [one.order for one in told if one.order and one.order not in orders]
    twice = [one.shopper.key for one in told if len(one.others | ({one.order} - {None})) > 1]
    yield "whoever was told of an order has that one", not (wrong or twice), f"without: {wrong[:3]}, two: {twice[:3]}"

    waiting = [row for row in orders.values() if row[2] not in DONE]
    without = [row[1] for row in waiting if not (row[4] and row[5])]
    reasons = Counter(row[5] for row in orders.values() if row[4])
    seen = f"{len(orders)} orders, {len(waiting)} not done, {sum(reasons.values())} before a person: {dict(reasons)}"
    yield "every order is done or waits for a person with a reason", not without, f"{seen} {without[:3]}"


def _stock(stack: Stack) -> Iterator[Check]:
    """Units, not rows."""
    received, sold, out, hand = (_units(stack, query) for query in (_RECEIVED, _UNITS, _OUT, _IN_HAND))
    over = {sku: units - received[sku] for sku, units in sold.items() if units > received[sku]}
    yield "oversold == 0", not over, f"{sum(over.values())} units; sold {sum(sold.values())}"
    wrong = [
        (sku, int(on_hand), int(reserved))
        for sku, on_hand, reserved in rows(stack, _LEVELS)
        if (on_hand, reserved) != (received.get(sku, 0) - out.get(sku, 0), hand.get(sku, 0))
    ]
    yield "every stock level is what was received less what was shipped", not wrong, str(wrong[:3] or "exact")


def _units(stack: Stack, query: str) -> dict[str, int]:
    return {sku: int(units) for sku, units in rows(stack, query)}


def _money(stack: Stack, intents: list[dict[str, Any]]) -> Iterator[Check]:
    """Stripe's word against ours, checkout by checkout."""
    orders = {row[0]: row for row in rows(stack, _ORDERS)}
    mine: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for intent in intents:
        mine[intent["metadata"].get("checkout_id", "")].append(intent)
    double, orphans, unpaid, nothing = list[str](), list[str](), list[str](), list[str]()
    for checkout, own in mine.items():
        held = sum(one["amount_capturable"] for one in own)
        received, back = (sum(one[name] for one in own) for name in ("amount_received", "amount_refunded"))
        order = orders.get(checkout)
        dead = order is None or order[2] == "cancelled"
        if sum(one["charges"] for one in own) > 1 or (order and held + received > order[3]):
            double.append(checkout)
        if dead and held:
            orphans.append(checkout)
        if dead and received != back and not (order and order[4]):
            nothing.append(checkout)
    for checkout, order in orders.items():
        has = sum(one["amount_capturable"] + one["amount_received"] for one in mine[checkout])
        if order[2] != "cancelled" and has != order[3] and not order[4]:
            unpaid.append(order[1])
    yield "double charges == 0", not double, f"{len(double)} of {len(mine)} checkouts with an intent: {double[:3]}"
    yield "orphan authorizations == 0", not orphans, f"{len(orphans)}: {orphans[:3]}"
    yield "charged for nothing == 0", not nothing, f"{len(nothing)}: {nothing[:3]}"
    yield "orders without payment == 0", not unpaid, f"{len(unpaid)} of {len(orders)}: {unpaid[:3]}"


async def _events(http: httpx.AsyncClient, stack: Stack) -> list[str]:
    """Ids of every event of Stripe's that the endpoint subscribes to, as its own list gives them."""
    headers = {"Authorization": f"Bearer {stack.links.stripe_api_key}"}
    found, after = list[str](), dict[str, str]()
    while True:
        query = {"limit": str(EVENTS_A_PAGE)} | after
        answer = await http.get(f"{stack.links.stripe}/v1/events", params=query, headers=headers)
        page = answer.raise_for_status().json()
        found += [one["id"] for one in page["data"] if one["type"] in LISTENED_TO]
        if not page["has_more"]:
            return found
        after = {"starting_after": page["data"][-1]["id"]}


def _lost(stack: Stack, events: list[str]) -> tuple[bool, str]:
    """What did not come by webhook must have been fetched."""
    here = {row[0] for row in rows(stack, _STRIPES)}
    lost = [one for one in events if one not in here]
    return not lost, f"{len(lost)} of {len(events)}: {lost[:3]}"


async def _audit(stack: Stack, temporal: Client) -> list[Finding]:
    """Again while something is just being done; the last sight."""
    environment = {name.lower(): value for name, value in stack.environment().items()}
    settings = Settings.model_validate(environment)
    began = time.monotonic()
    while True:
        findings = await audit_tenant(settings, TENANT, temporal)
        if not findings or time.monotonic() - began > AUDITED_WITHIN_SECONDS:
            return findings
        await asyncio.sleep(1)
