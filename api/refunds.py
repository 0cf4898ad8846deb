"""`/v1/orders/{number}/refunds` and `/v1/refunds`: give captured money back by hand; a large sum needs two people."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Response
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.cursors import Cursors, CursorText, PageSize
from api.problems import Problem, not_found, refused
from api.resources import Caller, IdempotencyKey, Resources, Shared, caller_with, needs
from api.schemas.base import ProblemOut
from api.schemas.refunds import RefundDecisionIn, RefundIn, RefundOut, RefundPageOut
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.ids import refund_id, refund_workflow
from domain.refunds import RefundAnswer, RefundDecision, RefundInput, RefundLimits, RefundState
from domain.states import OperationState, RefundRequestState
from models import orders, refund_requests, refunds
from models.payments import PaymentOperation
from models.refund_requests import RefundRequest
from settings import Settings
from workflows import attributes
from workflows.refund import RefundWorkflow

router = APIRouter(tags=["refunds"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 409, 422, 503)}
_WITHIN = timedelta(seconds=ANSWER_WITHIN_SECONDS)
Approver = Annotated[Caller, caller_with("payments:approve")]

_STATES = {
    OperationState.PENDING: RefundState.PENDING,
    OperationState.SETTLING: RefundState.SETTLING,
    OperationState.SUCCEEDED: RefundState.SUCCEEDED,
    OperationState.REVERSED: RefundState.FAILED,
    OperationState.FAILED: RefundState.FAILED,
}
_REQUESTED = {
    RefundRequestState.AWAITING_APPROVAL: RefundState.AWAITING_APPROVAL,
    RefundRequestState.APPROVED: RefundState.PENDING,
    RefundRequestState.DECLINED: RefundState.DECLINED,
    RefundRequestState.EXPIRED: RefundState.EXPIRED,
    RefundRequestState.FAILED: RefundState.FAILED,
}
_ON_THE_WAY = (RefundState.AWAITING_APPROVAL, RefundState.PENDING)


@router.post(
    "/v1/orders/{number}/refunds",
    status_code=201,
    response_model=RefundOut,
    responses={202: {"model": RefundOut}, **_PROBLEMS},
)
async def begin(
    number: str,
    body: RefundIn,
    key: IdempotencyKey,
    caller: Annotated[Caller, caller_with("payments:refund")],
    shared: Shared,
    response: Response,
) -> RefundOut:
    """Never more than was captured, nor than the limits. 201: it has arrived, or is on its way. 202: it waits for a
    second person (`awaiting_approval`), or for Stripe (`pending`): ask again with the same key.

    The same key with the same body is the same refund, as it stands now; with another body it is refused.
    """
    begun = await begin_refund(number, body, key, caller, shared)
    if begun.state in _ON_THE_WAY:
        response.status_code = 202
    return begun


@router.get("/v1/refunds", response_model=RefundPageOut, responses=_PROBLEMS)
async def waiting(
    tenant: Annotated[str, needs("orders:read")], shared: Shared, limit: PageSize = 50, cursor: CursorText = None
) -> RefundPageOut:
    """Refunds that wait for a second person, oldest first, a page at a time."""
    cursors, query = Cursors.of(shared.settings), {"list": "refunds", "state": "awaiting_approval"}
    place = cursors.read(tenant, query, cursor) if cursor else None
    after = (datetime.fromisoformat(str(place[0])), str(place[1])) if place else None
    async with shared.database.transaction(tenant) as session:
        rows = await refund_requests.waiting(session, after=after, most=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    following = cursors.make(tenant, query, [last.created_at.isoformat(), last.refund_id]) if last else None
    return RefundPageOut(items=[refund_out(None, one) for one in rows[:limit]], next_cursor=following)


@router.get("/v1/refunds/{refund}", response_model=RefundOut, responses=_PROBLEMS)
async def read(refund: str, tenant: Annotated[str, needs("orders:read")], shared: Shared) -> RefundOut:
    """A refund: how it stands, who asked, who decided. Answers while Temporal is away."""
    found = await _find(refund, tenant, shared)
    if found is None:
        raise not_found("refund")
    return found


@router.post("/v1/refunds/{refund}/approve", response_model=RefundOut, responses=_PROBLEMS)
async def approve(refund: str, body: RefundDecisionIn, caller: Approver, shared: Shared) -> RefundOut:
    """It may go back. Whoever asked for it is refused: `second_person_required`. Said twice it is once."""
    return await _decide(refund, RefundRequestState.APPROVED, body, caller, shared)


@router.post("/v1/refunds/{refund}/decline", response_model=RefundOut, responses=_PROBLEMS)
async def decline(refund: str, body: RefundDecisionIn, caller: Approver, shared: Shared) -> RefundOut:
    """It may not go back; whoever asked may take it back by this too."""
    return await _decide(refund, RefundRequestState.DECLINED, body, caller, shared)


async def begin_refund(number: str, body: RefundIn, key: str, caller: Caller, shared: Resources) -> RefundOut:
    """Begin the refund of this key, or say how it stands. Raises the problem that there is."""
    asked = await _input(number, body, key, caller, shared)
    answer = await _start(asked, shared)
    if answer.fingerprint != asked.fingerprint:
        detail = "This Idempotency-Key was used with another body. Send a new key for a new refund."
        raise Problem(422, "idempotency_key_reused", detail)
    if answer.refusal:
        raise refused(answer.refusal, refund_id=asked.refund_id)
    found = await _find(asked.refund_id, asked.tenant, shared)
    return found or RefundOut(id=answer.refund_id, state=answer.state, amount=answer.amount_minor)


async def _input(number: str, body: RefundIn, key: str, caller: Caller, shared: Resources) -> RefundInput:
    async with shared.database.transaction(caller.tenant) as session:
        order = await orders.find(session, number)
    if order is None:
        raise not_found("order")
    return RefundInput(
        tenant=caller.tenant,
        refund_id=refund_id(caller.tenant, order.payment_id, key),
        fingerprint=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
        payment_id=order.payment_id,
        order_number=number,
        amount_minor=body.amount,
        currency=order.currency,
        reason=body.reason,
        actor=caller.actor,
        cause=body.cause,
        limits=limits_of(shared.settings),
    )


def limits_of(settings: Settings) -> RefundLimits:
    """Those of a refund that is asked for now."""
    return RefundLimits(
        most_minor=settings.refund_most,
        order_most_minor=settings.refund_order_most,
        actor_day_most_minor=settings.refund_actor_day_most,
        second_person_above_minor=settings.refund_second_person_above,
        approve_within_seconds=settings.refund_approve_within,
    )


async def _start(asked: RefundInput, shared: Resources) -> RefundAnswer:
    """Begin the workflow, or join the one this key began."""
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
                RefundWorkflow.begin, start_workflow_operation=start, id="begin", rpc_timeout=_WITHIN
            )
    except StillRunning:
        return RefundAnswer(asked.refund_id, asked.fingerprint, RefundState.PENDING, asked.amount_minor)
    except WorkflowAlreadyStartedError:
        handle = shared.temporal.get_workflow_handle(
            refund_workflow(asked.tenant, asked.refund_id), result_type=RefundAnswer
        )
        async with reaching("refund"):
            answer: RefundAnswer = await handle.result(rpc_timeout=_WITHIN)
        return answer


async def _decide(
    refund: str, state: RefundRequestState, body: RefundDecisionIn, caller: Caller, shared: Resources
) -> RefundOut:
    """Ask the workflow; what was decided so already is answered as it stands."""
    async with shared.database.transaction(caller.tenant) as session:
        row = await refund_requests.find(session, refund)
    if row is None:
        raise not_found("refund")
    if row.state is not state or not row.needs_second:
        if row.state is not RefundRequestState.AWAITING_APPROVAL:
            raise Problem(409, "not_now", f"This refund is {row.state} and waits for nobody's approval.")
        decision = RefundDecision(caller.actor, body.reason, state)
        handle = shared.temporal.get_workflow_handle(refund_workflow(caller.tenant, refund))
        answer: RefundAnswer | None = None
        try:
            async with reaching("refund"):
                answer = await handle.execute_update(RefundWorkflow.decide, decision, rpc_timeout=_WITHIN)
        except StillRunning:
            pass  # it is decided, and Stripe has not answered: `pending`
        if answer is not None and answer.refusal is not None:
            raise refused(answer.refusal, refund_id=refund)
    return await read(refund, caller.tenant, shared)


async def _find(refund: str, tenant: str, shared: Resources) -> RefundOut | None:
    async with shared.database.transaction(tenant) as session:
        asked = await refund_requests.find(session, refund)
        made = await refunds.find(session, refund)
    return refund_out(made, asked) if asked is not None or made is not None else None


def refund_outs(made: Sequence[PaymentOperation], asked: Sequence[RefundRequest]) -> list[RefundOut]:
    """An order's refunds, in the order they were asked for: those that were begun, and those that wait or were not
    allowed."""
    moved = {one.reference: one for one in made}
    wanted = {one.refund_id: one for one in asked}
    began = {one.reference: one.created_at for one in made} | {one.refund_id: one.created_at for one in asked}
    return [refund_out(moved.get(one), wanted.get(one)) for one in sorted(began, key=lambda one: began[one])]


def refund_out(made: PaymentOperation | None, asked: RefundRequest | None = None) -> RefundOut:
    """A refund as it is shown: what moves the money, and who asked for it, if somebody did."""
    told: dict[str, Any] = {}
    if asked is not None:
        told = {
            "id": asked.refund_id,
            "state": _REQUESTED[asked.state],
            "amount": asked.amount_minor,
            "reason_detail": f"{asked.actor}: {asked.note}",
            "order_number": asked.order_number,
            "cause": asked.cause,
            "asked_by": asked.actor,
            "asked_at": asked.created_at,
            "approve_by": asked.due_at,
            "decided_by": asked.decided_by,
            "decision": asked.decision_note,
        }
    if made is not None:
        told |= {
            "id": made.reference,
            "state": _STATES[made.state],
            "amount": made.amount_minor,
            "reason": made.error_code,
            "reason_detail": made.note,
        }
    return RefundOut(**told)
