"""`/v1/shipments`: what the warehouse asks at the dock."""

from datetime import timedelta

from fastapi import APIRouter

from api.problems import not_found, unavailable
from api.resources import Asker, Shared
from api.schemas import HandoverOut, ProblemOut
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.ids import shipment_workflow
from models import shipments
from workflows.shipment import ShipmentWorkflow

router = APIRouter(prefix="/v1/shipments", tags=["shipments"])


@router.post("/{number}/handover", response_model=HandoverOut, responses={409: {"model": ProblemOut}})
async def hand_over(number: str, tenant: Asker, shared: Shared) -> HandoverOut:
    """May this parcel leave? Its payment is captured first; refused, it stays. Asking again is harmless."""
    async with shared.database.transaction(tenant) as session:
        if await shipments.find(session, number) is None:
            raise not_found("shipment")
    handle = shared.temporal.get_workflow_handle(shipment_workflow(tenant, number))
    try:
        async with reaching("shipment"):
            answer = await handle.execute_update(
                ShipmentWorkflow.hand_over, rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS)
            )
    except StillRunning:
        raise unavailable("The payment provider") from None
    return HandoverOut(
        shipment_id=number,
        released=answer.released,
        reason=answer.refusal.code if answer.refusal else None,
        reason_detail=answer.refusal.message if answer.refusal else None,
    )
