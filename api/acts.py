"""`/v1/orders/{number}/hold` and the like: the acts of `domain/support.py`, one route each, signed by who asks."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header

from api.orders import read_order
from api.resources import Caller, Resources, Shared, caller_with
from api.schemas.acts import ActIn, AddressChangeIn, ResolveIn
from api.schemas.base import ProblemOut
from api.schemas.orders import OrderOut
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.addresses import ChangeAddress
from domain.checkouts import CancelRequest
from domain.ids import order_workflow
from domain.parcels import PostalAddress
from domain.resolving import Resolve
from domain.support import ORDER_ACTS, Act, OrderFacts, Resolution, act_of

router = APIRouter(prefix="/v1/orders", tags=["support"])

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
Support = Annotated[Caller, caller_with("orders:act")]

_WITHIN = timedelta(seconds=ANSWER_WITHIN_SECONDS)
_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 409, 422, 503)}


async def act_on_order(
    number: str, act: str, request: object, key: str | None, caller: Caller, shared: Resources
) -> OrderOut:
    """Ask the order's workflow; the same key is the same act. Raises the problem that there is."""
    await read_order(number, caller.tenant, shared)
    handle = shared.temporal.get_workflow_handle(order_workflow(caller.tenant, number))
    try:
        async with reaching("order"):
            await handle.execute_update(act, request, id=f"{act}/{key or uuid.uuid4().hex}", rpc_timeout=_WITHIN)
    except StillRunning:
        pass
    return await read_order(number, caller.tenant, shared)


def _route(act: Act[OrderFacts]) -> Callable[..., Awaitable[OrderOut]]:
    async def do(number: str, body: ActIn, caller: Support, shared: Shared, key: Key = None) -> OrderOut:
        request = CancelRequest(caller.actor, body.reason, key=key or "")
        return await act_on_order(number, act.name, request, key, caller, shared)

    do.__name__ = act.name
    do.__doc__ = act.help
    return do


for _act in ORDER_ACTS:
    if _act.takes_reason_only:
        router.post(f"/{{number}}/{_act.path}", response_model=OrderOut, responses=_PROBLEMS)(_route(_act))


@router.post(
    "/{number}/change-address",
    response_model=OrderOut,
    responses=_PROBLEMS,
    description=act_of("change_address").help,
)
async def change_address(
    number: str, body: AddressChangeIn, caller: Support, shared: Shared, key: Key = None
) -> OrderOut:
    """As `domain/support.py` says."""
    asked = ChangeAddress(caller.actor, body.reason, PostalAddress(**body.address.model_dump()), key or "")
    return await act_on_order(number, "change_address", asked, key, caller, shared)


@router.post("/{number}/resolve", response_model=OrderOut, responses=_PROBLEMS, description=act_of("resolve").help)
async def resolve(number: str, body: ResolveIn, caller: Support, shared: Shared, key: Key = None) -> OrderOut:
    """As `domain/support.py` says."""
    asked = Resolve(caller.actor, body.reason, body.parcel, Resolution(body.how), body.until, key or "")
    return await act_on_order(number, "resolve", asked, key, caller, shared)
