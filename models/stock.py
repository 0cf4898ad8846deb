"""Stock: levels the database itself cannot oversell, reservations, and an append-only record of every change."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.pricing import CartLine
from domain.states import MovementKind, ReservationState
from models.base import Base, RowMissing, TenantRow, now


class Location(TenantRow, Base):
    """Where stock is and parcels leave from. A lower priority number is asked first."""

    __tablename__ = "locations"

    location_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    priority: Mapped[int] = mapped_column(server_default="0")
    address: Mapped[dict[str, str]] = mapped_column(JSONB())


class StockLevel(TenantRow, Base):
    """How many are there, and how many of them are spoken for (held by checkouts or allocated to orders)."""

    __tablename__ = "stock_levels"

    location_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    on_hand: Mapped[int]
    reserved: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "location_id"], ["locations.tenant_id", "locations.location_id"]),
        sa.ForeignKeyConstraint(["tenant_id", "sku"], ["variants.tenant_id", "variants.sku"]),
        sa.CheckConstraint("0 <= reserved AND reserved <= on_hand", name="not_oversold"),
        sa.Index("ix_stock_levels_sku", "tenant_id", "sku"),
    )


class Reservation(TenantRow, Base):
    """So many of a SKU at a location that belong to a checkout, and then to its order."""

    __tablename__ = "reservations"

    checkout_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(sa.CheckConstraint("quantity > 0", name="quantity"))
    state: Mapped[ReservationState]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id", "sku"],
            ["stock_levels.tenant_id", "stock_levels.location_id", "stock_levels.sku"],
        ),
        sa.Index("ix_reservations_held", "tenant_id", "expires_at", postgresql_where=sa.text("state = 'held'")),
        sa.Index("ix_reservations_stock", "tenant_id", "location_id", "sku"),
    )


class StockMovement(TenantRow, Base):
    """One change of a level: what, how many, and whose doing. Never updated, never deleted (a trigger sees to it)."""

    __tablename__ = "stock_movements"

    movement_id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True)
    location_id: Mapped[str]
    sku: Mapped[str]
    kind: Mapped[MovementKind]
    quantity: Mapped[int]
    cause: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (sa.Index("ix_stock_movements_sku", "tenant_id", "location_id", "sku"),)


async def reserve(
    session: AsyncSession, checkout_id: str, lines: Sequence[CartLine], expires_at: datetime
) -> str | None:
    """Hold all lines at one location until `expires_at`, or none: the location's id, or None when none has them all.

    One round trip; rows are locked in SKU order, so two carts cannot wait for each other. Asking again for the same
    checkout changes nothing.
    """
    located: str | None = await session.scalar(
        sa.select(
            sa.func.reserve_stock(
                checkout_id,
                sa.cast([line.sku for line in lines], ARRAY(sa.Text())),
                sa.cast([line.quantity for line in lines], ARRAY(sa.BigInteger())),
                expires_at,
            )
        )
    )
    return located


async def available(session: AsyncSession, lines: Sequence[CartLine]) -> bool:
    """Whether some location has all lines at this instant. A cheap guess for a quick no; `reserve` is the truth."""
    found = await session.scalar(
        sa.select(
            sa.func.locate_stock(
                sa.cast([line.sku for line in lines], ARRAY(sa.Text())),
                sa.cast([line.quantity for line in lines], ARRAY(sa.BigInteger())),
            )
        )
    )
    return found is not None


async def move_reservations(session: AsyncSession, checkout_id: str, to: ReservationState, cause: str) -> int:
    """Move a checkout's reservations on (`allocated`, `shipped`, `released`) with their levels; how many moved.

    What has already moved is left alone, so a repeat changes nothing.
    """
    moved: int | None = await session.scalar(sa.select(sa.func.move_reservations(checkout_id, to.value, cause)))
    return moved or 0


async def allocate(session: AsyncSession, checkout_id: str) -> Sequence[str]:
    """What a checkout holds becomes its order's for good; the locations, one a parcel.

    Raises `RowMissing` when nothing is held: an order without stock is never placed.
    """
    moved = await move_reservations(session, checkout_id, ReservationState.ALLOCATED, checkout_id)
    if moved == 0:
        raise RowMissing(f"checkout {checkout_id} holds no stock")
    query = (
        sa.select(Reservation.location_id)
        .where(Reservation.checkout_id == checkout_id)
        .distinct()
        .order_by(Reservation.location_id)
    )
    return (await session.scalars(query)).all()
