"""How a level is sold: units kept back, and units sold before they are there."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.stock import BackorderKind, StockOutcome, StockTerms, TermsUpdate
from models.base import RowMissing, now
from models.stock import Location, StockLevel


async def set_terms(
    session: AsyncSession, location_id: str, sku: str, terms: StockTerms, expected: StockTerms
) -> TermsUpdate:
    """How a level is sold from now on, if until now it was as `expected`; a level that is not there yet is made.

    Units that come free by it go to those who wait. A limit below what is backordered already is refused.
    """
    level = await _locked(session, location_id, sku)
    if level is None:
        if outcome := await _unknown(session, location_id, sku):
            return TermsUpdate(outcome, StockTerms())
        own = {"location_id": location_id, "sku": sku, "on_hand": 0}
        await session.execute(
            insert(StockLevel).values(tenant_id=sa.func.current_tenant(), **own).on_conflict_do_nothing()
        )
        level = await _locked(session, location_id, sku)
    if level is None:
        raise RowMissing(f"the level of {sku} at {location_id} is gone")
    if terms_of(level) != expected:
        return as_it_is(level, StockOutcome.STOCK_CHANGED)
    if terms.backorder_limit < level.backordered:
        return as_it_is(level, StockOutcome.BELOW_BACKORDERED)
    level.safety_stock, level.backorder_limit = terms.safety_stock, terms.backorder_limit
    level.backorder_kind, level.expected_on = terms.backorder_kind, terms.expected_on
    await session.flush()
    await session.execute(sa.select(sa.func.cover_stock(location_id, sku, "less safety stock")))
    await session.refresh(level)
    return as_it_is(level, StockOutcome.DONE)


async def release(session: AsyncSession) -> list[str]:
    """Preorders whose day has come, by the database's clock in UTC, are sold like anything else from now on.

    What is there goes to those who wait, first come first served; the limit is down to those who wait still. The SKUs.
    """
    day = sa.func.timezone("UTC", now()).cast(sa.Date())
    due = (StockLevel.backorder_kind == BackorderKind.PREORDER) & (StockLevel.expected_on <= day)
    query = sa.select(StockLevel).where(due).order_by(StockLevel.sku, StockLevel.location_id)
    levels = (await session.scalars(query.with_for_update(key_share=True))).all()
    for level in levels:
        level.backorder_kind = BackorderKind.BACKORDER
        await session.flush()
        await session.execute(sa.select(sa.func.cover_stock(level.location_id, level.sku, "released")))
        await session.refresh(level)
        level.backorder_limit = level.backordered
        if not level.backordered:
            level.expected_on = None
        await session.flush()
    return [level.sku for level in levels]


def terms_of(level: StockLevel) -> StockTerms:
    """How it is sold."""
    return StockTerms(level.safety_stock, level.backorder_limit, level.backorder_kind, level.expected_on)


def as_it_is(level: StockLevel, outcome: StockOutcome = StockOutcome.DONE) -> TermsUpdate:
    """A level and how it is sold; nothing was changed, or what is told by `outcome`."""
    sellable = level.free + level.backorder_limit - level.backordered
    return TermsUpdate(outcome, terms_of(level), level.on_hand, level.reserved, level.backordered, sellable)


async def _locked(session: AsyncSession, location_id: str, sku: str) -> StockLevel | None:
    query = sa.select(StockLevel).where(StockLevel.location_id == location_id, StockLevel.sku == sku)
    row: StockLevel | None = await session.scalar(
        query.with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    return row


async def _unknown(session: AsyncSession, location_id: str, sku: str) -> StockOutcome | None:
    if await session.scalar(sa.select(Location.location_id).where(Location.location_id == location_id)) is None:
        return StockOutcome.UNKNOWN_LOCATION
    variants = sa.table("variants", sa.column("sku", sa.Text()))
    if await session.scalar(sa.select(variants.c.sku).where(variants.c.sku == sku)) is None:
        return StockOutcome.UNKNOWN_SKU
    return None
