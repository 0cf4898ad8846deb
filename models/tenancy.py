"""Tenants, and the numbers of their orders."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowMissing, TenantRow, now


class Tenant(Base):
    """A merchant. Everything belongs to one."""

    __tablename__ = "tenants"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (sa.CheckConstraint("tenant_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name="tenant_id"),)


class OrderCounter(TenantRow, Base):
    """The last order number given; taken last in a transaction, so that its row is locked for a moment only."""

    __tablename__ = "order_counters"

    last_number: Mapped[int]


async def next_order_number(session: AsyncSession, tenant: str) -> str:
    """The tenant's next order number, without gaps; waits for one being given at this moment."""
    number = await session.scalar(
        sa.update(OrderCounter)
        .where(OrderCounter.tenant_id == tenant)
        .values(last_number=OrderCounter.last_number + 1)
        .returning(OrderCounter.last_number)
    )
    if number is None:
        raise RowMissing(f"tenant {tenant} has no order counter: `milepost seed` or the tenant's set-up makes one")
    return str(number)


async def all_tenants(session: AsyncSession) -> list[str]:
    """Every tenant's id, for scheduled work. A security-definer function answers: no tenant is set."""
    return list(await session.scalars(sa.text("SELECT all_tenants()")))
