"""`/v1/stock` and `/v1/locations`: how many are where; a count or an adjustment, never a blind overwrite."""

import hashlib
from typing import Any

from fastapi import APIRouter

from api.problems import Problem, not_found
from api.resources import Asker, IdempotencyKey, Shared
from api.schemas import AdjustmentIn, CountIn, LevelOut, LocationOut, ProblemOut, Sku, StockOut
from domain.states import MovementKind
from domain.stock import StockOutcome, StockUpdate
from models import stock

router = APIRouter(prefix="/v1", tags=["stock"])

_READ: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 422)}
_WRITE: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 409, 422)}


@router.get("/locations", response_model=list[LocationOut])
async def locations(tenant: Asker, shared: Shared) -> list[LocationOut]:
    """Where stock is, in the order in which a cart is looked for."""
    async with shared.database.transaction(tenant) as session:
        found = await stock.locations(session)
    return [LocationOut(id=one.location_id, name=one.name, priority=one.priority) for one in found]


@router.get("/stock/{sku}", response_model=StockOut, responses=_READ)
async def read(sku: Sku, tenant: Asker, shared: Shared) -> StockOut:
    """The levels of a SKU, location by location. A location that never had any is left out."""
    async with shared.database.transaction(tenant) as session:
        found = await stock.levels(session, sku)
    if found is None:
        raise not_found("SKU")
    return StockOut(sku=sku, levels=[_level(one.location_id, sku, one.on_hand, one.reserved) for one in found])


@router.put("/stock/{location}/{sku}", response_model=LevelOut, responses=_WRITE)
async def count(location: Sku, sku: Sku, body: CountIn, tenant: Asker, shared: Shared) -> LevelOut:
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
    location: Sku, sku: Sku, body: AdjustmentIn, key: IdempotencyKey, tenant: Asker, shared: Shared
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


def _answer(location: str, sku: str, update: StockUpdate) -> LevelOut:
    """The level after it; or the problem that kept it as it was."""
    facts = {"on_hand": str(update.on_hand), "reserved": str(update.reserved)}
    match update.outcome:
        case StockOutcome.DONE:
            return _level(location, sku, update.on_hand, update.reserved)
        case StockOutcome.UNKNOWN_LOCATION:
            raise not_found("location")
        case StockOutcome.UNKNOWN_SKU:
            raise not_found("SKU")
        case StockOutcome.KEY_REUSED:
            detail = "This Idempotency-Key was used with another body. Send a new key for a new adjustment."
            raise Problem(422, "idempotency_key_reused", detail)
        case StockOutcome.STOCK_CHANGED:
            detail = f"{update.on_hand} are on hand by now, which is not what was expected. Read, and count again."
            raise Problem(409, "stock_changed", detail, facts=facts)
        case StockOutcome.BELOW_RESERVED:
            detail = f"Of {update.on_hand} on hand {update.reserved} are reserved; fewer than those cannot remain."
            raise Problem(409, "below_reserved", detail, facts=facts)


def _level(location: str, sku: str, on_hand: int, reserved: int) -> LevelOut:
    return LevelOut(location=location, sku=sku, on_hand=on_hand, reserved=reserved, available=on_hand - reserved)
