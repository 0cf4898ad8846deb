"""What must be true after a drop: in the tables, at Stripe, in the buyers' hands, and to the auditor."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
from temporalio.client import Client

from activities.audit import Finding, audit_tenant
from benchmarks.crowd import GAVE_UP, GIVE_UP_SECONDS, Drop
from benchmarks.shelf import rows
from domain.ids import checkout_workflow, order_workflow
from models.demo import TENANT
from sandbox.stack import Stack
from settings import Settings

SETTLED_WITHIN_SECONDS = 180.0
AUDITED_WITHIN_SECONDS = 300.0
LOOK_CLOSER_AFTER_SECONDS = 15.0

_UNSETTLED = """
    SELECT (SELECT count(*) FROM reservations WHERE sku = %(sku)s AND state = 'held')
         + (SELECT count(*) FROM checkouts WHERE state IN ('open', 'awaiting_payment'))"""
_OPEN = "SELECT checkout_id FROM checkouts WHERE state IN ('open', 'awaiting_payment')"
_LEVEL = "SELECT on_hand, reserved FROM stock_levels WHERE sku = %(sku)s"
_RESERVED = """
    SELECT coalesce(sum(quantity), 0) FROM reservations WHERE sku = %(sku)s AND state IN ('held', 'allocated')"""
_ORDERS = """
    SELECT o.order_number, o.checkout_id, o.state, o.total_minor, p.state, p.authorized_minor, p.intent_id, l.quantity
    FROM order_lines l JOIN orders o USING (tenant_id, order_number) JOIN payments p USING (tenant_id, payment_id)
    WHERE l.sku = %(sku)s"""

Check = tuple[str, bool, str]
Row = tuple[Any, ...]


async def settle(stack: Stack, sku: str) -> float:
    """Wait until nothing is reserved and neither sold nor given back; the seconds it took. Raises `TimeoutError`."""
    began = time.monotonic()
    while True:
        ((unsettled,),) = await asyncio.to_thread(rows, stack, _UNSETTLED, sku=sku)
        took = time.monotonic() - began
        if not unsettled:
            return took
        if took > SETTLED_WITHIN_SECONDS:
            raise TimeoutError(f"{unsettled} reservations and checkouts are still open after {took:.0f} s")
        await asyncio.sleep(0.2)


async def checks(stack: Stack, temporal: Client, drop: Drop) -> list[Check]:
    """Every check, with whether it holds and what was seen."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        answer = await http.get(f"{stack.links.stripe}/_control/state")
    intents = answer.raise_for_status().json()["payment_intents"]
    findings, how = await _audit(stack, temporal, drop)
    audited = "; ".join(f"{one.check}: {one.subject} {one.detail}" for one in findings[:5])
    return [
        *_judge(stack, drop, intents),
        ("the audit finds nothing", not findings, f"{audited}; {how}" if findings else how),
    ]


def _judge(stack: Stack, drop: Drop, intents: list[dict[str, Any]]) -> Iterator[Check]:
    ((on_hand, reserved),) = rows(stack, _LEVEL, sku=drop.sku)
    ((spoken_for,),) = rows(stack, _RESERVED, sku=drop.sku)
    orders = rows(stack, _ORDERS, sku=drop.sku)
    units_ordered = sum(order[7] for order in orders)
    gone = {one.checkout for one in drop.outcomes if one.code == GAVE_UP}
    late = [order for order in orders if order[1] in gone]
    seen = f"told {len(drop.sold)}, has {units_ordered}" + (f", {len(late)} to who had gone" if late else "")
    yield "sold == units", len(drop.sold) + len(late) == units_ordered == drop.units, seen
    over = max(units_ordered, int(spoken_for)) - drop.units
    yield "oversold == 0", over <= 0, str(max(over, 0))
    seen = f"{on_hand} on hand, {reserved} reserved, {spoken_for} in reservations"
    yield "the stock level is exact", (on_hand, reserved, spoken_for) == (drop.units,) * 3, seen

    told = {(one.order, one.checkout) for one in drop.sold}
    has = {(order[0], order[1]) for order in orders if order not in late}
    wrong = f"{len(told - has)} told and without, {len(has - told)} with and not told"
    yield "who was told yes has the order, who was told no has none", told == has, wrong

    ours = {one.checkout for one in drop.outcomes}
    theirs = [intent for intent in intents if intent["metadata"].get("checkout_id") in ours]
    held = {intent["id"]: intent for intent in theirs if intent["status"] == "requires_capture"}
    a_checkout = Counter(intent["metadata"]["checkout_id"] for intent in theirs)
    paid = [
        order
        for order in orders
        if order[4] == "authorized"
        and order[3] == order[5]
        and a_checkout[order[1]] == 1
        and order[6] in held
        and held[order[6]]["amount_capturable"] == order[3]
    ]
    seen = f"{len(paid)} of {len(orders)}"
    yield "each order has one intent, authorized for its total", len(paid) == len(orders) == drop.units, seen
    buyers = {order[1] for order in orders}
    charged = [one for one in theirs if one["metadata"]["checkout_id"] not in buyers and one["status"] != "canceled"]
    yield "nobody else is charged", not charged, f"{len(charged)} others, {len(theirs)} intents"
    still = gone & {row[0] for row in rows(stack, _OPEN, sku=drop.sku)}
    seen = f"{len(gone)} gave up after {GIVE_UP_SECONDS:.0f} s, {len(still)} of them with a checkout that is open"
    yield "every buyer has a final answer, or their checkout has ended", not still, seen
    codes = sorted({one.code for one in drop.refused})
    yield "refused for being out of stock only", codes in ([], ["out_of_stock"]), ", ".join(codes) or "nobody"
    faults = {why: count for why, count in drop.repeats.items() if why.isdigit() and why not in ("202", "503")}
    yield "no 5xx but 503", not faults, str(faults or "none")


async def _audit(stack: Stack, temporal: Client, drop: Drop) -> tuple[list[Finding], str]:
    """The audit, again while something is just being done; the last sight, and what there was to see on the way."""
    environment = {name.lower(): value for name, value in stack.environment().items()}
    settings = Settings.model_validate(environment)
    began, told = time.monotonic(), ""
    while True:
        findings = await audit_tenant(settings, TENANT, temporal)
        took = time.monotonic() - began
        if not findings or took > AUDITED_WITHIN_SECONDS:
            return findings, f"clean after {took:.0f} s{told}"
        if not told and took > LOOK_CLOSER_AFTER_SECONDS:
            told = "; before: " + await _closer(stack, temporal, drop, findings[0])
        await asyncio.sleep(1)


async def _closer(stack: Stack, temporal: Client, drop: Drop, finding: Finding) -> str:
    """A finding with what Temporal has of its order's checkout, for an order whose workflow has not begun."""
    text = f"{finding.check}: {finding.subject} {finding.detail}"
    for order in rows(stack, _ORDERS, sku=drop.sku):
        if finding.subject == order_workflow(TENANT, order[0]):
            seen = await temporal.get_workflow_handle(checkout_workflow(TENANT, order[1])).describe()
            task = seen.raw_description.pending_workflow_task
            text += f"; its checkout: {seen.status and seen.status.name}, {seen.history_length} events, "
            text += f"workflow task attempt {task.attempt}, started {task.started_time.ToJsonString()}"
    return text
