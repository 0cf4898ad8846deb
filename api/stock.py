"""`/v1/stock` and `/v1/locations`: how many are where; a count or an adjustment, never a blind overwrite."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter

from api.problems import Problem, not_found
from api.resources import IdempotencyKey, Shared, needs
from api.schemas.base import ProblemOut, Sku
from api.schemas.stock import AdjustmentIn, CountIn, LevelOut, LocationOut, SoldLevelOut, StockOut, Terms, TermsIn
from domain.states import MovementKind
from domain.stock import StockOutcome, StockTerms, StockUpdate, TermsUpdate
from models import stock, stock_terms

router = APIRouter(prefix="/v1", tags=["stock"])

_READ: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 422)}
_WRITE: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 409, 422)}


@router.get("/locations", response_model=list[LocationOut])
async def locations(tenant: Annotated[str, needs("stock:read")], shared: Shared) -> list[LocationOut]:
    """Where stock is, in the order in which a cart is looked for."""
    async with shared.database.transaction(tenant) as session:
        found = await stock.locations(session)
    return [LocationOut(id=one.location_id, name=one.name, priority=one.priority) for one in found]


@router.get("/stock/{sku}", response_model=StockOut, responses=_READ)
async def read(sku: Sku, tenant: Annotated[str, needs("stock:read")], shared: Shared) -> StockOut:
    """The levels of a SKU, location by location. A location that never had any is left out."""
    async with shared.database.transaction(tenant) as session:
        found = await stock.levels(session, sku)
    if found is None:
        raise not_found("SKU")
    return StockOut(sku=sku, levels=[_sold(one.location_id, sku, stock_terms.as_it_is(one)) for one in found])


@router.put("/stock/{location}/{sku}", response_model=LevelOut, responses=_WRITE)
async def count(
    location: Sku, sku: Sku, body: CountIn, tenant: Annotated[str, needs("stock:write")], shared: Shared
) -> LevelOut:
    """So many were counted, where `expected` were on hand until now; 0 where there were never any.

    Refused when the level is another one by now: read it again, count again. Sent twice by mistake it is refused too,
    unless nothing changes by it.
    """
    async with shared.database.transaction(tenant) as session:
        answer = await stock.count(
            session, location, sku, counted=body.count, expected=body.expected, reason=body.reason
        )
    return _answer(location, sku, answer)


@router.post("/stock/{location}/{sku}/adjustments", status_code=201, response_model=LevelOut, responses=_WRITE)
async def adjust(
    location: Sku,
    sku: Sku,
    body: AdjustmentIn,
    key: IdempotencyKey,
    tenant: Annotated[str, needs("stock:write")],
    shared: Shared,
) -> LevelOut:
    """So many more, or fewer, whatever the level is. The same key and body happen once, and are answered alike."""
    content = f"{location}/{sku}/{body.model_dump_json()}"
    async with shared.database.transaction(tenant) as session:
        answer = await stock.adjust(
            session,
            location,
            sku,
            kind=MovementKind(body.kind),
            quantity=body.quantity,
            reason=body.reason,
            key=key,
            fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        )
    return _answer(location, sku, answer)


@router.put("/stock/{location}/{sku}/terms", response_model=SoldLevelOut, responses=_WRITE)
async def set_terms(
    location: Sku, sku: Sku, body: TermsIn, tenant: Annotated[str, needs("stock:write")], shared: Shared
) -> SoldLevelOut:
    """How a level is sold from now on: its safety stock, and how many units beyond those that are there.

    Refused when its terms are no longer those expected: read them again. Units that come free by it go to orders that
    wait for them.
    """
    async with shared.database.transaction(tenant) as session:
        answer = await stock_terms.set_terms(session, location, sku, _terms(body), _terms(body.expected))
    if answer.outcome is StockOutcome.STOCK_CHANGED:
        facts = {name: str(getattr(answer.terms, name) or 0) for name in ("safety_stock", "backorder_limit")}
        detail = "The terms are others by now. Read the level, and send its terms as `expected`."
        raise Problem(409, "stock_changed", detail, facts=facts)
    if answer.outcome is StockOutcome.BELOW_BACKORDERED:
        detail = f"{answer.backordered} are backordered already; the limit cannot be lower. Receive stock first."
        raise Problem(409, "below_backordered", detail, facts={"backordered": str(answer.backordered)})
    _known(answer.outcome)
    return _sold(location, sku, answer)


def _terms(body: Terms) -> StockTerms:
    return StockTerms(body.safety_stock, body.backorder_limit, body.backorder_kind, body.expected_on)


def _known(outcome: StockOutcome) -> None:
    """404 for what is not."""
    if outcome is StockOutcome.UNKNOWN_LOCATION:
        raise not_found("location")
    if outcome is StockOutcome.UNKNOWN_SKU:
        raise not_found("SKU")


def _answer(location: str, sku: str, update: StockUpdate) -> LevelOut:
    """The level after it; or the problem that kept it as it was."""
    facts = {"on_hand": str(update.on_hand), "reserved": str(update.reserved)}
    _known(update.outcome)
    match update.outcome:
        case StockOutcome.KEY_REUSED:
            detail = "This Idempotency-Key was used with another body. Send a new key for a new adjustment."
            raise Problem(422, "idempotency_key_reused", detail)
        case StockOutcome.STOCK_CHANGED:
            detail = f"{update.on_hand} are on hand by now, which is not what was expected. Read, and count again."
            raise Problem(409, "stock_changed", detail, facts=facts)
        case StockOutcome.BELOW_RESERVED:
            detail = f"Of {update.on_hand} on hand {update.reserved} are reserved; fewer than those cannot remain."
            raise Problem(409, "below_reserved", detail, facts=facts)
        case _:
            available = max(update.on_hand - update.reserved, 0)
            return LevelOut(
                location=location, sku=sku, on_hand=update.on_hand, reserved=update.reserved, available=available
            )


def _sold(location: str, sku: str, level: TermsUpdate) -> SoldLevelOut:
    return SoldLevelOut(
        location=location,
        sku=sku,
        on_hand=level.on_hand,
        reserved=level.reserved,
        available=max(level.on_hand - level.reserved, 0),
        backordered=level.backordered,
        safety_stock=level.terms.safety_stock,
        backorder_limit=level.terms.backorder_limit,
        backorder_kind=level.terms.backorder_kind,
        expected_on=level.terms.expected_on,
        sellable=level.sellable,
    )
