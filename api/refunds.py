"""`/v1/orders/{number}/refunds`: give captured money back, all of it or a part."""

import hashlib
from datetime import timedelta

from fastapi import APIRouter, Response
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.problems import Problem, not_found, refused
from api.resources import Asker, IdempotencyKey, Resources, Shared
from api.schemas import ProblemOut, RefundIn, RefundOut
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.ids import refund_id, refund_workflow
from domain.refunds import RefundAnswer, RefundInput, RefundState
from domain.states import OperationState
from models import orders, refunds
from models.payments import PaymentOperation
from workflows import attributes
from workflows.refund import RefundWorkflow

router = APIRouter(prefix="/v1/orders", tags=["refunds"])

_STATES = {
    OperationState.PENDING: RefundState.PENDING,
    OperationState.SETTLING: RefundState.SETTLING,
    OperationState.SUCCEEDED: RefundState.SUCCEEDED,
    OperationState.REVERSED: RefundState.FAILED,
    OperationState.FAILED: RefundState.FAILED,
}


@router.post(
    "/{number}/refunds",
    status_code=201,
    response_model=RefundOut,
    responses={status: {"model": ProblemOut} for status in (400, 404, 409, 422, 503)},
)
async def begin(
    number: str, body: RefundIn, key: IdempotencyKey, tenant: Asker, shared: Shared, response: Response
) -> RefundOut:
    """Never more than was captured. 201: it has arrived, or is on its way. 202: ask again with the same key.

    The same key with the same body is the same refund, as it stands now; with another body it is refused.
    """
    asked = await _input(number, body, key, tenant, shared)
    answer = await _start(asked, shared)
    if answer.fingerprint != asked.fingerprint:
        detail = "This Idempotency-Key was used with another body. Send a new key for a new refund."
        raise Problem(422, "idempotency_key_reused", detail)
    if answer.refusal:
        raise refused(answer.refusal, refund_id=asked.refund_id)
    if answer.state is RefundState.PENDING:
        response.status_code = 202
    return RefundOut(id=answer.refund_id, state=answer.state, amount=answer.amount_minor)


async def _input(number: str, body: RefundIn, key: str, tenant: str, shared: Resources) -> RefundInput:
    async with shared.database.transaction(tenant) as session:
        order = await orders.find(session, number)
    if order is None:
        raise not_found("order")
    return RefundInput(
        tenant=tenant,
        refund_id=refund_id(tenant, order.payment_id, key),
        fingerprint=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
        payment_id=order.payment_id,
        order_number=number,
        amount_minor=body.amount,
        currency=order.currency,
        reason=body.reason,
        actor="the shop",
    )


async def _start(asked: RefundInput, shared: Resources) -> RefundAnswer:
    """Begin the workflow, or join the one this key began; one that ended long ago answers from its row."""
    start = WithStartWorkflowOperation(
        RefundWorkflow.run,
        asked,
        id=refund_workflow(asked.tenant, asked.refund_id),
        task_queue=shared.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        search_attributes=attributes.beside_order(asked.tenant, asked.order_number, "refund"),
        static_summary=f"Refund of order {asked.order_number}",
    )
    try:
        async with reaching("refund"):
            return await shared.temporal.execute_update_with_start_workflow(
                RefundWorkflow.begin,
                start_workflow_operation=start,
                id="begin",
                rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS),
            )
    except StillRunning:
        return RefundAnswer(asked.refund_id, asked.fingerprint, RefundState.PENDING, asked.amount_minor)
    except WorkflowAlreadyStartedError:
        return await _ended(asked, shared)


async def _ended(asked: RefundInput, shared: Resources) -> RefundAnswer:
    """The workflow's own answer, while Temporal keeps it; it may have been followed up since, which the row knows."""
    handle = shared.temporal.get_workflow_handle(
        refund_workflow(asked.tenant, asked.refund_id), result_type=RefundAnswer
    )
    async with reaching("refund"):
        answer: RefundAnswer = await handle.result(rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS))
    async with shared.database.transaction(asked.tenant) as session:
        row = await refunds.find(session, asked.refund_id)
    if row is not None and answer.refusal is None:
        return RefundAnswer(answer.refund_id, answer.fingerprint, _STATES[row.state], row.amount_minor)
    return answer


def refund_out(row: PaymentOperation) -> RefundOut:
    """A refund as an order shows it."""
    return RefundOut(
        id=row.reference,
        state=_STATES[row.state],
        amount=row.amount_minor,
        reason=row.error_code,
        reason_detail=row.note,
    )
