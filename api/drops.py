"""`/v1/drops`: limited editions: made, edited, read; and where somebody stands in the line for one."""

from datetime import timedelta
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.service import RPCError

from api.etags import CONDITIONAL, IfMatch, must_match, tag_of
from api.pages import PAGED, Paged
from api.problems import Problem, not_found
from api.resources import Resources, Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.drops import DropId, DropIn, DropOut, DropPageOut, DropSkuOut, DropTerms, PlaceOut
from domain.drops import LineLook, stage
from domain.ids import drop_line_workflow
from domain.states import DropTicketState
from models import drop_terms, drops
from models.base import one_at_a_time
from models.drop_terms import SkuTaken, StillSold, TooFew, UnknownSkus
from models.drops import Drop
from workflows import attributes
from workflows.drop_line import DropLineWorkflow

router = APIRouter(prefix="/v1/drops", tags=["drops"])
log = structlog.get_logger()

_READ: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 422)}
_WRITE: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 409, 422)}


@router.post("", status_code=201, response_model=DropOut, responses=_WRITE)
async def create(
    body: DropIn, tenant: Annotated[str, needs("drops:write")], shared: Shared, response: Response
) -> DropOut:
    """Put a limited edition on sale at an instant. Sent again with the same terms it is the same drop."""
    out = await _save(body.id, body, tenant, shared)
    response.headers["ETag"] = _tag(out)
    return out


@router.put("/{drop}", response_model=DropOut, responses=_WRITE | CONDITIONAL)
async def edit(
    drop: DropId,
    body: DropTerms,
    tenant: Annotated[str, needs("drops:write")],
    shared: Shared,
    response: Response,
    if_match: IfMatch = None,
) -> DropOut:
    """Other terms from now on: all of them are sent, with `If-Match`. What was bought stays bought, who has a place
    keeps it."""
    out = await _save(drop, body, tenant, shared, seen=(if_match,))
    response.headers["ETag"] = _tag(out)
    return out


@router.get("", response_model=DropPageOut, responses=PAGED)
async def listed(tenant: Annotated[str, needs("drops:read")], shared: Shared, page: Paged) -> DropPageOut:
    """Drops by their opening, the latest first, a page at a time."""
    after = page.after(tenant, "drops")
    async with shared.database.transaction(tenant) as session:
        found = await drop_terms.latest(session, after, page.limit + 1)
        shown, more = page.cut(tenant, "drops", found, lambda one: [one.opens_at.isoformat(), one.drop_id])
        return DropPageOut(items=[await _out(session, one) for one in shown], next_cursor=more)


@router.get("/{drop}", response_model=DropOut, responses=_READ)
async def read(
    drop: DropId, tenant: Annotated[str, needs("drops:read")], shared: Shared, response: Response
) -> DropOut:
    """A drop, and how it stands, with the `ETag` of its terms."""
    async with shared.database.transaction(tenant) as session:
        found = await session.get(Drop, (tenant, drop))
        if found is None:
            raise not_found("drop")
        out = await _out(session, found)
    response.headers["ETag"] = _tag(out)
    return out


@router.get("/{drop}/line/{ticket}", response_model=PlaceOut, responses=_READ)
async def place(drop: DropId, ticket: str, tenant: Annotated[str, needs("checkouts:read")], shared: Shared) -> PlaceOut:
    """Where somebody stands in the line. What has come back until now is given to those in line before it answers."""
    async with shared.database.transaction(tenant) as session:
        if await drop_terms.is_due(session, drop):
            await drops.look_after(session, drop)
        found = await drop_terms.place(session, drop, ticket)
    if found is None:
        raise not_found("place in the line of this drop")
    row, position = found
    granted = row.state is DropTicketState.GRANTED
    return PlaceOut(
        ticket=row.ticket_id,
        sku=row.sku,
        quantity=row.quantity,
        state=row.state,
        position=position if row.state is DropTicketState.WAITING else None,
        kept_until=row.granted_until if granted else None,
    )


async def _save(
    drop: str, body: DropTerms, tenant: str, shared: Resources, *, seen: tuple[str | None] | None = None
) -> DropOut:
    """Make it; or change it, where the header of who has `seen` it is given. Who edits a drop waits for who does so."""
    new = seen is None
    terms = body.model_dump(exclude={"id", "skus", "limit_per_customer"})
    skus = {one.sku: one.allotment for one in body.skus}
    try:
        async with shared.database.transaction(tenant) as session:
            await one_at_a_time(session, f"drops/{drop}")
            if seen is not None:
                known = await session.get(Drop, (tenant, drop))
                if known is None:
                    raise not_found("drop")
                must_match(*seen, _tag(await _out(session, known)))
            saved = await drop_terms.save(
                session, tenant, drop, {**terms, "customer_limit": body.limit_per_customer}, skus, new=new
            )
            if saved is None:
                raise _exists(drop) if new else not_found("drop")
            await session.refresh(saved)
            await drops.look_after(session, drop)
            out = await _out(session, saved)
    except UnknownSkus as unknown:
        detail = f"We do not know {', '.join(unknown.skus)}."
        raise Problem(422, "unknown_sku", detail, facts={"skus": ",".join(unknown.skus)}) from None
    except SkuTaken as taken:
        detail = f"{taken.sku} is in the drop {taken.drop}; a SKU is in one drop at a time. Take it out there first."
        raise Problem(409, "sku_in_another_drop", detail, facts={"sku": taken.sku, "drop": taken.drop}) from None
    except TooFew as few:
        detail = f"Of {few.sku} {few.gone} units are bought or promised; fewer than those cannot be its allotment."
        raise Problem(409, "allotment_below_taken", detail, facts={"sku": few.sku, "taken": str(few.gone)}) from None
    except StillSold as sold:
        detail = f"Units of {sold.sku} were sold in this drop; it stays in it until the sale is over."
        raise Problem(409, "sku_still_sold", detail, facts={"sku": sold.sku}) from None
    await _look_after(tenant, drop, shared)
    return out


def _tag(shown: DropOut) -> str:
    """Of its terms: a sale that goes on does not change it."""
    return tag_of(shown, without={"stage": True, "skus": {"__all__": {"taken", "granted", "waiting", "left"}}})


def _exists(drop: str) -> Problem:
    return Problem(409, "drop_exists", f"There is a drop {drop} with other terms. Edit it: PUT /v1/drops/{drop}.")


async def _look_after(tenant: str, drop: str, shared: Resources) -> None:
    """Begin the workflow of its line, or tell it. With Temporal away the sweeper does it in five minutes."""
    try:
        await shared.temporal.start_workflow(
            DropLineWorkflow.run,
            LineLook(tenant, drop),
            id=drop_line_workflow(tenant, drop),
            task_queue=shared.settings.task_queue,
            start_signal="edited",
            search_attributes=attributes.beside_order(tenant, None, "drop"),
            static_summary=f"Line of drop {drop}",
            rpc_timeout=timedelta(seconds=5),
        )
    except (RPCError, RuntimeError) as away:
        log.warning("the line's workflow waits for the sweeper", tenant=tenant, drop=drop, why=type(away).__name__)


async def _out(session: AsyncSession, drop: Drop) -> DropOut:
    units, at = await drop_terms.units(session, drop.drop_id)
    return DropOut(
        id=drop.drop_id,
        title=drop.title,
        stage=stage(drop.opens_at, drop.closes_at, at),
        opens_at=drop.opens_at,
        closes_at=drop.closes_at,
        skus=[
            DropSkuOut(
                sku=one.sku,
                allotment=one.allotment,
                taken=one.taken,
                granted=one.granted,
                waiting=one.waiting,
                left=max(left, 0),
            )
            for one, left in units
        ],
        early_access=drop.early_access,
        entitlement=drop.entitlement,
        limit_per_customer=drop.customer_limit,
        line_length=drop.line_length,
        grant_seconds=drop.grant_seconds,
    )
