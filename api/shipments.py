"""`/v1/shipments`: what the warehouse asks at the dock."""

from datetime import timedelta

from fastapi import APIRouter

from api.problems import Problem, not_found, unavailable
from api.resources import Asker, Shared
from api.schemas import HandoverIn, HandoverOut, ProblemOut
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.ids import shipment_workflow
from domain.money import Money
from domain.shipments import HandOver
from models import payments, shipments
from workflows.shipment import ShipmentWorkflow

router = APIRouter(prefix="/v1/shipments", tags=["shipments"])


@router.post("/{number}/handover", response_model=HandoverOut, responses={409: {"model": ProblemOut}})
async def hand_over(number: str, tenant: Asker, shared: Shared, body: HandoverIn | None = None) -> HandoverOut:
    """May this parcel leave? Its payment is captured first; refused, it stays. Asking again is harmless.

    With an `amount` less is captured than was authorized, because something is missing; the rest is released.
    """
    amount = body.amount if body else None
    async with shared.database.transaction(tenant) as session:
        parcel = await shipments.find(session, number)
        if parcel is None:
            raise not_found("shipment")
        payment = await payments.of_order(session, parcel.order_number)
    if amount is not None and amount > payment.authorized_minor:
        held = Money(payment.authorized_minor, payment.currency)
        raise Problem(422, "amount_too_large", f"No more than {held} can be captured for this parcel.")
    handle = shared.temporal.get_workflow_handle(shipment_workflow(tenant, number))
    try:
        async with reaching("shipment"):
            answer = await handle.execute_update(
                ShipmentWorkflow.hand_over,
                HandOver(amount),
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
