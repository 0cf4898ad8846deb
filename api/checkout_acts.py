"""`/v1/checkouts/{id}/extend-reservation`: support has the stock held longer while the shopper pays."""

import uuid
from datetime import timedelta
from typing import Any

from fastapi import APIRouter

from api.acts import Key, Support
from api.checkouts import read
from api.resources import Shared
from api.schemas.acts import ExtendIn
from api.schemas.base import ProblemOut
from api.schemas.checkouts import CheckoutOut
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.checkouts import ExtendReservation
from domain.ids import checkout_workflow
from domain.support import CHECKOUT_ACTS

router = APIRouter(prefix="/v1/checkouts", tags=["support"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 409, 422, 503)}


@router.post(
    "/{number}/extend-reservation",
    response_model=CheckoutOut,
    responses=_PROBLEMS,
    description=CHECKOUT_ACTS[0].help,
)
async def extend_reservation(
    number: str, body: ExtendIn, caller: Support, shared: Shared, key: Key = None
) -> CheckoutOut:
    """As `domain/support.py` says."""
    await read(number, caller.tenant, shared)
    asked = ExtendReservation(caller.actor, body.reason, body.seconds, key or "")
    handle = shared.temporal.get_workflow_handle(checkout_workflow(caller.tenant, number))
    try:
        async with reaching("checkout"):
            await handle.execute_update(
                "extend_reservation",
                asked,
                id=f"extend/{key or uuid.uuid4().hex}",
                rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS),
            )
    except StillRunning:
        pass
    return await read(number, caller.tenant, shared)
