"""`/v1/customers`: what a shop's server does for one customer."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.exchange import Deed, Exchange
from api.problems import not_found
from api.resources import Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.customers import CustomerDataOut, CustomerTokenIn, CustomerTokenOut, ErasureOut, UnfinishedOut
from api.shopper import sign
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.erasure import EraseCustomer, ErasureState
from domain.ids import erasure_workflow
from models import customer_data
from workflows import attributes
from workflows.erasure import ErasureWorkflow

router = APIRouter(prefix="/v1/customers", tags=["customers"])

CustomerNumber = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Your own number of the customer.")]
_PROBLEMS: dict[int | str, dict[str, Any]] = {422: {"model": ProblemOut}}
_EXPORTING: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 422)}
_ERASING: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (422, 503)}


@router.post("/{customer_id}/tokens", status_code=201, response_model=CustomerTokenOut, responses=_PROBLEMS)
async def token(
    customer_id: CustomerNumber,
    tenant: Annotated[str, needs("customers:write")],
    shared: Shared,
    body: CustomerTokenIn | None = None,
) -> CustomerTokenOut:
    """For the page of a customer who has logged in with you: it is sent along as `Milepost-Customer-Token`."""
    lasts = (body or CustomerTokenIn()).expires_in
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=lasts)
    made = sign(shared.settings, tenant, customer_id, int(ends.timestamp()))
    return CustomerTokenOut(token=made, expires_at=ends)


@router.get("/{customer_id}/export", response_model=CustomerDataOut, responses=_EXPORTING)
async def export(
    customer_id: CustomerNumber, tenant: Annotated[str, needs("customers:export")], shared: Shared, request: Request
) -> CustomerDataOut:
    """Everything held about a customer, to be handed to them (GDPR, articles 15 and 20). It is in the audit log."""
    async with shared.database.transaction(tenant) as session:
        held = await customer_data.of_customer(session, customer_id)
    path = request.url.path
    found = (404, "not_found") if held is None else (200, None)
    Exchange.of(request).deeds = [Deed("GET /v1/customers/{customer_id}/export", path, *found)]
    if held is None:
        raise not_found("customer")
    return CustomerDataOut(customer_id=customer_id, at=datetime.now(UTC), records=held)


@router.post("/{customer_id}/erasure", response_model=ErasureOut, responses={202: {"model": ErasureOut}, **_ERASING})
async def erase(
    customer_id: CustomerNumber, tenant: Annotated[str, needs("customers:write")], shared: Shared, response: Response
) -> ErasureOut:
    """200: erased. 202: something is unfinished; it is erased by itself when that has ended. Repeats are harmless."""
    start = WithStartWorkflowOperation(
        ErasureWorkflow.run,
        EraseCustomer(tenant, customer_id),
        id=erasure_workflow(tenant, customer_id),
        task_queue=shared.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        search_attributes=attributes.of_erasure(tenant, customer_id),
        static_summary="Erasure of a customer's data",
    )
    try:
        async with reaching("erasure"):
            answer = await shared.temporal.execute_update_with_start_workflow(
                ErasureWorkflow.begin,
                start_workflow_operation=start,
                rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS),
            )
    except StillRunning:
        response.status_code = 202
        return ErasureOut(customer_id=customer_id, state=ErasureState.WAITING, unfinished=[])
    response.status_code = 200 if answer.state is ErasureState.ERASED else 202
    waits = [UnfinishedOut.model_validate(one) for one in answer.unfinished]
    return ErasureOut(customer_id=customer_id, state=answer.state, unfinished=waits)
