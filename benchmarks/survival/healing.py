"""The end of the trouble: everything runs and is well, and what was begun comes to its end within a bounded time.

What only days would bring (a reservation that lapses, a carrier that is asked after its silence, the hourly comparison
with Stripe) is brought by moving the clocks of those workflows, never by shorter settings.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from benchmarks.chaos import started
from benchmarks.shelf import rows
from domain.ids import checkout_workflow, shipment_workflow
from models.demo import TENANT
from sandbox.stack import Stack
from sandbox.timeskip import skip_time
from workflows.reconciliation import ReconciliationWorkflow

WITHIN_SECONDS = 180.0
"""And as long again for every thousand shoppers."""
LOOK_SECONDS = 0.5
HURRY_AFTER_SECONDS = 5.0
"""So long nothing changes before clocks are moved, and again before they are moved once more."""

_CHECKOUTS = "SELECT checkout_id, state FROM checkouts WHERE state IN ('open', 'awaiting_payment') ORDER BY 1"
_PARCELS = """
    SELECT s.shipment_id, o.order_number FROM orders o JOIN shipments s USING (tenant_id, order_number)
    WHERE o.state IN ('placed', 'shipped') AND s.state IN ('pending', 'label_bought', 'handed_over')
      AND NOT o.needs_attention ORDER BY 1"""
_OPERATIONS = "SELECT idempotency_key, state FROM payment_operations WHERE state = 'pending' ORDER BY 1"
_INBOX = "SELECT source, event_id FROM inbox WHERE handled_at IS NULL ORDER BY 1, 2"

Rows = list[tuple[Any, ...]]


async def heal(stack: Stack) -> None:
    """Thaw, start, clear. Servers come back in the order in which they need each other."""
    order = ("postgres", "temporal", "stripe", "carrier", "mail", "worker", "api")
    for name in sorted(stack.names, key=lambda name: order.index(name.split("-")[0])):
        await asyncio.to_thread(stack.thaw, name)
        await started(stack, name)
    links = stack.links
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        for wall in (links.stripe, links.carrier):
            (await http.delete(f"{wall}/_control/faults")).raise_for_status()
        await http.post(f"{links.stripe}/_control/webhooks/release", json={})
        normal = {"mode": "normal", "duplicate": 0, "reorder": False}
        await http.post(f"{links.carrier}/_control/webhooks", json=normal)
        await http.post(f"{links.carrier}/_control/webhooks/release", json={})


async def settle(stack: Stack, temporal: Client, count: int, tell: Callable[[str], None]) -> tuple[float, str]:
    """Wait for every checkout, parcel, operation and webhook; seconds it took, and what was left, empty if nothing."""
    began, changed, before = time.monotonic(), time.monotonic(), ""
    hurried, within = began, WITHIN_SECONDS * (1 + count / 1000)
    await reconcile(temporal)
    while True:
        left = await asyncio.to_thread(_left, stack)
        now = time.monotonic()
        seen = str(left | {"checkouts": ()})
        if seen != before:
            before, changed = seen, now
        if not any(left.values()):
            return now - began, ""
        words = ", ".join(f"{len(found)} {what}" for what, found in left.items() if found)
        tell(words)
        if now - began > within:
            shown = "; ".join(f"{what}: {found[:3]}" for what, found in left.items() if found)
            return now - began, f"{words} ({shown})"
        if now - hurried > HURRY_AFTER_SECONDS:
            await _hurry_shoppers(temporal, left)
            hurried = time.monotonic()
        if now - changed > HURRY_AFTER_SECONDS:
            await _hurry_carriers(temporal, left)
            changed = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)


def _left(stack: Stack) -> dict[str, Rows]:
    names = {"checkouts": _CHECKOUTS, "parcels": _PARCELS, "payment operations": _OPERATIONS, "webhooks": _INBOX}
    return {what: rows(stack, query) for what, query in names.items()}


async def _hurry_shoppers(temporal: Client, left: dict[str, Rows]) -> None:
    """Those who have not confirmed never will: the clocks of their checkouts go on to the end of the reservation."""
    for number, state in left["checkouts"]:
        if state == "awaiting_payment":
            await _if_there(lambda number=number: skip_time(temporal, checkout_workflow(TENANT, number)))  # type: ignore[misc]


async def _hurry_carriers(temporal: Client, left: dict[str, Rows]) -> None:
    """No parcel moves by itself any more: their silence goes on, and our books are compared with Stripe's."""
    for number, _ in left["parcels"]:
        await _if_there(lambda number=number: skip_time(temporal, shipment_workflow(TENANT, number)))  # type: ignore[misc]
    await reconcile(temporal)


async def reconcile(temporal: Client) -> None:
    """As the schedule does each hour, up to now."""
    handle = await temporal.start_workflow(
        ReconciliationWorkflow.run, True, id=f"reconciliation-{uuid.uuid4().hex}", task_queue="milepost"
    )
    await _if_there(lambda: skip_time(temporal, handle.id))
    await handle.result()


async def _if_there(ask: Callable[[], Awaitable[object]]) -> None:
    try:
        await ask()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
