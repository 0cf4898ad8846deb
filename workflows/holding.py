"""Support's acts that keep an order here for a while: hold, release; and a note on it. Each says who and why."""

from activities.orders import OrderActivities
from domain.checkouts import CancelRequest
from domain.orders import HoldOrder
from workflows.order_page import OrderPage
from workflows.policies import in_database
from workflows.shipment import ShipmentWorkflow


async def hold(page: OrderPage, request: CancelRequest) -> None:
    """Nothing that is here is handed over until it is released; one whose hand-over has begun goes."""
    page.held = request.reason
    await _write_hold(page, "order.held", f"Held by {request.actor}: {request.reason}")
    await _tell_parcels(page)


async def release(page: OrderPage, request: CancelRequest) -> None:
    """Its parcels may leave again."""
    page.held = None
    await _write_hold(page, "order.released", f"Released by {request.actor}: {request.reason}")
    await _tell_parcels(page)


async def note(page: OrderPage, request: CancelRequest) -> None:
    """One line in the timeline; nothing else changes."""
    line = page.line("order.note", f"Note by {request.actor}: {request.reason}")
    page.show(line.message)
    await in_database(OrderActivities.note, line, "Write it into the timeline")


async def _write_hold(page: OrderPage, kind: str, message: str) -> None:
    page.show(message)
    held = HoldOrder(page.line(kind, message), page.held)
    await in_database(OrderActivities.hold, held, "Write it into the order and the timeline")


async def _tell_parcels(page: OrderPage) -> None:
    """Each word says what is true as it is sent, so that the last one is right whoever crosses whom."""
    await page.until_all_sent()
    for shipment in page.here:
        await page.tell(shipment, ShipmentWorkflow.held, page.held)
