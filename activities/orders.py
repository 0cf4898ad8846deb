"""The database's part of an order: place it, cancel it, close it, flag it for a person."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.drops import pass_on
from activities.timeline import write_once
from domain.checkouts import OrderPlaced, PlaceOrder, PlannedParcel
from domain.ids import shipment_id
from domain.money import Money
from domain.orders import CancelOrder, CloseOrder, FlagOrder, HoldOrder, NoteOrder
from domain.shares import LineTotal, PlannedContents, Reserved, plan_parcels
from domain.states import CheckoutState, OrderState, ReservationState, ShipmentState
from models import (
    another_parcel,
    cancellations,
    checkouts,
    events,
    orders,
    parcels,
    payments,
    returns,
    shipments,
    stock,
)
from models.base import now
from models.checkouts import Checkout
from models.database import Database
from models.orders import Order, OrderLine
from models.shipments import Shipment
from models.tenancy import order_number_for


class OrderActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="orders.place")
    async def place(self, asked: PlaceOrder) -> OrderPlaced:
        """The authorization is written down, the stock becomes the order's, and the order has a number: all at once."""
        number = await order_number_for(self._database, asked.tenant, asked.checkout_id)
        async with self._database.transaction(asked.tenant) as session:
            row, payment = await checkouts.with_payment(session, asked.checkout_id)
            if row.order_number is not None:
                return await _placed_before(session, row.order_number)
            await payments.mark_authorized(session, payment, asked.authorized)
            if saved := asked.authorized.saved:
                await payments.keep_customer(session, asked.tenant, row.customer_id, saved.customer)
            held_for_it = await parcels.reserved(session, asked.checkout_id)
            waits = any(one.backordered for one in held_for_it)
            if waits:  # stock that comes now may end the wait of a piece: what is read here must be locked
                await stock.allocate(session, asked.checkout_id)
                held_for_it = await parcels.reserved(session, asked.checkout_id)
            order, lines = _order(row, number, payment.payment_id), _lines(row, number)
            session.add(order)
            await session.flush()
            session.add_all(lines)
            packed = await _pack(session, order, lines, held_for_it, asked)
            row.state, row.order_number, row.ended_at = CheckoutState.COMPLETED, number, now()
            held = Money(asked.authorized.amount_minor, row.currency)
            done = "captured" if asked.authorized.captured else "authorized"
            await session.flush()  # an event's e-mail is about rows that must be there
            events.record(
                session, asked.tenant, row.checkout_id, f"payment.{done}", f"{held} {done}",
                card=asked.authorized.card, intent_id=asked.authorized.intent_id,
            )  # fmt: skip
            events.record(session, asked.tenant, row.checkout_id, "order.placed", f"Order {number} placed")
            if len(packed) > 1:
                _tell_contents(session, order, packed)
            if not waits:  # a crowd wants the same row: it is locked last, and for as short as can be
                await session.flush()
                await stock.allocate(session, asked.checkout_id)
            return OrderPlaced(number, tuple(_planned(parcel) for parcel in packed))

    @activity.defn(name="orders.cancel")
    async def cancel(self, asked: CancelOrder) -> None:
        """End an order that has not left; its authorization has been given back already."""
        await self._cancel(asked)
        await pass_on(self._database, asked.tenant, asked.checkout_id)

    async def _cancel(self, asked: CancelOrder) -> None:
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            if order.state is OrderState.CANCELLED:
                return
            payment = await payments.get(session, asked.payment_id)
            if payment.captured_minor == 0:  # otherwise it was refunded, and written down with the refund
                await payments.mark_voided(session, payment, None)
            await cancellations.cancel_rest(
                session, order, payment, asked, await parcels.cancel_all(session, order.order_number)
            )
            order.state, order.ended_at = OrderState.CANCELLED, now()
            orders.seen_to(order)
            message = f"Order cancelled by {asked.actor}: {asked.reason}"
            events.record(session, asked.tenant, asked.checkout_id, "order.cancelled", message)
            await session.flush()
            await stock.move_reservations(  # at the end: a crowd wants the same row
                session, asked.checkout_id, ReservationState.RELEASED, f"order {asked.order_number}"
            )

    @activity.defn(name="orders.close")
    async def close(self, asked: CloseOrder) -> bool | None:
        """The return window is over. True: something is to come back or on its way, so the order stays open."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            if order.state is OrderState.CLOSED:
                return None
            if await returns.is_open(session, asked.order_number) or await another_parcel.is_on_its_way(
                session, asked.order_number
            ):
                return True
            order.state, order.ended_at = OrderState.CLOSED, now()
            events.record(session, asked.tenant, order.checkout_id, "order.closed", "Order closed")
            return None

    @activity.defn(name="orders.flag")
    async def flag(self, asked: FlagOrder) -> None:
        """A person is needed, or not any more."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            if asked.source is None:
                changed = orders.seen_to(order)
                await shipments.seen_to(session, asked.order_number)
            else:
                changed = orders.call_person(order, asked.source, asked.reason)
            if asked.parcel is not None:
                (await shipments.get(session, asked.parcel)).trouble = asked.trouble
            if not changed:
                return
            kind = "order.needs_attention" if asked.reason else "order.attention_cleared"
            events.record(
                session,
                asked.tenant,
                order.checkout_id,
                kind,
                asked.reason or asked.line or "Nobody is needed any more",
            )

    @activity.defn(name="orders.note")
    async def note(self, asked: NoteOrder) -> None:
        """What a person did or has to say, once."""
        async with self._database.transaction(asked.tenant) as session:
            await write_once(session, await orders.get(session, asked.order_number), asked)

    @activity.defn(name="orders.hold")
    async def hold(self, asked: HoldOrder) -> None:
        """It is held, or not any more; and who wanted it."""
        async with self._database.transaction(asked.note.tenant) as session:
            order = await orders.get(session, asked.note.order_number)
            order.held_reason = asked.reason
            await write_once(session, order, asked.note)

    @activity.defn(name="orders.end")
    async def end(self, asked: CloseOrder) -> None:
        """A person has seen to what became of it: nothing more follows."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            order.ended_at = order.ended_at or now()


async def _placed_before(session: AsyncSession, number: str) -> OrderPlaced:
    """What was answered the first time; this activity ran before and its answer was lost."""
    return OrderPlaced(number, tuple(_planned(one) for one in await shipments.of_order(session, number)))


async def _pack(
    session: AsyncSession, order: Order, lines: list[OrderLine], held: list[Reserved], asked: PlaceOrder
) -> dict[Shipment, PlannedContents]:
    """The parcels and what is in them, from what is reserved."""
    totals = [LineTotal(one.sku, one.quantity, one.gross_minor, one.tax_minor) for one in lines]
    planned = plan_parcels(totals, held)
    within = None if asked.ship_within_seconds is None else timedelta(seconds=asked.ship_within_seconds)
    leaves_by = None if within is None else datetime.now(UTC) + within
    packed = {_shipment(order, place, one, leaves_by): one for place, one in enumerate(planned)}
    session.add_all(packed)
    await session.flush()
    for parcel, one in packed.items():
        session.add_all(parcels.contents(order, parcel.shipment_id, one))
        if asked.authorized.captured is not None:  # the money was taken at once, for all of them
            parcel.shipping_minor = 0 if parcel.place else order.shipping_minor
            parcel.paid_minor = sum(part.gross_minor for part in one.parts) + parcel.shipping_minor
    await session.flush()
    if within is not None:
        await _promise_to_ship(session, order, packed, within)
    return packed


async def _promise_to_ship(session: AsyncSession, order: Order, packed: Iterable[Shipment], within: timedelta) -> None:
    """A parcel that waits for stock must leave so long after the end of the day that is expected.

    Where nobody knows which day that is, it has no such time.
    """
    for parcel in packed:
        if parcel.waits_for_stock:
            day = (await parcels.awaited(session, order.checkout_id, parcel)).expected_on
            parcel.ship_by = None if day is None else datetime.combine(day, time.min, UTC) + timedelta(days=1) + within


def _tell_contents(session: AsyncSession, order: Order, packed: dict[Shipment, PlannedContents]) -> None:
    for parcel, one in packed.items():
        pieces = ", ".join(f"{part.quantity} x {part.sku}" for part in one.parts)
        waits = ", which waits for stock" if one.waits else ""
        message = f"Parcel {parcel.place + 1} of {len(packed)} from {one.location_id}: {pieces}{waits}"
        events.record(session, order.tenant_id, order.checkout_id, "shipment.planned", message)


def _planned(parcel: Shipment) -> PlannedParcel:
    return PlannedParcel(parcel.shipment_id, parcel.location_id, parcel.waits_for_stock, parcel.ship_by)


def _order(row: Checkout, number: str, payment: str) -> Order:
    fixed = checkouts.read_quote(row)
    return Order(
        tenant_id=row.tenant_id,
        order_number=number,
        checkout_id=row.checkout_id,
        payment_id=payment,
        customer_id=row.customer_id,
        state=OrderState.PLACED,
        currency=row.currency,
        shipping_minor=fixed.shipping_minor,
        shipping_tax_minor=fixed.shipping_tax_minor,
        tax_minor=fixed.tax_minor,
        discount_minor=fixed.discount_minor,
        total_minor=fixed.total_minor,
        address=row.address,
        shipping_method=row.shipping_method,
    )


def _lines(row: Checkout, number: str) -> list[OrderLine]:
    return [
        OrderLine(
            tenant_id=row.tenant_id,
            order_number=number,
            sku=line.sku,
            title=line.title,
            quantity=line.quantity,
            unit_minor=line.unit_minor,
            net_minor=line.net_minor,
            tax_minor=line.tax_minor,
            gross_minor=line.gross_minor,
            discount_minor=line.discount_minor,
            list_minor=line.list_minor,
            tax_basis_points=line.tax_basis_points,
            tax_included=line.tax_included,
        )
        for line in checkouts.read_quote(row).lines
    ]


def _shipment(order: Order, place: int, planned: PlannedContents, leaves_by: datetime | None) -> Shipment:
    return Shipment(
        tenant_id=order.tenant_id,
        shipment_id=shipment_id(order.tenant_id, order.checkout_id, place),
        order_number=order.order_number,
        location_id=planned.location_id,
        state=ShipmentState.PENDING,
        place=place,
        waits_for_stock=planned.waits,
        ship_by=None if planned.waits else leaves_by,
        shipping_minor=0,
    )
