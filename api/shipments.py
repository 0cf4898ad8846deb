"""`/v1/shipments`: what the warehouse reports, and asks at the dock."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter

from api.problems import Problem, not_found, unavailable
from api.resources import Resources, Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.shipments import HandoverIn, HandoverOut, ReportIn
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.ids import shipment_workflow
from domain.money import Money
from domain.shares import most_for
from domain.shipments import HandOver, WarehouseReport, WarehouseStage
from domain.states import ShipmentState
from models import orders, parcels, shipments
from workflows.shipment import ShipmentWorkflow

router = APIRouter(prefix="/v1/shipments", tags=["shipments"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 409)}


@router.post("/{number}/picked", status_code=204, responses=_PROBLEMS)
async def picked(
    number: str, tenant: Annotated[str, needs("shipments:act")], shared: Shared, body: ReportIn | None = None
) -> None:
    """The warehouse has taken its pieces from the shelf."""
    await _report(number, tenant, shared, WarehouseReport(WarehouseStage.PICKED, (body or ReportIn()).actor))


@router.post("/{number}/packed", status_code=204, responses=_PROBLEMS)
async def packed(
    number: str, tenant: Annotated[str, needs("shipments:act")], shared: Shared, body: ReportIn | None = None
) -> None:
    """The parcel is closed, and waits for its carrier."""
    await _report(number, tenant, shared, WarehouseReport(WarehouseStage.PACKED, (body or ReportIn()).actor))


async def _report(number: str, tenant: str, shared: Resources, report: WarehouseReport) -> None:
    async with shared.database.transaction(tenant) as session:
        if await shipments.find(session, number) is None:
            raise not_found("shipment")
    handle = shared.temporal.get_workflow_handle(shipment_workflow(tenant, number))
    try:
        async with reaching("shipment"):
            await handle.execute_update(
                ShipmentWorkflow.report, report, rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS)
            )
    except StillRunning:
        raise unavailable("The order engine") from None


@router.post("/{number}/handover", response_model=HandoverOut, responses=_PROBLEMS)
async def hand_over(
    number: str, tenant: Annotated[str, needs("shipments:act")], shared: Shared, body: HandoverIn | None = None
) -> HandoverOut:
    """May this parcel leave? Its payment is captured first; refused, it stays. Asking again is harmless.

    With an `amount` less is captured than was authorized, because something is missing; the rest is released.
    """
    amount = body.amount if body else None
    async with shared.database.transaction(tenant) as session:
        parcel = await shipments.find(session, number)
        if parcel is None:
            raise not_found("shipment")
        order = await orders.get(session, parcel.order_number)
        shares = await parcels.shares(session, order.order_number)
    paid_for = any(one.shipment_id == number for one in shares)
    most = most_for(shares, number, order.shipping_minor) if paid_for else 0
    if amount is not None and amount > most:
        held = Money(most, order.currency)
        raise Problem(422, "amount_too_large", f"No more than {held} can be captured for this parcel.")
    handle = shared.temporal.get_workflow_handle(shipment_workflow(tenant, number))
    try:
        async with reaching("shipment"):
            answer = await handle.execute_update(
                ShipmentWorkflow.hand_over,
                HandOver(amount, labelled=parcel.state is not ShipmentState.PENDING),
                rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS),
            )
    except StillRunning:
        raise unavailable("The payment provider") from None
    return HandoverOut(
        shipment_id=number,
        released=answer.released,
        reason=answer.refusal.code if answer.refusal else None,
        reason_detail=answer.refusal.message if answer.refusal else None,
    )
