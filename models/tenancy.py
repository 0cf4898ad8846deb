"""Tenants, and the numbers of their orders."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowMissing, TenantRow, now
from models.database import Database

_NUMBER = sa.text("SELECT order_number_for(:tenant, :checkout)")


class Tenant(Base):
    """A merchant. Everything belongs to one."""

    __tablename__ = "tenants"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (sa.CheckConstraint("tenant_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name="tenant_id"),)


class OrderCounter(TenantRow, Base):
    """The last order number given; in a statement of its own, so that its row is locked for a moment only."""

    __tablename__ = "order_counters"

    last_number: Mapped[int]


async def order_number_for(database: Database, tenant: str, checkout_id: str) -> str:
    """The number of a checkout's order: the tenant's next, and the same one each time it is asked for.

    Not within a transaction: the counter, which all orders of the tenant want, is locked for one statement. There are
    no gaps but where no order follows. Raises `RowMissing` for an unknown checkout, or a tenant without a counter.
    """
    async with database.one_statement() as connection:
        number = await connection.scalar(_NUMBER, {"tenant": tenant, "checkout": checkout_id})
    if number is None:
        raise RowMissing(
            f"no checkout {checkout_id}, or tenant {tenant} has no order counter: `milepost seed` or the tenant's"
            " set-up makes one"
        )
    return str(number)


async def all_tenants(session: AsyncSession) -> list[str]:
    """Every tenant's id, for scheduled work. A security-definer function answers: no tenant is set."""
    return list(await session.scalars(sa.text("SELECT all_tenants()")))
