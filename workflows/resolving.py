"""The act `resolve`: a parcel that did not arrive is sent again, paid back, or waited for until a day."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.resolving import ResolvingActivities
from domain.checkouts import PlannedParcel
from domain.ids import ORDER_CALL, parcel_call, parcel_refund_id, wait_call
from domain.journal import BeginRefund
from domain.payments import RefundMade
from domain.resolving import Resolve, ResolveParcel, refuse_resolve
from domain.shipments import Settled
from domain.states import ShipmentState
from domain.support import Resolution, resolvable
from workflows.money_back import refund
from workflows.order_page import Handle, OrderPage
from workflows.policies import in_database
from workflows.shipment import ShipmentWorkflow

Send = Callable[[PlannedParcel], Awaitable[Handle]]


def refuse(page: OrderPage, asked: Resolve) -> None:
    """Raises why this parcel is not resolved so."""
    if why := refuse_resolve(page.facts, asked, workflow.now()):
        raise ApplicationError(why.message, type=why.code)


async def resolve(page: OrderPage, asked: Resolve, send: Send) -> None:
    """Decide for one parcel. Raises `no_stock` or `not_paid`, and then nothing has changed but that it is lost."""
    page.resolving += 1
    try:
        await _resolve(page, asked, send)
    finally:
        page.resolving -= 1


async def _resolve(page: OrderPage, asked: Resolve, send: Send) -> None:
    key, order = asked.parcel, page.input
    child = page.parcels[key]
    if asked.how is not Resolution.WAIT and not child.done():
        lost = Settled(ShipmentState.LOST, asked.actor, asked.reason)
        await page.tell(key, ShipmentWorkflow.taken_for_lost, lost)
        await workflow.wait_condition(child.done)
    line = page.line("order.resolved", f"{_name(page, asked)} by {asked.actor}: {asked.reason}")
    decided = ResolveParcel(line, key, asked.how, asked.until)
    answer = await in_database(ResolvingActivities.resolve, decided, f"Decide: {asked.how}")
    if answer.refusal is not None:
        raise ApplicationError(answer.refusal.message, type=answer.refusal.code)
    if asked.how is Resolution.WAIT and asked.until is not None:
        page.waits[key] = asked.until
        page.tasks.append(asyncio.create_task(_wait(page, key, asked.until)))
    else:
        page.waits.pop(key, None)
        page.resolved.add(key)
    if answer.replacement is not None:
        page.planned.append(answer.replacement)
        page.parcels[answer.replacement.shipment_id] = await send(answer.replacement)
    page.show(line.message)
    await _calm(page, key)
    if answer.refund_minor:
        number = parcel_refund_id(order.tenant, order.payment_id, key)
        why = f"parcel {key} did not arrive: {asked.reason}"
        begin = BeginRefund(order.tenant, order.payment_id, number, answer.refund_minor, why, asked.actor)
        await _pay_back(page, begin)


async def _pay_back(page: OrderPage, begin: BeginRefund) -> None:
    """Its share goes back, whatever it takes."""
    while not isinstance(fact := await refund(page, begin), RefundMade):
        if fact.refusal.facts.get("refundable") == "0":
            return
        await page.call_person(f"a parcel that did not arrive could not be refunded: {fact.refusal.message}")
        await page.wait_for_person()


async def _calm(page: OrderPage, key: str) -> None:
    """What was called for is decided."""
    page.heard[key] = page.quiet(key)
    page.take_back(parcel_call(key))
    if wait_call(key) in page.calls:
        await page.call_off(wait_call(key))
    open_ones = [one for one in page.facts.parcels if resolvable(one) and one.shipment_id not in page.waits]
    if ORDER_CALL in page.calls and not open_ones:
        await page.calm()
    if not page.parcels[key].done():
        await page.tell(key, ShipmentWorkflow.seen_to)


async def _wait(page: OrderPage, key: str, until: datetime) -> None:
    """Until that time a person is left in peace; then called again, unless the parcel has arrived or is resolved."""

    def over() -> bool:
        child = page.parcels[key]
        arrived = child.done() and child.result().state is ShipmentState.DELIVERED
        return arrived or page.waits.get(key) != until

    try:
        await workflow.wait_condition(
            over, timeout=max(until - workflow.now(), timedelta(0)), timeout_summary="Wait for the parcel"
        )
    except TimeoutError:
        state = page.parcels[key].result().state if page.parcels[key].done() else ShipmentState.HANDED_OVER
        how = "on its way" if state is ShipmentState.HANDED_OVER else state.replace("_", " ")
        await page.call(wait_call(key), f"it was waited for a parcel until {until:%d %b %H:%M} UTC, and it is {how}")
        page.waits.pop(key, None)
        await workflow.wait_condition(lambda: _arrived(page, key) or wait_call(key) not in page.calls)
    if page.waits.get(key) == until:
        page.waits.pop(key)
    if wait_call(key) in page.calls and _arrived(page, key):
        await page.call_off(wait_call(key))


def _arrived(page: OrderPage, key: str) -> bool:
    child = page.parcels[key]
    return child.done() and child.result().state is ShipmentState.DELIVERED


def _name(page: OrderPage, asked: Resolve) -> str:
    number = list(page.parcels).index(asked.parcel) + 1
    what = {
        Resolution.RESHIP: "sent again",
        Resolution.REFUND: "paid back",
        Resolution.WAIT: f"waited for until {asked.until:%d %b %H:%M} UTC" if asked.until else "waited for",
    }
    return f"Parcel {number} {what[asked.how]}"
