"""Another parcel of an order beside those that were paid for: its own stock, what is in it, and nothing to charge.

An exchange sends one. It is no part of what the order costs: the order's lines, captures, cancellations and its state
look at the parcels of `SentFor.ORDER` only.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.parcels import SentFor
from domain.pricing import CartLine
from domain.shares import Part, PlannedContents
from domain.states import ReservationState, ShipmentState
from models import parcels, stock
from models.base import now
from models.orders import Order
from models.reserving import Wish, reserve_many
from models.shipments import Shipment


async def allocate(session: AsyncSession, shipment_id: str, lines: Sequence[CartLine], cause: str) -> str | None:
    """Set stock aside for a parcel that is to be, one line a SKU, all of it at one location: which; None: nowhere.

    It is the parcel's own from now on (its id is what a checkout's is to a reservation), until it leaves or is given
    up. Asking again changes nothing. What is not there yet is not counted on.
    """
    if known := await stock.reservations(session, shipment_id):
        return next((one.location_id for one in known if one.state is ReservationState.ALLOCATED), None)
    moment = await session.scalar(sa.select(now()))
    if moment is None:
        raise RuntimeError("the database has no clock")
    trying = await session.begin_nested()
    await reserve_many(session, [Wish(shipment_id, lines, moment)])
    held = await stock.reservations(session, shipment_id)
    places = {one.location_id for one in held}
    if len(places) != 1 or any(one.backordered for one in held):
        await trying.rollback()
        return None
    await stock.move_reservations(session, shipment_id, ReservationState.ALLOCATED, cause)
    await trying.commit()
    return places.pop()


async def give_up(session: AsyncSession, shipment_id: str, cause: str) -> None:
    """What was set aside for a parcel is free again. Nothing was: nothing happens."""
    await stock.move_reservations(session, shipment_id, ReservationState.RELEASED, cause)


async def pack(
    session: AsyncSession, order: Order, shipment_id: str, location_id: str, parts: Sequence[Part], sent_for: SentFor
) -> Shipment:
    """Write a parcel down whose stock is set aside, with what its pieces are worth to whoever returns them later.

    What was set aside beyond its pieces is free again. The order must be locked.
    """
    row = Shipment(
        tenant_id=order.tenant_id,
        shipment_id=shipment_id,
        order_number=order.order_number,
        location_id=location_id,
        state=ShipmentState.PENDING,
        sent_for=sent_for,
        place=await _count(session, order.order_number),
        shipping_minor=0,
        paid_minor=0,
    )
    session.add(row)
    await session.flush()
    session.add_all(parcels.contents(order, shipment_id, PlannedContents(location_id, False, tuple(parts))))
    await session.flush()
    wanted = {part.sku: part.quantity for part in parts}
    beyond = {
        one.sku: spare
        for one in await stock.reservations(session, shipment_id)
        if one.state is ReservationState.ALLOCATED and (spare := one.quantity - wanted.get(one.sku, 0))
    }
    if beyond:
        cause = f"order {order.order_number}"
        await stock.move_units(session, shipment_id, location_id, beyond, ReservationState.RELEASED, cause)
    return row


async def is_on_its_way(session: AsyncSession, order_number: str) -> bool:
    """Whether one of an order has not ended yet."""
    query = (
        sa.select(Shipment.shipment_id)
        .where(Shipment.order_number == order_number, Shipment.sent_for != SentFor.ORDER, Shipment.ended_at.is_(None))
        .limit(1)
    )
    return await session.scalar(query) is not None


async def _count(session: AsyncSession, order_number: str) -> int:
    query = sa.select(sa.func.coalesce(sa.func.max(Shipment.place) + 1, 0)).where(Shipment.order_number == order_number)
    return int(await session.scalar(query) or 0)
