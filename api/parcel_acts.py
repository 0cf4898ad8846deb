"""`/v1/shipments/{id}/retry` and `/settle`: support's acts on a parcel; the answer is its order."""

import uuid
from datetime import timedelta
from typing import Any

from fastapi import APIRouter

from api.acts import Key, Support
from api.orders import read_order
from api.problems import not_found
from api.resources import Caller, Resources, Shared
from api.schemas.acts import ActIn, SettleIn
from api.schemas.base import ProblemOut
from api.schemas.orders import OrderOut
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.checkouts import CancelRequest
from domain.ids import shipment_workflow
from domain.shipments import Settled
from domain.states import ShipmentState
from domain.support import parcel_act_of
from models import shipments

router = APIRouter(prefix="/v1/shipments", tags=["support"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 409, 422, 503)}


@router.post("/{number}/retry", response_model=OrderOut, responses=_PROBLEMS, description=parcel_act_of("retry").help)
async def retry(number: str, body: ActIn, caller: Support, shared: Shared, key: Key = None) -> OrderOut:
    """As `domain/support.py` says."""
    return await _act(number, "retry", CancelRequest(caller.actor, body.reason, key=key or ""), key, caller, shared)


@router.post("/{number}/settle", response_model=OrderOut, responses=_PROBLEMS, description=parcel_act_of("settle").help)
async def settle(number: str, body: SettleIn, caller: Support, shared: Shared, key: Key = None) -> OrderOut:
    """As `domain/support.py` says."""
    how = Settled(ShipmentState(body.state), caller.actor, body.reason)
    return await _act(number, "settle", how, key, caller, shared)


async def _act(number: str, act: str, request: object, key: str | None, caller: Caller, shared: Resources) -> OrderOut:
    """Ask the parcel's workflow; the same key is the same act."""
    async with shared.database.transaction(caller.tenant) as session:
        parcel = await shipments.find(session, number)
    if parcel is None:
        raise not_found("shipment")
    handle = shared.temporal.get_workflow_handle(shipment_workflow(caller.tenant, number))
    try:
        async with reaching("shipment"):
            within = timedelta(seconds=ANSWER_WITHIN_SECONDS)
            await handle.execute_update(act, request, id=f"{act}/{key or uuid.uuid4().hex}", rpc_timeout=within)
    except StillRunning:
        pass
    return await read_order(parcel.order_number, caller.tenant, shared)
