"""A parcel is sent again: new stock is the order's, and a new parcel counts in the old one's place."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ids import shipment_id
from domain.states import ShipmentState
from domain.support import Resolution
from models import parcels, shipments, stock
from models.orders import Order
from models.parcels import ShipmentLine
from models.shipments import Shipment

_ALLOCATE = sa.text(
    "SELECT allocate_again(:checkout, :place, CAST(:skus AS text[]), CAST(:quantities AS bigint[]), :why)"
)


async def send_again(session: AsyncSession, order: Order, lost: Shipment) -> Shipment | None:
    """The parcel that goes in its place, from one location that has all of it; None: there is none. Order locked.

    It takes over what was paid, and the shipping if the lost one carried that.
    """
    pieces = {one.sku: one.quantity for one in await parcels.packed(session, lost.shipment_id)}
    place = await _allocate(session, order, lost.location_id, pieces)
    if place is None:
        return None
    number = len(await shipments.of_order(session, order.order_number))
    new = Shipment(
        tenant_id=order.tenant_id,
        shipment_id=shipment_id(order.tenant_id, order.checkout_id, number),
        order_number=order.order_number,
        location_id=place,
        state=ShipmentState.PENDING,
        place=number,
        shipping_minor=lost.shipping_minor,
        waived_minor=lost.waived_minor,
        paid_minor=lost.paid_minor,
    )
    session.add(new)
    await session.flush()
    for row in await parcels.lines(session, order.order_number):
        if row.shipment_id == lost.shipment_id:
            session.add(_copy(row, new.shipment_id))
    if lost.paid_minor is not None:
        lost.paid_minor -= lost.shipping_minor
    lost.shipping_minor = 0
    lost.replaced_by, lost.resolution = new.shipment_id, Resolution.RESHIP
    await session.flush()
    return new


async def _allocate(session: AsyncSession, order: Order, first: str, pieces: dict[str, int]) -> str | None:
    others = [one.location_id for one in await stock.locations(session) if one.location_id != first]
    for place in (first, *others):
        skus = sorted(pieces)
        asked = {
            "checkout": order.checkout_id, "place": place, "skus": skus, "quantities": [pieces[sku] for sku in skus],
            "why": f"order {order.order_number}, sent again",
        }  # fmt: skip
        if await session.scalar(_ALLOCATE, asked):
            return place
    return None


def _copy(row: ShipmentLine, shipment: str) -> ShipmentLine:
    return ShipmentLine(
        tenant_id=row.tenant_id,
        shipment_id=shipment,
        sku=row.sku,
        order_number=row.order_number,
        quantity=row.quantity,
        cancelled=row.cancelled,
        gross_minor=row.gross_minor,
        tax_minor=row.tax_minor,
    )
