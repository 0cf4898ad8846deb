"""A person's decision on a parcel is written down: sent again, paid back, or waited for."""

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.timeline import write_once
from domain.checkouts import PlannedParcel
from domain.ids import parcel_call
from domain.resolving import ParcelResolved, ResolveParcel, refuse_parcel
from domain.states import ShipmentState
from domain.support import Resolution, Why
from models import acting, events, orders, parcels, payments, resolving, shipments
from models.database import Database
from models.orders import Order
from models.shipments import Shipment


class ResolvingActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="resolving.resolve")
    async def resolve(self, asked: ResolveParcel) -> ParcelResolved:
        """Once: stock, parcel, what is owed back, and who decided it. Asked again, it answers as before."""
        note = asked.note
        async with self._database.transaction(note.tenant) as session:
            order = await orders.get(session, note.order_number)
            parcel = await shipments.get(session, asked.shipment_id)
            if not await events.is_told(session, order.checkout_id, note.kind, note.place):
                if why := refuse_parcel(acting.parcel_facts(order, parcel)) or await _decide(
                    session, order, parcel, asked
                ):
                    return ParcelResolved(why)
                orders.call_person(order, parcel_call(parcel.shipment_id), None)
                parcel.trouble = None
                await write_once(session, order, note)
                await orders.follow_parcels(session, order)
            return await _answer(session, order, parcel)


async def _decide(session: AsyncSession, order: Order, parcel: Shipment, asked: ResolveParcel) -> Why | None:
    if asked.how is Resolution.WAIT:
        parcel.resolution, parcel.wait_until = Resolution.WAIT, asked.until
        return None
    if parcel.paid_minor is None:
        return Why("not_paid", "nothing was paid for this parcel: see to its payment first")
    parcel.wait_until = None
    if asked.how is Resolution.REFUND:
        parcel.resolution = Resolution.REFUND
        lost = ", ".join(f"{one.quantity} x {one.sku}" for one in await parcels.packed(session, parcel.shipment_id))
        if parcel.state is ShipmentState.LOST:
            events.record(session, order.tenant_id, order.checkout_id, "stock.written_off", f"{lost} written off: lost")
        return None
    new = await resolving.send_again(session, order, parcel)
    if new is None:
        return Why("no_stock", "no location has all of this parcel in stock: receive it, or pay it back")
    message = f"Parcel {new.place + 1} from {new.location_id} goes in place of parcel {parcel.place + 1}"
    events.record(session, order.tenant_id, order.checkout_id, "shipment.planned", message)
    return None


async def _answer(session: AsyncSession, order: Order, parcel: Shipment) -> ParcelResolved:
    if parcel.replaced_by is not None:
        new = await shipments.get(session, parcel.replaced_by)
        return ParcelResolved(replacement=PlannedParcel(new.shipment_id, new.location_id))
    if parcel.resolution is Resolution.REFUND:
        payment = await payments.get(session, order.payment_id)
        left = payment.captured_minor - payment.refunded_minor
        return ParcelResolved(refund_minor=min(parcel.paid_minor or 0, left))
    return ParcelResolved()
