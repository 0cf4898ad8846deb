"""`/v1/memberships`: join, look, confirm, give another card, change the tier, leave; and what a customer has."""

import hashlib
from collections.abc import Awaitable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.problems import Problem, not_found, refused
from api.resources import IdempotencyKey, Resources, Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.checkouts import NextAction
from api.schemas.memberships import (
    CardIn,
    ChangeTierIn,
    CustomerId,
    JoinIn,
    LeaveIn,
    MembershipOut,
    PeriodOut,
    StandingOut,
)
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.ids import customer_id, membership_id, membership_workflow
from domain.joining import (
    CancelMembership,
    ChangeCard,
    ChangeTier,
    MembershipAnswer,
    MembershipInput,
    ResumeMembership,
)
from domain.refusals import Refusal, RefusalCode, Refused
from domain.states import MembershipState, PeriodState
from models import memberships, plans
from models.memberships import Membership
from models.payments import Payment
from workflows import attributes
from workflows.membership import MembershipWorkflow

router = APIRouter(prefix="/v1", tags=["memberships"])

JOIN_WITHIN_SECONDS = 3600
"""So long a customer may take to confirm the first payment."""
_RPC = timedelta(seconds=ANSWER_WITHIN_SECONDS)
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut} for status in (400, 401, 402, 404, 409, 422, 503)
}
Reads = Annotated[str, needs("memberships:read")]
Writes = Annotated[str, needs("memberships:write")]
Handle = WorkflowHandle[Any, MembershipAnswer]


@router.post(
    "/memberships",
    status_code=201,
    response_model=MembershipOut,
    responses={202: {"model": MembershipOut}, **_PROBLEMS},
)
async def join(body: JoinIn, key: IdempotencyKey, tenant: Writes, shared: Shared, response: Response) -> MembershipOut:
    """201: a member. 202: the customer must confirm (`next_action`), or the bank has not answered yet.

    The same key with the same body is the same membership, as it stands now; with another body it is refused.
    """
    asked = await _input(body, key, tenant, shared)
    async with shared.database.transaction(tenant) as session:
        known = await memberships.find(session, asked.membership_id)
    if known is None or known.state is MembershipState.PENDING:
        answer = await _start(asked, shared)
        if answer is not None and answer.refusal:
            raise refused(answer.refusal, membership_id=asked.membership_id)
    async with shared.database.transaction(tenant) as session:
        row = await memberships.find(session, asked.membership_id)
        if row is None:
            raise Problem(503, "temporarily_unavailable", "Ask again with the same Idempotency-Key in a moment.")
        if row.fingerprint != asked.fingerprint:
            detail = "This Idempotency-Key was used with another body. Send a new key for a new membership."
            raise Problem(422, "idempotency_key_reused", detail)
        if row.state is MembershipState.FAILED and row.reason is not None:
            why = Refusal(RefusalCode(row.reason), row.reason_message or "")
            raise refused(why, membership_id=row.membership_id)
        response.headers["Location"] = f"/v1/memberships/{row.membership_id}"
        response.status_code = 202 if row.state is MembershipState.PENDING else 201
        return await _out(session, row)


@router.get("/memberships", response_model=list[MembershipOut])
async def of_customer(customer_id: CustomerId, tenant: Reads, shared: Shared) -> list[MembershipOut]:
    """A customer's memberships, the newest first. Answers while Temporal is away."""
    async with shared.database.transaction(tenant) as session:
        return [await _out(session, row) for row in await memberships.of_customer(session, customer_id)]


@router.get("/customers/{customer}/standing", response_model=StandingOut)
async def standing(customer: CustomerId, tenant: Reads, shared: Shared) -> StandingOut:
    """What a customer has now, by the database's clock: who is no member has nothing."""
    async with shared.database.transaction(tenant) as session:
        now = await memberships.standing(session, customer)
    return StandingOut(
        tier=now.tier,
        price_tier=now.price_tier,
        entitlements=sorted(now.entitlements),
        free_shipping=now.free_shipping,
        early_access_seconds=now.early_access_seconds,
        purchase_limit=now.purchase_limit,
    )


@router.get("/memberships/{number}", response_model=MembershipOut, responses={404: {"model": ProblemOut}})
async def read(number: str, tenant: Reads, shared: Shared) -> MembershipOut:
    """Where a membership stands. Answers while Temporal is away."""
    return await _read(number, tenant, shared)


@router.post("/memberships/{number}/confirm", response_model=MembershipOut, responses=_PROBLEMS)
async def confirm(number: str, tenant: Writes, shared: Shared) -> MembershipOut:
    """The customer is done in the browser: look at the payment now, without waiting for its webhook."""
    handle = await _handle(number, tenant, shared)
    try:
        await _asked(handle.execute_update(MembershipWorkflow.confirm, rpc_timeout=_RPC))
    except Problem as problem:
        if problem.code not in ("already_ended", "not_awaiting_payment"):
            raise
    return await _read(number, tenant, shared)


@router.post("/memberships/{number}/cancel", response_model=MembershipOut, responses=_PROBLEMS)
async def cancel(number: str, tenant: Writes, shared: Shared, body: LeaveIn | None = None) -> MembershipOut:
    """It ends with the period that is paid; or at once, with what the plan's policy gives back."""
    handle, how = await _handle(number, tenant, shared), body or LeaveIn()
    asked = CancelMembership("the shop", how.reason, how.at_once)
    await _asked(handle.execute_update(MembershipWorkflow.cancel, asked, rpc_timeout=_RPC))
    return await _read(number, tenant, shared)


@router.post("/memberships/{number}/resume", response_model=MembershipOut, responses=_PROBLEMS)
async def resume(number: str, tenant: Writes, shared: Shared) -> MembershipOut:
    """It was to end with its period, and goes on after all."""
    handle = await _handle(number, tenant, shared)
    await _asked(handle.execute_update(MembershipWorkflow.resume, ResumeMembership("the shop"), rpc_timeout=_RPC))
    return await _read(number, tenant, shared)


@router.post("/memberships/{number}/card", response_model=MembershipOut, responses=_PROBLEMS)
async def change_card(number: str, body: CardIn, tenant: Writes, shared: Shared) -> MembershipOut:
    """Another card; what is due is charged to it now."""
    handle = await _handle(number, tenant, shared)
    asked = ChangeCard(body.payment_method, str(body.return_url) if body.return_url else None)
    await _asked(handle.execute_update(MembershipWorkflow.change_card, asked, rpc_timeout=_RPC))
    return await _read(number, tenant, shared)


@router.post("/memberships/{number}/tier", response_model=MembershipOut, responses=_PROBLEMS)
async def change_tier(number: str, body: ChangeTierIn, tenant: Writes, shared: Shared) -> MembershipOut:
    """Another tier of the same plan, from the next period on, at what it costs today."""
    handle = await _handle(number, tenant, shared)
    await _asked(handle.execute_update(MembershipWorkflow.change_tier, ChangeTier(body.tier), rpc_timeout=_RPC))
    return await _read(number, tenant, shared)


async def _asked(update: Awaitable[MembershipAnswer]) -> None:
    """What is still being done when the answer is due is seen in the tables later."""
    try:
        async with reaching("membership"):
            await update
    except StillRunning:
        pass


async def _input(body: JoinIn, key: str, tenant: str, shared: Resources) -> MembershipInput:
    """The process's input, once the plan is known and has such a tier at such a price."""
    customer = body.customer.id or customer_id(tenant, body.customer.email)
    async with shared.database.transaction(tenant) as session:
        plan = await plans.find(session, body.plan)
        number = membership_id(tenant, customer, plan.family if plan else body.plan, key)
        if await memberships.find(session, number) is None:
            try:
                await plans.terms(session, body.plan, body.tier, body.currency)
            except Refused as no:
                raise refused(no.refusal) from None
    return MembershipInput(
        tenant=tenant,
        membership_id=number,
        fingerprint=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
        customer_id=customer,
        plan_id=body.plan,
        tier_id=body.tier,
        currency=body.currency,
        payment_method=body.payment_method,
        return_url=str(body.return_url) if body.return_url else None,
        payment_seconds=JOIN_WITHIN_SECONDS,
        email=body.customer.email,
    )


async def _start(asked: MembershipInput, shared: Resources) -> MembershipAnswer | None:
    """Begin the process, or join the one this key began, and wait for its first word. None: it did not come in time."""
    start = WithStartWorkflowOperation(
        MembershipWorkflow.run,
        asked,
        id=membership_workflow(asked.tenant, asked.membership_id),
        task_queue=shared.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,  # one that ended is told again from its row
        search_attributes=attributes.of_membership(asked.tenant, asked.customer_id, asked.currency),
        static_summary=f"Membership {asked.plan_id}/{asked.tier_id}",
    )
    try:
        async with reaching("membership"):
            return await shared.temporal.execute_update_with_start_workflow(
                MembershipWorkflow.begin, start_workflow_operation=start, rpc_timeout=_RPC
            )
    except StillRunning:
        return None


async def _handle(number: str, tenant: str, shared: Resources) -> Handle:
    async with shared.database.transaction(tenant) as session:
        if await memberships.find(session, number) is None:
            raise not_found("membership")
    return shared.temporal.get_workflow_handle(membership_workflow(tenant, number))


async def _read(number: str, tenant: str, shared: Resources) -> MembershipOut:
    async with shared.database.transaction(tenant) as session:
        row = await memberships.find(session, number)
        if row is None:
            raise not_found("membership")
        return await _out(session, row)


async def _out(session: AsyncSession, row: Membership) -> MembershipOut:
    periods = await memberships.periods(session, row.membership_id)
    action = None
    for period in periods:
        if period.state is PeriodState.DUE and period.payment_id is not None:
            payment = await session.get(Payment, (row.tenant_id, period.payment_id))
            if payment is not None and payment.client_secret:
                action = NextAction(client_secret=payment.client_secret, redirect_url=payment.action_url)
    return MembershipOut(
        id=row.membership_id,
        state=row.state,
        customer_id=row.customer_id,
        plan=row.plan_id,
        tier=row.tier_id,
        next_tier=row.next_tier_id,
        currency=row.currency,
        amount=row.amount_minor,
        ends_with_period=row.ends_with_period,
        period_ends_at=row.period_ends_at,
        benefits_until=row.benefits_until,
        card=row.card,
        next_action=action,
        needs_attention=row.attention_reason,
        reason=row.reason,
        reason_detail=row.reason_message,
        periods=[
            PeriodOut(
                number=one.period,
                tier=one.tier_id,
                state=one.state,
                amount=one.amount_minor,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
            )
            for one in periods
        ],
    )
