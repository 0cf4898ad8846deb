"""The terms of a drop, written and read; and how its SKUs and its line stand."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.drops import free_units
from domain.states import DropTicketState
from models.base import behind, now
from models.catalog import Variant
from models.drops import Drop, DropClaim, DropSku, DropTicket


class UnknownSkus(Exception):
    """SKUs that the catalog does not know."""

    def __init__(self, skus: Sequence[str]) -> None:
        super().__init__(", ".join(skus))
        self.skus = skus


class SkuTaken(Exception):
    """A SKU that is in another drop."""

    def __init__(self, sku: str, drop: str) -> None:
        super().__init__(f"{sku} is in {drop}")
        self.sku, self.drop = sku, drop


class TooFew(Exception):
    """An allotment below what is bought or promised, in units."""

    def __init__(self, sku: str, gone: int) -> None:
        super().__init__(f"{gone} of {sku} are gone")
        self.sku, self.gone = sku, gone


class StillSold(Exception):
    """A SKU that cannot leave the drop while the sale goes on, because some of it was sold."""

    def __init__(self, sku: str) -> None:
        super().__init__(sku)
        self.sku = sku


async def save(
    session: AsyncSession,
    tenant: str,
    drop_id: str,
    terms: Mapping[str, Any],
    skus: Mapping[str, int | None],
    *,
    new: bool,
) -> Drop | None:
    """Make a drop, or give one other terms; None when it is there with other terms, or is not there.

    The drop is locked meanwhile, so that nobody buys by half of its terms.
    """
    await _check(session, drop_id, skus)
    query = sa.select(Drop).where(Drop.drop_id == drop_id).with_for_update(key_share=True)
    found: Drop | None = await session.scalar(query)
    if new:
        if found is not None:
            return found if await _same(session, found, terms, skus) else None
        found = Drop(tenant_id=tenant, drop_id=drop_id, **terms)
        session.add(found)
    elif found is None:
        return None
    for name, value in terms.items():
        setattr(found, name, value)
    await session.flush()
    await _save_skus(session, found, skus)
    return found


async def _same(session: AsyncSession, drop: Drop, terms: Mapping[str, Any], skus: Mapping[str, int | None]) -> bool:
    there = await session.scalars(sa.select(DropSku).where(DropSku.drop_id == drop.drop_id))
    alike = all(getattr(drop, name) == value for name, value in terms.items())
    return alike and {one.sku: one.allotment for one in there} == dict(skus)


async def _check(session: AsyncSession, drop_id: str, skus: Mapping[str, int | None]) -> None:
    known = set(await session.scalars(sa.select(Variant.sku).where(Variant.sku.in_(skus))))
    if unknown := sorted(skus.keys() - known):
        raise UnknownSkus(unknown)
    query = sa.select(DropSku).where(DropSku.sku.in_(skus), DropSku.drop_id != drop_id).order_by(DropSku.sku).limit(1)
    if other := await session.scalar(query):
        raise SkuTaken(other.sku, other.drop_id)


async def _save_skus(session: AsyncSession, drop: Drop, skus: Mapping[str, int | None]) -> None:
    query = sa.select(DropSku).where(DropSku.drop_id == drop.drop_id).execution_options(populate_existing=True)
    there = {one.sku: one for one in await session.scalars(query)}
    over = bool(await session.scalar(sa.select(now() >= drop.closes_at)))
    for sku, row in there.items():
        if sku in skus:
            continue
        if not over and (row.taken or row.granted or row.waiting):
            raise StillSold(sku)
        await session.delete(row)
    for sku, allotment in skus.items():
        gone = there[sku].taken + there[sku].granted if sku in there else 0
        if allotment is not None and allotment < gone:
            raise TooFew(sku, gone)
        if sku in there:
            there[sku].allotment = allotment
        else:
            session.add(DropSku(tenant_id=drop.tenant_id, drop_id=drop.drop_id, sku=sku, allotment=allotment))
    await session.flush()


async def latest(session: AsyncSession, after: Sequence[object] | None, most: int) -> Sequence[Drop]:
    """Drops by their opening, the latest first, from behind a place on: (`opens_at`, `drop_id`)."""
    query = sa.select(Drop).order_by(Drop.opens_at.desc(), Drop.drop_id.desc()).limit(most)
    if after is not None:
        query = query.where(behind((Drop.opens_at, Drop.drop_id), after, descending=True))
    return (await session.scalars(query)).all()


async def units(session: AsyncSession, drop_id: str) -> tuple[list[tuple[DropSku, int]], datetime]:
    """Its SKUs, each with the units that nobody has and nobody is promised; and the database's clock."""
    query = (
        sa.select(DropSku, sa.func.drop_stock(DropSku.sku).label("stocked"), now().label("at"))
        .where(DropSku.drop_id == drop_id)
        .order_by(DropSku.sku)
        .execution_options(populate_existing=True)
    )
    rows = (await session.execute(query)).all()
    at: datetime = rows[0].at  # a drop has a SKU at least
    found = [
        (row.DropSku, free_units(row.DropSku.allotment, row.DropSku.taken, row.DropSku.granted, row.stocked))
        for row in rows
    ]
    return found, at


async def is_due(session: AsyncSession, drop_id: str) -> bool:
    """Whether something came back, or a grant has lapsed, that nobody has looked after yet."""
    back = sa.exists().where(DropClaim.drop_id == drop_id, sa.text("drop_claims.live < drop_claims.quantity"))
    late = sa.exists().where(
        DropTicket.drop_id == drop_id,
        sa.text("drop_tickets.state IN ('waiting', 'granted')"),
        (DropTicket.granted_until <= now()) | (Drop.closes_at <= now()),
    )
    query = sa.select(back | late).select_from(Drop).where(Drop.drop_id == drop_id)
    return bool(await session.scalar(query))


async def place(session: AsyncSession, drop_id: str, ticket_id: str) -> tuple[DropTicket, int] | None:
    """A place in the line of this drop, and how many wait up to there, itself among them."""
    query = sa.select(DropTicket).where(DropTicket.drop_id == drop_id, DropTicket.ticket_id == ticket_id)
    row: DropTicket | None = await session.scalar(query)
    if row is None:
        return None
    ahead = sa.select(sa.func.count()).where(
        DropTicket.drop_id == drop_id,
        DropTicket.sku == row.sku,
        DropTicket.state == DropTicketState.WAITING,
        DropTicket.place <= row.place,
    )
    return row, await session.scalar(ahead) or 0
