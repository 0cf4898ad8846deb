"""The database's part of an order: place it, cancel it, close it, flag it for a person."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from functools import partial

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
    driver,
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
from models.events import Event
from models.orders import Order, OrderLine
from models.parcels import ShipmentLine
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
            found = await checkouts.to_place(session, asked.checkout_id)
            row, payment, held = found.checkout, found.payment, found.reserved
            if row.order_number is not None:
                return await _placed_before(session, row.order_number)
            await payments.mark_authorized(session, payment, asked.authorized)
            if saved := asked.authorized.saved:
                await payments.keep_customer(session, asked.tenant, row.customer_id, saved.customer)
            waits = any(one.backordered for one in held)
            if waits:  # stock that comes now may end the wait of a piece: what is read here must be locked
                await stock.allocate(session, asked.checkout_id)
                held = await parcels.reserved(session, asked.checkout_id)
            order, lines = _order(row, number, payment.payment_id), _lines(row, number)
            packed = _pack(order, lines, held, asked)
            row.state, row.order_number, row.ended_at = CheckoutState.COMPLETED, number, found.at
            writing = [
                *driver.insert([order, *lines, *packed, *_contents(order, packed)]),
                *driver.update([payment, row]),
                *driver.insert(_told(row, asked, packed)),  # an event's e-mail is about rows that must be there
            ]
            if waits:
                await driver.together(session, *writing)
                await _promise_to_ship(session, order, packed, asked)
            else:  # a crowd wants the same row: it is locked last, and for as short as can be
                *_, moved = await driver.together(session, *writing, stock.allocating(asked.checkout_id))
                stock.refuse_unheld(moved, asked.checkout_id)
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


def _pack(
    order: Order, lines: list[OrderLine], held: list[Reserved], asked: PlaceOrder
) -> dict[Shipment, PlannedContents]:
    """The parcels and what is in them, from what is reserved."""
    totals = [LineTotal(one.sku, one.quantity, one.gross_minor, one.tax_minor) for one in lines]
    within = _within(asked)
    leaves_by = None if within is None else datetime.now(UTC) + within
    packed = {_shipment(order, place, one, leaves_by): one for place, one in enumerate(plan_parcels(totals, held))}
    if asked.authorized.captured is not None:  # the money was taken at once, for all of them
        for parcel, one in packed.items():
            parcel.shipping_minor = 0 if parcel.place else order.shipping_minor
            parcel.paid_minor = sum(part.gross_minor for part in one.parts) + parcel.shipping_minor
    return packed


def _within(asked: PlaceOrder) -> timedelta | None:
    return None if asked.ship_within_seconds is None else timedelta(seconds=asked.ship_within_seconds)


async def _promise_to_ship(session: AsyncSession, order: Order, packed: Iterable[Shipment], asked: PlaceOrder) -> None:
    """A parcel that waits for stock must leave so long after the end of the day that is expected.

    Where nobody knows which day that is, it has no such time.
    """
    within = _within(asked)
    for parcel in packed:
        if within is not None and parcel.waits_for_stock:
            day = (await parcels.awaited(session, order.checkout_id, parcel)).expected_on
            if day is not None:
                parcel.ship_by = datetime.combine(day, time.min, UTC) + timedelta(days=1) + within
                (await shipments.get(session, parcel.shipment_id)).ship_by = parcel.ship_by


def _contents(order: Order, packed: dict[Shipment, PlannedContents]) -> list[ShipmentLine]:
    return [line for parcel, one in packed.items() for line in parcels.contents(order, parcel.shipment_id, one)]


def _told(row: Checkout, asked: PlaceOrder, packed: dict[Shipment, PlannedContents]) -> list[Event]:
    """The money is held, the order is placed; and which parcels there are, if there are several."""
    tell = partial(events.event, row.tenant_id, row.checkout_id)
    held = Money(asked.authorized.amount_minor, row.currency)
    done = "captured" if asked.authorized.captured else "authorized"
    told = [
        tell(f"payment.{done}", f"{held} {done}", card=asked.authorized.card, intent_id=asked.authorized.intent_id),
        tell("order.placed", f"Order {row.order_number} placed"),
    ]
    for parcel, one in packed.items() if len(packed) > 1 else ():
        pieces = ", ".join(f"{part.quantity} x {part.sku}" for part in one.parts)
        waits = ", which waits for stock" if one.waits else ""
        message = f"Parcel {parcel.place + 1} of {len(packed)} from {one.location_id}: {pieces}{waits}"
        told.append(tell("shipment.planned", message))
    return told


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
