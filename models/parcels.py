"""What is in which parcel of an order, and what of its money: the rows behind the rules of `domain/shares.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.parcels import SentFor
from domain.shares import ParcelShare, Part, PlannedContents, Reserved
from domain.shipments import Awaited
from domain.states import ReservationState, ShipmentState
from models import shipments, stock
from models.base import Base, TenantRow
from models.catalog import Variant
from models.orders import Order, OrderLine
from models.shipments import Shipment
from models.stock import Reservation, StockLevel

HERE = (ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT)
"""It has not left us."""


class ShipmentLine(TenantRow, Base):
    """So many of a SKU in a parcel, and what they cost in minor units. An order's lines are the sum of those of the
    parcels that are sent for it; what is sent beside may be of any SKU, and worth what was paid for what came back."""

    __tablename__ = "shipment_lines"

    shipment_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    order_number: Mapped[str]
    quantity: Mapped[int] = mapped_column(sa.CheckConstraint("quantity > 0", name="quantity"))
    cancelled: Mapped[int] = mapped_column(
        sa.CheckConstraint("cancelled BETWEEN 0 AND quantity", name="cancelled"), server_default="0"
    )
    gross_minor: Mapped[int]
    tax_minor: Mapped[int]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "shipment_id"], ["shipments.tenant_id", "shipments.shipment_id"]),
        sa.ForeignKeyConstraint(["tenant_id", "order_number"], ["orders.tenant_id", "orders.order_number"]),
        sa.CheckConstraint("0 <= tax_minor AND tax_minor <= gross_minor", name="money"),
        sa.Index("ix_shipment_lines_order", "tenant_id", "order_number", "sku"),
    )


_ORDER_OF = (
    sa.select(Order)
    .join(Shipment, (Shipment.tenant_id == Order.tenant_id) & (Shipment.order_number == Order.order_number))
    .where(Shipment.shipment_id == sa.bindparam("shipment"))
    .with_for_update(of=Order)
)


async def locked(session: AsyncSession, shipment_id: str) -> tuple[Shipment, Order] | None:
    """A parcel and its order; the order is locked first, everywhere, so that no two can wait for each other."""
    order: Order | None = await session.scalar(_ORDER_OF, {"shipment": shipment_id})
    return None if order is None else (await shipments.get(session, shipment_id), order)


async def reserved(session: AsyncSession, checkout_id: str) -> list[Reserved]:
    """What is a checkout's, location by location, as the table has it now."""
    query = sa.select(Reservation.location_id, Reservation.sku, Reservation.quantity, Reservation.backordered).where(
        Reservation.checkout_id == checkout_id
    )
    return [Reserved(*row) for row in await session.execute(query)]


def contents(order: Order, shipment_id: str, planned: PlannedContents) -> list[ShipmentLine]:
    """The rows of a parcel's contents."""
    return [
        ShipmentLine(
            tenant_id=order.tenant_id,
            shipment_id=shipment_id,
            sku=part.sku,
            order_number=order.order_number,
            quantity=part.quantity,
            gross_minor=part.gross_minor,
            tax_minor=part.tax_minor,
        )
        for part in planned.parts
    ]


_LINES = sa.select(ShipmentLine).where(ShipmentLine.order_number == sa.bindparam("number")).order_by(ShipmentLine.sku)


async def lines(session: AsyncSession, order_number: str) -> Sequence[ShipmentLine]:
    """What is in an order's parcels, in SKU order."""
    return (await session.scalars(_LINES, {"number": order_number})).all()


@dataclass(frozen=True, slots=True)
class Packed:
    """So many pieces of something in a parcel, as a packing list and a carrier want it."""

    sku: str
    title: str
    quantity: int
    weight_grams: int


_LEFT = ShipmentLine.quantity - ShipmentLine.cancelled
_PACKED = (
    sa.select(ShipmentLine.sku, sa.func.coalesce(OrderLine.title, Variant.title), _LEFT, Variant.weight_grams)
    .outerjoin(
        OrderLine,
        (OrderLine.tenant_id == ShipmentLine.tenant_id)
        & (OrderLine.order_number == ShipmentLine.order_number)
        & (OrderLine.sku == ShipmentLine.sku),
    )
    .join(Variant, (Variant.tenant_id == ShipmentLine.tenant_id) & (Variant.sku == ShipmentLine.sku))
    .where(ShipmentLine.shipment_id == sa.bindparam("shipment"), _LEFT > 0)
    .order_by(ShipmentLine.sku)
)


async def packed(session: AsyncSession, shipment_id: str) -> list[Packed]:
    """What is in a parcel, without what was cancelled."""
    return [Packed(*row) for row in await session.execute(_PACKED, {"shipment": shipment_id})]


async def shares(session: AsyncSession, order_number: str) -> list[ParcelShare]:
    """What each parcel of an order costs and was paid, first planned first; but for those that were sent again.

    Nothing is paid for those that are sent beside it. The order must be locked.
    """
    rows = await lines(session, order_number)
    packed = await shipments.of_order(session, order_number)
    counts = [one for one in packed if one.replaced_by is None and one.sent_for is SentFor.ORDER]
    return [share_of(parcel, rows) for parcel in counts]


def share_of(parcel: Shipment, rows: Sequence[ShipmentLine]) -> ParcelShare:
    """The money of one parcel, of the lines of all of its order."""
    return ParcelShare(
        shipment_id=parcel.shipment_id,
        parts=tuple(
            Part(row.sku, row.quantity, row.gross_minor, row.tax_minor, row.cancelled)
            for row in rows
            if row.shipment_id == parcel.shipment_id
        ),
        shipping_minor=parcel.shipping_minor,
        waived_minor=parcel.waived_minor,
        paid_minor=parcel.paid_minor,
        here=parcel.state in HERE,
        cancelled=parcel.state is ShipmentState.CANCELLED,
    )


async def book(session: AsyncSession, order_number: str, booked: dict[str, int]) -> None:
    """Captured money counts for these parcels."""
    for parcel in await shipments.of_order(session, order_number):
        if parcel.shipment_id in booked:
            parcel.paid_minor = booked[parcel.shipment_id]
    await session.flush()


async def awaited(session: AsyncSession, checkout_id: str, parcel: Shipment) -> Awaited:
    """What a parcel that waits for stock still waits for. The parcels beside it have none of it.

    It is expected when its location says so now, else when the shopper was told.
    """
    if parcel.state not in HERE or not parcel.waits_for_stock:
        return Awaited()
    query = (
        sa.select(
            Reservation.sku, sa.func.coalesce(StockLevel.expected_on, Reservation.expected_on), Reservation.expected_on
        )
        .join(ShipmentLine, (ShipmentLine.tenant_id == Reservation.tenant_id) & (ShipmentLine.sku == Reservation.sku))
        .join(
            StockLevel,
            (StockLevel.tenant_id == Reservation.tenant_id)
            & (StockLevel.location_id == Reservation.location_id)
            & (StockLevel.sku == Reservation.sku),
        )
        .where(
            Reservation.checkout_id == checkout_id,
            Reservation.location_id == parcel.location_id,
            Reservation.backordered > 0,
            ShipmentLine.shipment_id == parcel.shipment_id,
            ShipmentLine.cancelled < ShipmentLine.quantity,
        )
        .order_by(Reservation.sku)
    )
    rows = (await session.execute(query)).tuples().all()
    return Awaited(
        tuple(sku for sku, _, _ in rows), _last(on for _, on, _ in rows), _last(promised for _, _, promised in rows)
    )


def _last(days: Iterable[date | None]) -> date | None:
    """The last of those that are known."""
    return max((day for day in days if day is not None), default=None)


async def waiting(session: AsyncSession, checkout_id: str, location_id: str) -> Sequence[str]:
    """Parcels of the order of a checkout that wait for stock of this location."""
    query = (
        sa.select(Shipment.shipment_id)
        .join(Order, (Order.tenant_id == Shipment.tenant_id) & (Order.order_number == Shipment.order_number))
        .where(
            Order.checkout_id == checkout_id,
            Shipment.location_id == location_id,
            Shipment.waits_for_stock,
            Shipment.state == ShipmentState.PENDING,
        )
    )
    return (await session.scalars(query)).all()


async def cancel_all(session: AsyncSession, order_number: str) -> dict[str, int]:
    """Nothing of an order goes: all its pieces are cancelled. SKU → pieces that had not been before."""
    rest = dict[str, int]()
    query = sa.select(OrderLine).where(OrderLine.order_number == order_number)
    for line in await session.scalars(query):
        if line.cancelled < line.quantity:
            rest[line.sku] = line.quantity - line.cancelled
        line.cancelled = line.quantity
    sent = {one.shipment_id: one.sent_for for one in await shipments.of_order(session, order_number)}
    for row in await lines(session, order_number):
        if sent[row.shipment_id] is SentFor.ORDER:
            row.cancelled = row.quantity
    await session.flush()
    return rest


async def pass_shipping_on(session: AsyncSession, order: Order, parcel: Shipment) -> None:
    """All of a parcel is cancelled: the shipping that it carried, if that is paid, is that of another one.

    What is not paid yet is carried by whoever leaves next.
    """
    carried = parcel.shipping_minor
    for other in await shipments.of_order(session, order.order_number):
        if (
            other is parcel
            or other.replaced_by
            or other.sent_for is not SentFor.ORDER
            or other.paid_minor is None
            or not await packed(session, other.shipment_id)
        ):
            continue
        if parcel.paid_minor is not None and carried:
            other.shipping_minor, other.paid_minor = other.shipping_minor + carried, other.paid_minor + carried
            parcel.paid_minor -= carried
            break
    parcel.shipping_minor = parcel.waived_minor = 0
    await session.flush()


async def move_units(
    session: AsyncSession, order: Order, parcel: Shipment, pieces: dict[str, int], to: ReservationState
) -> None:
    """So many pieces of a parcel leave its location (`shipped`) or are free again there (`released`), all or none.

    The caller has seen to it, under the order's lock, that this is done once.
    """
    if not pieces:
        return
    whose, cause = parcel.stock_of(order.checkout_id), f"order {order.order_number}"
    if parcel.sent_for is not SentFor.ORDER:
        cause = f"{parcel.sent_for} of {cause}"
    await stock.move_units(session, whose, parcel.location_id, pieces, to, cause)
