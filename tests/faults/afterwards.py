"""After random lives: calm, the end of everything under way, and what must be true of each order whatever happened."""

import uuid
from collections.abc import Iterator
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from tests.faults.lives import Living
from tests.flow.kit import Shop, until
from workflows.reconciliation import ReconciliationWorkflow

_ENDED = ("completed", "failed", "expired", "cancelled")


async def settle(shop: Shop, lives: list[Living], *, lost: bool) -> None:
    """Stripe is well again; whoever still waits for a shopper gives up; what is under way ends.

    What Stripe told of while webhooks were `lost`, the reconciliation finds, which otherwise runs each hour.
    """
    await shop.calm()
    for one in lives:
        state = (await shop.http.get(f"/v1/checkouts/{one.checkout}")).json().get("state")
        if state not in _ENDED:
            await shop.http.post(f"/v1/checkouts/{one.checkout}/cancel")
    await until(lambda: _under_way(shop, lives, "pending"), lambda seen: not seen, within=45)
    await until(lambda: _slow_refunds(shop, lives), lambda seen: not seen, within=45)
    if lost:
        await _reconcile(shop)
    await until(lambda: _under_way(shop, lives, "pending", "settling"), lambda seen: not seen, within=45)


async def _under_way(shop: Shop, lives: list[Living], *states: str) -> list[object]:
    """Checkouts whose workflow runs, and operations whose outcome is not known yet."""
    found: list[object] = []
    for one in lives:
        seen = await shop.checkout_flow(one.checkout).describe()
        if seen.status is WorkflowExecutionStatus.RUNNING:
            found.append(seen.id)
    query = "SELECT idempotency_key FROM payment_operations WHERE payment_id = ANY(:p) AND state = ANY(:s)"
    return found + list(shop.sql(query, p=[one.payment for one in lives], s=list(states)))


async def _slow_refunds(shop: Shop, lives: list[Living]) -> list[str]:
    """Intents with a refund that Stripe itself does not know the end of yet; its stand-in takes ten seconds."""
    checkouts = {one.checkout for one in lives}
    return [
        intent["id"]
        for intent in (await shop.stripe("state"))["payment_intents"]
        if intent["metadata"].get("checkout_id") in checkouts and "pending" in intent["refunds_by_status"]
    ]


async def _reconcile(shop: Shop) -> None:
    """As support would by hand, up to now; the server skips the minute before it looks again."""
    handle = await shop.temporal.start_workflow(
        ReconciliationWorkflow.run, True, id=f"reconciliation-{uuid.uuid4().hex}", task_queue="milepost"
    )
    await shop.skip_time(handle)
    await handle.result()


async def wrong(shop: Shop, lives: list[Living]) -> list[str]:
    """What must not be, of each life, by what Stripe says and what the API says."""
    intents = (await shop.stripe("state"))["payment_intents"]
    found = []
    for one in lives:
        mine = [intent for intent in intents if intent["metadata"].get("checkout_id") == one.checkout]
        checkout = await shop.checkout(one.checkout)
        number = checkout["order_number"]
        order = await shop.order(number) if number else None
        found += [f"{one.key}: {complaint}; {mine}; {one}" for complaint in _complaints(mine, checkout, order)]
    return found


def _complaints(mine: list[dict[str, Any]], checkout: dict[str, Any], order: dict[str, Any] | None) -> Iterator[str]:
    held = sum(one["amount_capturable"] for one in mine)
    received, refunded = (sum(one[name] for one in mine) for name in ("amount_received", "amount_refunded"))
    if sum(one["amount_received"] > 0 or one["amount_capturable"] > 0 for one in mine) > 1:
        yield "more than one intent has money"
    if sum(one["charges"] for one in mine) > 1:
        yield "charged more than once"
    if held + received > (checkout["total"] or 0):
        yield f"{held} held and {received} taken of {checkout['total']}"
    if refunded > received:
        yield f"{refunded} refunded of {received}"
    if (checkout["state"] == "completed") != (order is not None):
        yield f"the checkout is {checkout['state']}, its order {order}"
    dead = order is None or order["state"] == "cancelled"
    if dead and held:
        yield f"{held} held for nothing"
    if order is None:
        if received != refunded:
            yield f"{received} taken for nothing, {refunded} of it given back"
        return
    payment, flagged = order["payment"], order["needs_attention"]
    if (payment["captured"], payment["refunded"]) != (received, refunded):
        yield f"the order says {payment}, Stripe {received} and {refunded}"
    if order["state"] == "cancelled" and received != refunded and not flagged:
        yield f"cancelled, {received} taken, {refunded} given back"
    if order["state"] in ("shipped", "delivered") and received != order["total"] and not flagged:
        yield f"it is {order['state']}, and {received} was taken"
    if order["state"] == "placed" and held + received != order["total"] and not flagged:
        yield f"placed with {held} held and {received} taken"
