"""Stock: levels the database itself cannot oversell, reservations, and an append-only record of every change."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.pricing import CartLine
from domain.states import MovementKind, ReservationState
from domain.stock import BackorderKind, StockOutcome, StockUpdate
from models.base import Base, RowMissing, TenantRow, now
from models.driver import Statement, ask


class Location(TenantRow, Base):
    """Where stock is and parcels leave from. A lower priority number is asked first."""

    __tablename__ = "locations"

    location_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    priority: Mapped[int] = mapped_column(server_default="0")
    address: Mapped[dict[str, str]] = mapped_column(JSONB())


class StockLevel(TenantRow, Base):
    """How many are there, and how many are spoken for (held by checkouts or allocated to orders).

    Of those spoken for, `backordered` are not there yet; the others are. `free` ones a cart can still get; of a
    preorder none, whatever is on hand: it is sold against its limit, and leaves when it is released.
    """

    __tablename__ = "stock_levels"

    location_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    on_hand: Mapped[int]
    reserved: Mapped[int] = mapped_column(server_default="0")
    backordered: Mapped[int] = mapped_column(server_default="0")
    safety_stock: Mapped[int] = mapped_column(
        sa.CheckConstraint("safety_stock >= 0", name="safety_stock"), server_default="0"
    )
    backorder_limit: Mapped[int] = mapped_column(server_default="0")
    backorder_kind: Mapped[BackorderKind] = mapped_column(server_default="backorder")
    expected_on: Mapped[date | None]
    free: Mapped[int] = mapped_column(
        sa.Computed(
            "CASE WHEN backorder_kind = 'preorder' THEN 0"
            " ELSE greatest(on_hand - safety_stock - reserved + backordered, 0) END",
            persisted=True,
        ),
        nullable=False,
    )

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "location_id"], ["locations.tenant_id", "locations.location_id"]),
        sa.ForeignKeyConstraint(["tenant_id", "sku"], ["variants.tenant_id", "variants.sku"]),
        sa.CheckConstraint(
            "0 <= reserved AND reserved <= on_hand + backorder_limit AND reserved - backordered <= on_hand"
            " AND 0 <= backordered AND backordered <= reserved AND backordered <= backorder_limit",
            name="not_oversold",
        ),
        sa.Index("ix_stock_levels_sku", "tenant_id", "sku"),
    )


class Reservation(TenantRow, Base):
    """So many of a SKU at a location that belong to a checkout, and then to its order.

    `backordered` of them are not there yet, and `expected_on` is what the shopper was told. Who waits is served in the
    order of `arrival`. Pieces that left before the others are counted as `shipped` and not in `quantity` any more; the
    last ones stay in `quantity`, and the state says that they left.
    """

    __tablename__ = "reservations"

    checkout_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(sa.CheckConstraint("quantity > 0", name="quantity"))
    state: Mapped[ReservationState]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    backordered: Mapped[int] = mapped_column(server_default="0")
    shipped: Mapped[int] = mapped_column(sa.CheckConstraint("shipped >= 0", name="shipped"), server_default="0")
    backorder_kind: Mapped[BackorderKind | None]
    expected_on: Mapped[date | None]
    arrival: Mapped[int] = mapped_column(sa.Identity(always=True))

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id", "sku"],
            ["stock_levels.tenant_id", "stock_levels.location_id", "stock_levels.sku"],
        ),
        sa.CheckConstraint(
            "backordered BETWEEN 0 AND quantity AND (backordered = 0 OR state IN ('held', 'allocated'))",
            name="backordered",
        ),
        sa.Index(
            "ix_reservations_waiting",
            "tenant_id",
            "location_id",
            "sku",
            "arrival",
            postgresql_where=sa.text("backordered > 0"),
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


async def available(session: AsyncSession, lines: Sequence[CartLine]) -> bool:
    """Whether there is enough of each line somewhere at this instant. A cheap guess for a quick no."""
    query = (
        sa.select(StockLevel.sku, sa.func.sum(StockLevel.free + StockLevel.backorder_limit - StockLevel.backordered))
        .where(StockLevel.sku.in_([line.sku for line in lines]))
        .group_by(StockLevel.sku)
    )
    most = dict((await session.execute(query)).tuples().all())
    return all(most.get(line.sku, 0) >= line.quantity for line in lines)


async def move_reservations(
    session: AsyncSession, checkout_id: str, to: ReservationState, cause: str, *, location: str | None = None
) -> int:
    """Move a checkout's reservations on (`allocated`, `shipped`, `released`) with their levels; how many moved.

    All of them, or those of one location. What has already moved is left alone, so a repeat changes nothing; what is
    backordered does not ship. Released units go to those who wait for them.
    """
    (row,) = await ask(session, _moving(checkout_id, to, cause, location))
    return row.moved or 0


def _moving(checkout_id: str, to: ReservationState, cause: str, location: str | None = None) -> Statement:
    return Statement(_MOVE, {"checkout": checkout_id, "target": to.value, "cause": cause, "place": location})


async def hold_longer(session: AsyncSession, checkout_id: str, until: datetime) -> None:
    """What a checkout holds, it holds until then."""
    held = sa.update(Reservation).where(
        Reservation.checkout_id == checkout_id, Reservation.state == ReservationState.HELD
    )
    await session.execute(held.values(expires_at=until))


async def move_units(
    session: AsyncSession, checkout_id: str, location_id: str, pieces: dict[str, int], to: ReservationState, cause: str
) -> None:
    """So many pieces that are an order's leave a location (`shipped`), or are free again there (`released`).

    All or none: raises `IntegrityError` if there are not so many, or what is to leave is not there yet. It counts each
    time; the caller sees to it that it is once.
    """
    skus = sorted(pieces)
    asked = {
        "checkout": checkout_id, "place": location_id, "skus": skus, "quantities": [pieces[sku] for sku in skus],
        "target": to.value, "why": cause,
    }  # fmt: skip
    await session.execute(_MOVE_UNITS, asked)


async def lock_to_release(session: AsyncSession, checkout_id: str) -> None:
    """Lock all that giving back any of this checkout's stock will need, in the order in which everybody locks it:
    claims on drops, then levels by SKU and location. For whoever gives back at more than one location."""
    await session.execute(sa.select(sa.func.lock_reserved(checkout_id, ReservationState.RELEASED.value, None)))


async def reservations(session: AsyncSession, checkout_id: str) -> Sequence[Reservation]:
    """What a checkout, and then its order, has of the stock, by location and SKU; as it is in the tables now."""
    query = (
        sa.select(Reservation)
        .where(Reservation.checkout_id == checkout_id)
        .order_by(Reservation.location_id, Reservation.sku)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).all()


async def allocate(session: AsyncSession, checkout_id: str) -> None:
    """What a checkout holds becomes its order's for good.

    Raises `RowMissing` when nothing is held: an order without stock is never placed.
    """
    refuse_unheld(await ask(session, allocating(checkout_id)), checkout_id)


def allocating(checkout_id: str) -> Statement:
    """`allocate`, to be sent with others; `refuse_unheld` looks at the answer."""
    return _moving(checkout_id, ReservationState.ALLOCATED, checkout_id)


def refuse_unheld(answer: Sequence[Any], checkout_id: str) -> None:
    """Raise `RowMissing` when nothing was held."""
    if not answer[0].moved:
        raise RowMissing(f"checkout {checkout_id} holds no stock")


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


_MOVE = "SELECT move_reservations(%(checkout)s, %(target)s, %(cause)s, %(place)s) AS moved"
_MOVE_UNITS = sa.text(
    "SELECT move_units(:checkout, :place, CAST(:skus AS text[]), CAST(:quantities AS bigint[]), :target, :why)"
)
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
