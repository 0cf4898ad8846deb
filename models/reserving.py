"""Reserves stock for many carts in one round trip: all of a cart or nothing, in order of arrival."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.pricing import CartLine
from domain.sourcing import Shelf, Take, source
from domain.stock import Backordered
from models.driver import Statement, ask
from models.stock import Location, StockLevel

RESERVE = (
    "SELECT short, undecided FROM reserve_carts(CAST(%(carts)s AS text[]), CAST(%(skus)s AS text[]),"
    " CAST(%(quantities)s AS bigint[]), CAST(%(expires)s AS timestamptz[]))"
)
_HOLD = sa.text(
    "SELECT hold_units(CAST(:carts AS text[]), CAST(:skus AS text[]), CAST(:places AS text[]),"
    " CAST(:quantities AS bigint[]), CAST(:beyond AS bigint[]), CAST(:expires AS timestamptz[]))"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one checkout wants held until then: its lines, one a SKU."""

    checkout_id: str
    lines: Sequence[CartLine]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Reserved:
    """Who got nothing; and, of those who got everything, what is yet to come."""

    short: frozenset[str]
    backordered: dict[str, tuple[Backordered, ...]]


async def reserve_many(session: AsyncSession, wishes: Sequence[Wish]) -> Reserved:
    """Hold what each checkout wants, in this order, or nothing of it.

    One round trip as long as there is plenty; carts at the end of the stock, or from several places, are looked at
    closer (`domain/sourcing.py`) while their levels are locked. Rows are locked in the order of SKU and location, so
    that no two can wait for each other. Asking again for a checkout that has something changes nothing.
    """
    (row,) = await ask(session, Statement(RESERVE, columns(wishes)))
    short, undecided = set(row.short or ()), set(row.undecided or ())
    if not undecided:
        return Reserved(frozenset(short), {})
    closer, backordered = await _source(session, [one for one in wishes if one.checkout_id in undecided])
    return Reserved(frozenset(short | closer), backordered)


def columns(wishes: Sequence[Wish]) -> dict[str, list[Any]]:
    """What `reserve_carts` is asked, line by line."""
    lines = [(one, line) for one in wishes for line in one.lines]
    return {
        "carts": [one.checkout_id for one, _ in lines],
        "skus": [line.sku for _, line in lines],
        "quantities": [line.quantity for _, line in lines],
        "expires": [one.expires_at for one, _ in lines],
    }


async def _source(session: AsyncSession, wishes: Sequence[Wish]) -> tuple[set[str], dict[str, tuple[Backordered, ...]]]:
    """One cart after the other from what is on the shelves, which are locked: who got nothing, and what is to come."""
    levels = await _levels(session, {line.sku for one in wishes for line in one.lines})
    shelves: dict[str, dict[str, Shelf]] = defaultdict(dict)
    for level in levels.values():
        room = max(level.backorder_limit - level.backordered, 0)
        shelves[level.location_id][level.sku] = Shelf(level.free, room)
    short: set[str] = set()
    taken: list[tuple[Wish, Take]] = []
    for one in wishes:
        if takes := source(one.lines, shelves):
            taken += [(one, take) for take in takes]
        else:
            short.add(one.checkout_id)
    await _hold(session, taken)
    backordered: dict[str, tuple[Backordered, ...]] = {}
    for one, take in taken:
        if take.backordered:
            level = levels[take.place, take.sku]
            promise = Backordered(take.sku, take.backordered, level.backorder_kind, level.expected_on)
            backordered[one.checkout_id] = (*backordered.get(one.checkout_id, ()), promise)
    return short, backordered


async def _levels(session: AsyncSession, skus: set[str]) -> dict[tuple[str, str], StockLevel]:
    """By location and SKU, in the order in which locations are asked; as they are now."""
    query = (
        sa.select(StockLevel)
        .join(Location, (Location.tenant_id == StockLevel.tenant_id) & (Location.location_id == StockLevel.location_id))
        .where(StockLevel.sku.in_(skus))
        .order_by(Location.priority, Location.location_id)
        .execution_options(populate_existing=True)
    )
    return {(one.location_id, one.sku): one for one in await session.scalars(query)}


async def _hold(session: AsyncSession, taken: Sequence[tuple[Wish, Take]]) -> None:
    if taken:
        columns = {
            "carts": [one.checkout_id for one, _ in taken],
            "skus": [take.sku for _, take in taken],
            "places": [take.place for _, take in taken],
            "quantities": [take.quantity for _, take in taken],
            "beyond": [take.backordered for _, take in taken],
            "expires": [one.expires_at for one, _ in taken],
        }
        await session.execute(_HOLD, columns)
