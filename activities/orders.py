"""The database's part of an order: place it, cancel it, close it, flag it for a person."""

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.checkouts import OrderPlaced, PlaceOrder, PlannedParcel
from domain.ids import payment_id, shipment_id
from domain.money import Money
from domain.orders import CancelOrder, CloseOrder, FlagOrder
from domain.states import CheckoutState, OrderState, ReservationState, ShipmentState
from models import checkouts, events, orders, payments, shipments, stock
from models.base import now
from models.checkouts import Checkout
from models.database import Database
from models.orders import Order, OrderLine
from models.shipments import Shipment
from models.tenancy import next_order_number


class OrderActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="orders.place")
    async def place(self, asked: PlaceOrder) -> OrderPlaced:
        """The authorization is written down, the stock becomes the order's, and the order has a number: all at once."""
        async with self._database.transaction(asked.tenant) as session:
            row = await checkouts.get(session, asked.checkout_id)
            if row.order_number is not None:
                return await _placed_before(session, row.order_number)
            payment = await payments.get(session, payment_id(asked.tenant, asked.checkout_id))
            await payments.mark_authorized(session, payment, asked.authorized)
            if saved := asked.authorized.saved:
                await payments.keep_customer(session, asked.tenant, row.customer_id, saved.customer)
            locations = await stock.allocate(session, asked.checkout_id)
            number = await next_order_number(session, asked.tenant)
            session.add(_order(row, number, payment.payment_id))
            await session.flush()
            session.add_all(_lines(row, number))
            parcels = tuple(
                PlannedParcel(shipment_id(asked.tenant, asked.checkout_id, place), location)
                for place, location in enumerate(locations)
            )
            session.add_all(_shipment(asked.tenant, number, parcel) for parcel in parcels)
            row.state, row.order_number, row.ended_at = CheckoutState.COMPLETED, number, now()
            held = Money(asked.authorized.amount_minor, row.currency)
            done = "captured" if asked.authorized.captured else "authorized"
            events.record(
                session, asked.tenant, row.checkout_id, f"payment.{done}", f"{held} {done}",
                card=asked.authorized.card, intent_id=asked.authorized.intent_id,
            )  # fmt: skip
            await session.flush()
            events.record(session, asked.tenant, row.checkout_id, "order.placed", f"Order {number} placed")
            return OrderPlaced(number, parcels)

    @activity.defn(name="orders.cancel")
    async def cancel(self, asked: CancelOrder) -> None:
        """End an order that has not left; its authorization has been given back already."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            if order.state is OrderState.CANCELLED:
                return
            payment = await payments.get(session, asked.payment_id)
            if payment.captured_minor == 0:  # otherwise it was refunded, and written down with the refund
                await payments.mark_voided(session, payment, None)
            await stock.move_reservations(
                session, asked.checkout_id, ReservationState.RELEASED, f"order {asked.order_number}"
            )
            order.state, order.ended_at = OrderState.CANCELLED, now()
            orders.seen_to(order)
            message = f"Order cancelled by {asked.actor}: {asked.reason}"
            events.record(session, asked.tenant, asked.checkout_id, "order.cancelled", message)

    @activity.defn(name="orders.close")
    async def close(self, asked: CloseOrder) -> None:
        """The return window is over."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            if order.state is OrderState.CLOSED:
                return
            order.state, order.ended_at = OrderState.CLOSED, now()
            events.record(session, asked.tenant, order.checkout_id, "order.closed", "Order closed")

    @activity.defn(name="orders.flag")
    async def flag(self, asked: FlagOrder) -> None:
        """A person is needed, or not any more."""
        async with self._database.transaction(asked.tenant) as session:
            order = await orders.get(session, asked.order_number)
            if asked.source is None:
                changed = orders.seen_to(order)
            else:
                changed = orders.call_person(order, asked.source, asked.reason)
            if not changed:
                return
            kind = "order.needs_attention" if asked.reason else "order.attention_cleared"
            events.record(session, asked.tenant, order.checkout_id, kind, asked.reason or "A person has seen to it")


async def _placed_before(session: AsyncSession, number: str) -> OrderPlaced:
    """What was answered the first time; this activity ran before and its answer was lost."""
    parcels = await shipments.of_order(session, number)
    return OrderPlaced(number, tuple(PlannedParcel(one.shipment_id, one.location_id) for one in parcels))


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
        tax_minor=fixed.tax_minor,
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
        )
        for line in checkouts.read_quote(row).lines
    ]


def _shipment(tenant: str, number: str, parcel: PlannedParcel) -> Shipment:
    return Shipment(
        tenant_id=tenant,
        shipment_id=parcel.shipment_id,
        order_number=number,
        location_id=parcel.location_id,
        state=ShipmentState.PENDING,
    )
