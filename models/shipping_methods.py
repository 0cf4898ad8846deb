"""Shipping methods and what they cost: by country, currency, weight and order value."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TenantRow, behind


class ShippingMethod(TenantRow, Base):
    """A way to send: its name, and when it promises to arrive, in days from dispatch."""

    __tablename__ = "shipping_methods"

    method: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    promise: Mapped[str | None]
    min_days: Mapped[int | None]
    max_days: Mapped[int | None]
    members_free: Mapped[bool] = mapped_column(server_default=sa.true())
    """Whether it is free for those whose membership has free shipping."""
    position: Mapped[int] = mapped_column(server_default="0")
    active: Mapped[bool] = mapped_column(server_default=sa.true())

    __table_args__ = (sa.CheckConstraint("0 <= min_days AND min_days <= max_days", name="days"),)


class ShippingRate(TenantRow, Base):
    """What a method costs to a country, in minor units, from a weight (grams) and an order value on."""

    __tablename__ = "shipping_rates"

    method: Mapped[str] = mapped_column(primary_key=True)
    country: Mapped[str] = mapped_column(sa.CHAR(2), primary_key=True)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), primary_key=True)
    min_weight_grams: Mapped[int] = mapped_column(primary_key=True, server_default="0")
    min_order_minor: Mapped[int] = mapped_column(primary_key=True, server_default="0")
    max_weight_grams: Mapped[int | None]
    """Up to, and without it; None: however heavy."""
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "method"], ["shipping_methods.tenant_id", "shipping_methods.method"]),
        sa.CheckConstraint(
            "0 <= min_weight_grams AND min_weight_grams < coalesce(max_weight_grams, 9223372036854775807)",
            name="weight",
        ),
        sa.CheckConstraint("min_order_minor >= 0", name="order_value"),
    )


async def find(session: AsyncSession, method: str, *, lock: bool = False) -> ShippingMethod | None:
    """A method of this transaction's tenant, locked until its end if asked."""
    query = sa.select(ShippingMethod).where(ShippingMethod.method == method)
    row: ShippingMethod | None = await session.scalar(query.with_for_update() if lock else query)
    return row


async def page(session: AsyncSession, after: Sequence[object] | None, most: int) -> Sequence[ShippingMethod]:
    """Methods, in the order in which they are offered, from behind a place on: (`position`, `method`)."""
    order = (ShippingMethod.position, ShippingMethod.method)
    query = sa.select(ShippingMethod).order_by(*order).limit(most)
    return (await session.scalars(query if after is None else query.where(behind(order, after)))).all()


async def rates(session: AsyncSession, *methods: str) -> Sequence[ShippingRate]:
    """The rates of these methods, by country, currency, order value and weight."""
    query = sa.select(ShippingRate).order_by(
        ShippingRate.method,
        ShippingRate.currency,
        ShippingRate.country,
        ShippingRate.min_order_minor,
        ShippingRate.min_weight_grams,
    )
    return (await session.scalars(query.where(ShippingRate.method.in_(methods)))).all()


async def replace_rates(session: AsyncSession, method: str, wanted: Sequence[ShippingRate]) -> None:
    """These are the method's rates from now on. The method must be locked."""
    await session.execute(sa.delete(ShippingRate).where(ShippingRate.method == method))
    session.add_all(wanted)
    await session.flush()
