"""Stock: levels the database itself cannot oversell, reservations, and an append-only record of every change."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.pricing import CartLine
from domain.states import MovementKind, ReservationState
from domain.stock import StockOutcome, StockUpdate
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


class StockAdjustment(TenantRow, Base):
    """One adjustment that was asked for, under its key, and the level it led to: what a repeat is answered from."""

    __tablename__ = "stock_adjustments"

    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    location_id: Mapped[str]
    sku: Mapped[str]
    kind: Mapped[MovementKind]
    quantity: Mapped[int]
    reason: Mapped[str]
    on_hand: Mapped[int]
    reserved: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id", "sku"],
            ["stock_levels.tenant_id", "stock_levels.location_id", "stock_levels.sku"],
        ),
        sa.CheckConstraint(
            "quantity <> 0 AND (kind = 'adjusted' OR (kind IN ('received', 'returned') AND quantity > 0))",
            name="quantity",
        ),
    )


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


async def locations(session: AsyncSession) -> Sequence[Location]:
    """Every location, in the order in which they are asked for stock."""
    return (await session.scalars(sa.select(Location).order_by(Location.priority, Location.location_id))).all()


async def levels(session: AsyncSession, sku: str) -> Sequence[StockLevel] | None:
    """The levels of a SKU, in the order in which locations are asked; None for an unknown SKU."""
    known = sa.table("variants", sa.column("sku", sa.Text()))
    if await session.scalar(sa.select(known.c.sku).where(known.c.sku == sku)) is None:
        return None
    query = (
        sa.select(StockLevel)
        .join(Location, (Location.tenant_id == StockLevel.tenant_id) & (Location.location_id == StockLevel.location_id))
        .where(StockLevel.sku == sku)
        .order_by(Location.priority, Location.location_id)
    )
    return (await session.scalars(query)).all()


_COUNT = sa.text("SELECT * FROM count_stock(:place, :sku, :count, :expected, :reason)")
_ADJUST = sa.text("SELECT * FROM adjust_stock(:key, :print, :place, :sku, :kind, :quantity, :reason)")


async def count(
    session: AsyncSession, location_id: str, sku: str, *, counted: int, expected: int, reason: str
) -> StockUpdate:
    """So many units were counted; written down only if `expected` are there until now. One round trip.

    A level that is not there yet has 0. It leaves an `adjusted` movement of the difference, if there is one.
    """
    asked = {"place": location_id, "sku": sku, "count": counted, "expected": expected, "reason": reason}
    return _update(await session.execute(_COUNT, asked))


async def adjust(
    session: AsyncSession,
    location_id: str,
    sku: str,
    *,
    kind: MovementKind,
    quantity: int,
    reason: str,
    key: str,
    fingerprint: str,
) -> StockUpdate:
    """So many units more, or fewer, with their movement; once for a key. One round trip.

    A repeat changes nothing and tells the level as it was then. What was refused has not used its key up.
    """
    asked = {
        "key": key, "print": fingerprint, "place": location_id, "sku": sku, "kind": kind.value,
        "quantity": quantity, "reason": reason,
    }  # fmt: skip
    return _update(await session.execute(_ADJUST, asked))


def _update(answer: sa.Result[tuple[str, int, int]]) -> StockUpdate:
    row = answer.one()
    return StockUpdate(StockOutcome(row.outcome), row.there, row.spoken_for)
