"""`/v1/orders/{number}/cancel`: give up what has not left, or some pieces of it."""

import hashlib
import uuid
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Header

from api.orders import read_order
from api.problems import Problem
from api.remembering import parse_key
from api.resources import Caller, Resources, Shared, caller_with
from api.schemas.base import ProblemOut
from api.schemas.cancellations import OrderCancelIn
from api.schemas.orders import OrderOut
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.checkouts import CancelRequest
from domain.ids import cancellation_id, order_workflow
from domain.pricing import CartLine
from domain.states import OrderState
from models import cancellations
from workflows.order import OrderWorkflow

router = APIRouter(prefix="/v1/orders", tags=["orders"])

Key = Annotated[str | None, Header(alias="Idempotency-Key")]


@router.post(
    "/{number}/cancel",
    response_model=OrderOut,
    responses={status: {"model": ProblemOut} for status in (400, 404, 409, 422)},
)
async def cancel(
    number: str,
    caller: Annotated[Caller, caller_with("orders:act")],
    shared: Shared,
    body: OrderCancelIn | None = None,
    key: Key = None,
) -> OrderOut:
    """All that has not left, or `lines` of it: labels voided, stock free, what is held let go, what is taken refunded.

    With `lines` an `Idempotency-Key` is needed: the same key is the same cancellation. What has left is refused.
    """
    tenant, request = caller.tenant, _request(body or OrderCancelIn(), parse_key(key), caller.actor)
    order = await read_order(number, tenant, shared)
    if order.state is OrderState.CANCELLED or await _done_before(number, tenant, request, shared):
        return order
    _refuse_unknown(order, request)
    handle = shared.temporal.get_workflow_handle(order_workflow(tenant, number))
    try:
        async with reaching("order"):
            await handle.execute_update(
                OrderWorkflow.cancel,
                request,
                id=f"cancel/{request.key}",
                rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS),
            )
    except StillRunning:
        pass
    return await read_order(number, tenant, shared)


def _request(body: OrderCancelIn, key: str | None, actor: str) -> CancelRequest:
    if body.lines and not key:
        detail = "Send an `Idempotency-Key` header with `lines`, so that the same pieces are not cancelled twice."
        raise Problem(400, "idempotency_key_required", detail)
    return CancelRequest(
        actor=actor,
        reason=body.reason,
        lines=tuple(CartLine(one.sku, one.quantity) for one in body.lines or ()),
        key=key or uuid.uuid4().hex,
        fingerprint=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
    )


async def _done_before(number: str, tenant: str, request: CancelRequest, shared: Resources) -> bool:
    """Whether this key was carried out; with another body it is refused."""
    async with shared.database.transaction(tenant) as session:
        known = await cancellations.find(session, cancellation_id(tenant, number, request.key))
    if known is not None and known.fingerprint != request.fingerprint:
        detail = "This Idempotency-Key was used with another body. Send a new key for a new cancellation."
        raise Problem(422, "idempotency_key_reused", detail)
    return known is not None


def _refuse_unknown(order: OrderOut, request: CancelRequest) -> None:
    ordered = {line.sku: line.quantity - line.cancelled for line in order.lines}
    for line in request.lines:
        if line.quantity > ordered.get(line.sku, 0):
            left = ordered.get(line.sku, 0)
            detail = f"{line.quantity} {line.sku} cannot be cancelled: {left} of it are ordered and not cancelled yet."
            raise Problem(422, "more_than_ordered", detail)
