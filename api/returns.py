"""`/v1/orders/{number}/returns` and `/v1/returns/{id}`: ask to send something back, and move it on."""

import hashlib
from collections.abc import Sequence, Set
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.cursors import Cursors, CursorText, PageSize
from api.problems import REFUSAL_STATUS, Problem, not_found, unavailable
from api.resources import Caller, IdempotencyKey, Resources, Shared, caller_with, needs
from api.schemas.base import ProblemOut
from api.schemas.returns import (
    ExchangeOut,
    InspectIn,
    ReceiveIn,
    ReturnActIn,
    ReturnIn,
    ReturnLineIn,
    ReturnLineOut,
    ReturnOut,
    ReturnPageOut,
    ReturnStepOut,
)
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.ids import exchange_shipment_id, return_id, return_workflow
from domain.returns import (
    ExchangeState,
    Inspected,
    InspectReturn,
    ReturnAct,
    ReturnAnswer,
    ReturnInput,
    ReturnLine,
    ReturnPolicy,
    ReturnRefusal,
)
from domain.states import ReturnState, ShipmentState
from models import orders, parcels, returns, shipments
from models.parcels import ShipmentLine
from models.returns import Return
from settings import Settings
from workflows import attributes
from workflows.returns import ReturnWorkflow

router = APIRouter(tags=["returns"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 409, 422, 503)}
_ASKED = {202: {"model": ReturnOut}, **_PROBLEMS}
_WITHIN = timedelta(seconds=ANSWER_WITHIN_SECONDS)
Support = Annotated[Caller, caller_with("orders:act")]
Warehouse = Annotated[Caller, caller_with("shipments:act")]


@router.post("/v1/orders/{number}/returns", status_code=201, response_model=ReturnOut, responses=_ASKED)
async def ask(
    number: str, body: ReturnIn, key: IdempotencyKey, caller: Support, shared: Shared, response: Response
) -> ReturnOut:
    """Ask to send something back. The same key with the same body is the same return, as it stands now.

    201: written down, and approved if the policy does so. 202: ask again with the same key.
    """
    asked = await _input(number, body, key, caller, shared)
    answer = await _start(asked, shared)
    if answer is not None and answer.fingerprint != asked.fingerprint:
        detail = "This Idempotency-Key was used with another body. Send a new key for a new return."
        raise Problem(422, "idempotency_key_reused", detail)
    if answer is not None and answer.refusal is not None:
        raise _refused(answer.refusal)
    if answer is None:
        response.status_code = 202
    return await _read(asked.return_id, caller.tenant, shared)


@router.get("/v1/orders/{number}/returns", response_model=ReturnPageOut, responses=_PROBLEMS)
async def listed(
    number: str,
    tenant: Annotated[str, needs("orders:read")],
    shared: Shared,
    limit: PageSize = 50,
    cursor: CursorText = None,
) -> ReturnPageOut:
    """An order's returns, oldest first, a page at a time."""
    cursors, query = Cursors.of(shared.settings), {"list": "returns", "order": number}
    place = cursors.read(tenant, query, cursor) if cursor else None
    after = (datetime.fromisoformat(str(place[0])), str(place[1])) if place else None
    async with shared.database.transaction(tenant) as session:
        if await orders.find(session, number) is None:
            raise not_found("order")
        rows = await returns.page(session, number, after=after, most=limit + 1)
        items = [await _out(session, one, shared.settings) for one in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    following = cursors.make(tenant, query, [last.created_at.isoformat(), last.return_id]) if last else None
    return ReturnPageOut(items=items, next_cursor=following)


@router.get("/v1/returns/{number}", response_model=ReturnOut, responses=_PROBLEMS)
async def read(number: str, tenant: Annotated[str, needs("orders:read")], shared: Shared) -> ReturnOut:
    """A return: its lines, its label, what goes back, and who did what. Answers while Temporal is away."""
    return await _read(number, tenant, shared)


@router.post("/v1/returns/{number}/approve", response_model=ReturnOut, responses=_PROBLEMS)
async def approve(number: str, body: ReturnActIn, caller: Support, shared: Shared) -> ReturnOut:
    """It may come back: its label is bought."""
    return await _act(number, ReturnState.APPROVED, body, caller, shared)


@router.post("/v1/returns/{number}/reject", response_model=ReturnOut, responses=_PROBLEMS)
async def reject(number: str, body: ReturnActIn, caller: Support, shared: Shared) -> ReturnOut:
    """It may not come back."""
    return await _act(number, ReturnState.REJECTED, body, caller, shared)


@router.post("/v1/returns/{number}/cancel", response_model=ReturnOut, responses=_PROBLEMS)
async def cancel(number: str, body: ReturnActIn, caller: Support, shared: Shared) -> ReturnOut:
    """It does not come after all: its label is given back."""
    return await _act(number, ReturnState.CANCELLED, body, caller, shared)


@router.post("/v1/returns/{number}/receive", response_model=ReturnOut, responses=_PROBLEMS)
async def receive(number: str, caller: Warehouse, shared: Shared, body: ReceiveIn | None = None) -> ReturnOut:
    """The warehouse has it in hand. Said twice it is once."""
    return await _act(number, ReturnState.RECEIVED, body or ReceiveIn(), caller, shared)


@router.post("/v1/returns/{number}/inspect", response_model=ReturnOut, responses=_PROBLEMS)
async def inspect(number: str, body: InspectIn, caller: Warehouse, shared: Shared) -> ReturnOut:
    """What each piece turned out to be: for sale again, damaged but accepted, or not accepted. Then it is refunded."""
    async with shared.database.transaction(caller.tenant) as session:
        row = await returns.find(session, number)
        lines = await returns.lines(session, number)
    if row is None:
        raise not_found("return")
    if row.inspected_by is not None:
        return await _read(number, caller.tenant, shared)
    told = tuple(
        Inspected(one.shipment or _only([line.shipment_id for line in lines if line.sku == one.sku], one.sku), one.sku,
                  one.restock, one.damaged, one.rejected)
        for one in body.lines
    )  # fmt: skip
    asked = InspectReturn(caller.tenant, number, _actor(body.actor, caller), told, body.note)
    handle = shared.temporal.get_workflow_handle(return_workflow(caller.tenant, number))
    try:
        async with reaching("return"):
            await handle.execute_update(ReturnWorkflow.inspect, asked, rpc_timeout=_WITHIN)
    except StillRunning:
        raise unavailable("The order engine") from None
    return await _read(number, caller.tenant, shared)


async def _act(
    number: str, state: ReturnState, body: ReturnActIn | ReceiveIn, caller: Caller, shared: Resources
) -> ReturnOut:
    """Ask the workflow; what is so already is answered as it stands."""
    if (await _read(number, caller.tenant, shared)).state is not state:
        asked = ReturnAct(_actor(body.actor, caller), body.reason, state)
        handle = shared.temporal.get_workflow_handle(return_workflow(caller.tenant, number))
        try:
            async with reaching("return"):
                await handle.execute_update(ReturnWorkflow.act, asked, rpc_timeout=_WITHIN)
        except StillRunning:
            raise unavailable("The order engine") from None
    return await _read(number, caller.tenant, shared)


def _actor(named: str | None, caller: Caller) -> str:
    """Who it was, as the audit log names them; with a name of their own in front if they gave one."""
    return f"{named} ({caller.actor})" if named else caller.actor


def _only(found: Sequence[str], sku: str) -> str:
    if len(set(found)) != 1:
        why = "is in several parcels: say which" if found else "is not in it"
        raise Problem(422, "not_in_parcel", f"{sku} {why} (`shipment`).")
    return found[0]


def _refused(refusal: ReturnRefusal) -> Problem:
    known = {code.value: status for code, status in REFUSAL_STATUS.items()}
    status = 422 if refusal.code == "not_in_parcel" else known.get(refusal.code, 409)
    return Problem(status, refusal.code, f"{refusal.message[0].upper()}{refusal.message[1:]}.")


async def _input(number: str, body: ReturnIn, key: str, caller: Caller, shared: Resources) -> ReturnInput:
    async with shared.database.transaction(caller.tenant) as session:
        order = await orders.find(session, number)
        if order is None:
            raise not_found("order")
        sent = await parcels.lines(session, number)
        came = {
            one.shipment_id for one in await shipments.of_order(session, number) if one.state is ShipmentState.DELIVERED
        }
    return ReturnInput(
        tenant=caller.tenant,
        return_id=return_id(caller.tenant, number, key),
        fingerprint=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
        order_number=number,
        payment_id=order.payment_id,
        currency=order.currency,
        lines=tuple(_line(one, sent, came) for one in body.lines),
        actor=_actor(body.actor, caller),
        note=body.note,
        policy=policy_of(shared.settings),
    )


def _line(one: ReturnLineIn, sent: Sequence[ShipmentLine], came: Set[str]) -> ReturnLine:
    """Of the one parcel that came with it; of none that came: of the one that was sent, which is then refused."""
    found = [line.shipment_id for line in sent if line.sku == one.sku and line.quantity > line.cancelled]
    found = [parcel for parcel in found if parcel in came] or found
    return ReturnLine(one.shipment or _only(found, one.sku), one.sku, one.quantity, one.reason, one.exchange_for)


def policy_of(settings: Settings) -> ReturnPolicy:
    """The rules of a return that is asked for now."""
    return ReturnPolicy(
        window_seconds=settings.return_window,
        send_within_seconds=settings.return_send_within,
        inspect_within_seconds=settings.return_inspect_within,
        approve_up_to_minor=settings.return_approve_up_to,
        approve_reasons=settings.return_approve_reasons,
        shipping=settings.return_shipping,
        label=settings.return_label,
        unaccepted=settings.return_unaccepted,
    )


async def _start(asked: ReturnInput, shared: Resources) -> ReturnAnswer | None:
    """Begin the workflow, or join the one this key began. None: it has it in hand, and has not answered yet."""
    start = WithStartWorkflowOperation(
        ReturnWorkflow.run,
        asked,
        id=return_workflow(asked.tenant, asked.return_id),
        task_queue=shared.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        search_attributes=attributes.beside_order(asked.tenant, asked.order_number, "return"),
        static_summary=f"Return of order {asked.order_number}",
    )
    try:
        async with reaching("return"):
            return await shared.temporal.execute_update_with_start_workflow(
                ReturnWorkflow.begin, start_workflow_operation=start, id="begin", rpc_timeout=_WITHIN
            )
    except StillRunning:
        return None
    except WorkflowAlreadyStartedError:
        handle = shared.temporal.get_workflow_handle(
            return_workflow(asked.tenant, asked.return_id), result_type=ReturnAnswer
        )
        async with reaching("return"):
            answer: ReturnAnswer = await handle.result(rpc_timeout=_WITHIN)
        return answer


async def _read(number: str, tenant: str, shared: Resources) -> ReturnOut:
    async with shared.database.transaction(tenant) as session:
        row = await returns.find(session, number)
        if row is None:
            raise not_found("return")
        return await _out(session, row, shared.settings)


def _exchange(row: Return) -> ExchangeOut | None:
    if row.exchange_state is None:
        return None
    sent = row.exchange_state is ExchangeState.SENT
    number = exchange_shipment_id(row.return_id) if sent else None
    return ExchangeOut(state=row.exchange_state, location=row.exchange_location_id, shipment=number)


async def _out(session: AsyncSession, row: Return, settings: Settings) -> ReturnOut:
    workflow, ui = quote(return_workflow(row.tenant_id, row.return_id), safe=""), settings.temporal_ui_url
    return ReturnOut(
        id=row.return_id,
        order_number=row.order_number,
        state=row.state,
        lines=[
            ReturnLineOut(
                shipment=one.shipment_id,
                sku=one.sku,
                quantity=one.quantity,
                reason=one.reason,
                restocked=one.restocked,
                damaged=one.damaged,
                rejected=one.rejected,
                gross=one.gross_minor,
                tax=one.tax_minor,
                exchange_for=one.exchange_for,
                exchange_price=one.exchange_gross_minor,
                exchanged=one.exchanged,
                exchanged_value=one.exchanged_minor,
            )
            for one in await returns.lines(session, row.return_id)
        ],
        location=row.location_id,
        due_at=row.due_at,
        label_url=row.label_url,
        tracking_number=row.tracking_number,
        tracking_url=row.tracking_url,
        refund=row.refund_minor,
        refund_id=row.refund_id,
        goods=row.goods_minor,
        shipping=row.shipping_minor,
        label_charge=row.label_charge_minor,
        exchange=_exchange(row),
        created_at=row.created_at,
        ended_at=row.ended_at,
        steps=[
            ReturnStepOut(state=one.reached, actor=one.actor, note=one.note, at=one.at)
            for one in await returns.steps(session, row.return_id)
        ],
        support_url=f"{ui}/namespaces/default/workflows/{workflow}" if ui else None,
    )
