"""Price lists and their prices; and the rule of `domain/price_lists.py` as a part of a statement."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TenantRow, behind, now


class PriceList(TenantRow, Base):
    """A list of prices: for whom it is, and how it ranks.

    A new tenant gets the list `default` by a trigger: for everybody, at any time, in any currency, below all others.
    """

    __tablename__ = "price_lists"

    list_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    currency: Mapped[str | None] = mapped_column(sa.CHAR(3))
    """All its prices are in it (a trigger sees to it); None: in any."""
    countries: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default="{}")
    price_tier: Mapped[str | None]
    priority: Mapped[int] = mapped_column(server_default="0")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(server_default=sa.true())
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.CheckConstraint("priority BETWEEN 0 AND 1000000", name="priority"),
        sa.CheckConstraint("starts_at < ends_at", name="window"),
        sa.CheckConstraint("(list_id = 'default') = (priority = 0)", name="default_ranks_last"),
        sa.CheckConstraint(
            "list_id <> 'default' OR (active AND currency IS NULL AND countries = '{}'"
            " AND price_tier IS NULL AND starts_at IS NULL AND ends_at IS NULL)",
            name="default_is_for_all",
        ),
    )


class Price(TenantRow, Base):
    """What a piece costs in a currency by a list, in minor units; `compare_at_minor` is the price before a sale."""

    __tablename__ = "prices"

    sku: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), primary_key=True)
    list_id: Mapped[str] = mapped_column(primary_key=True, server_default="default")
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))
    compare_at_minor: Mapped[int | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "sku"], ["variants.tenant_id", "variants.sku"]),
        sa.ForeignKeyConstraint(["tenant_id", "list_id"], ["price_lists.tenant_id", "price_lists.list_id"]),
        sa.CheckConstraint("compare_at_minor > amount_minor", name="compare_at"),
        sa.Index("ix_prices_list", "tenant_id", "list_id", "sku"),
    )


RESOLVED = """
    SELECT p.amount_minor, p.compare_at_minor, p.list_id FROM prices p JOIN price_lists l USING (tenant_id, list_id)
    WHERE p.sku = asked.sku AND p.currency = asked.currency AND l.active
      AND (l.countries = '{}' OR asked.country = ANY (l.countries))
      AND (l.price_tier IS NULL OR l.price_tier = asked.price_tier)
      AND (l.starts_at IS NULL OR l.starts_at <= asked.at) AND (l.ends_at IS NULL OR asked.at < l.ends_at)
    ORDER BY l.priority DESC, p.amount_minor, p.list_id COLLATE "C" LIMIT 1"""
"""`domain.price_lists.resolve` for a row `asked (sku, currency, country, price_tier, at)` that stands beside it."""


async def find_list(session: AsyncSession, list_id: str, *, lock: bool = False) -> PriceList | None:
    """A list of this transaction's tenant, locked until its end if asked."""
    query = sa.select(PriceList).where(PriceList.list_id == list_id)
    row: PriceList | None = await session.scalar(query.with_for_update() if lock else query)
    return row


async def lists(session: AsyncSession, after: Sequence[object] | None, most: int) -> Sequence[PriceList]:
    """Lists, in the order in which they win, from behind a place on: (less the priority, `list_id`)."""
    order = (-PriceList.priority, PriceList.list_id)
    query = sa.select(PriceList).order_by(*order).limit(most)
    return (await session.scalars(query if after is None else query.where(behind(order, after)))).all()


async def prices_of(session: AsyncSession, list_id: str, after: Sequence[object] | None, most: int) -> Sequence[Price]:
    """Prices of a list, from behind a place on: (SKU, currency)."""
    order = (Price.sku, Price.currency)
    query = sa.select(Price).where(Price.list_id == list_id).order_by(*order).limit(most)
    return (await session.scalars(query if after is None else query.where(behind(order, after)))).all()


async def remove_list(session: AsyncSession, list_id: str) -> int:
    """Take a list away with its prices; how many those were. Orders keep what they cost."""
    gone = await session.execute(sa.delete(Price).where(Price.list_id == list_id).returning(Price.sku))
    count = len(gone.all())
    await session.execute(sa.delete(PriceList).where(PriceList.list_id == list_id))
    return count
