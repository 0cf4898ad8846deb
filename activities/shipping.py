"""Labels are bought from the carrier here, and what became of a parcel is written down."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.ids import ORDER_CALL, parcel_call
from domain.money import Money
from domain.parcels import CarrierShipmentState, Label, ParcelRequest, PostalAddress, VoidResult
from domain.shipments import (
    CloseShipment,
    RecordCaptureFailure,
    RecordHandover,
    RecordLabel,
    ShipmentInput,
)
from domain.states import OperationKind, OrderState, PaymentState, ReservationState, ShipmentState
from gateways.carriers.protocol import Carrier
from models import checkouts, events, orders, payments, shipments, stock
from models.base import RowMissing, now
from models.database import Database
from models.orders import Order
from models.shipments import Shipment
from models.stock import Location

_PACKING_GRAMS = 150


class CarrierActivities:
    """Calls to the carrier. It has no idempotency keys, so each call looks before it buys."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    @activity.defn(name="carrier.buy_label")
    async def buy_label(self, asked: ParcelRequest) -> Label:
        """One paid label for this reference, however often this runs: look, create, buy."""
        found = await self._carrier.find(asked.reference)
        if found is None or found.state is CarrierShipmentState.VOIDED:
            found = await self._carrier.create(asked)
        return found.label or await self._carrier.buy(found.carrier_shipment_id)

    @activity.defn(name="carrier.void_label")
    async def void_label(self, asked: Label) -> VoidResult:
        """Give an unused label back."""
        return await self._carrier.void(asked.carrier_shipment_id)


class ShippingActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="shipping.prepare")
    async def prepare(self, asked: ShipmentInput) -> ParcelRequest:
        """What the carrier must know: addresses, weight, and our reference."""
        async with self._database.transaction(asked.tenant) as session:
            shipment = await shipments.get(session, asked.shipment_id)
            order = await orders.get(session, shipment.order_number)
            checkout = await checkouts.get(session, order.checkout_id)
            location = await session.get_one(Location, (asked.tenant, shipment.location_id))
            fixed = checkouts.read_quote(checkout)
            return ParcelRequest(
                reference=asked.shipment_id,
                service=asked.service,
                weight_grams=fixed.weight_grams + _PACKING_GRAMS,
                sender=_address(location.address),
                recipient=_address(order.address),
                contents=", ".join(f"{line.quantity} x {line.title}" for line in fixed.lines)[:200],
            )

    @activity.defn(name="shipping.record_label")
    async def record_label(self, asked: RecordLabel) -> None:
        """The label is ours; the warehouse can print it."""
        label = asked.label
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            if shipment.state is not ShipmentState.PENDING:
                return
            shipment.state = ShipmentState.LABEL_BOUGHT
            shipment.carrier = label.carrier
            shipment.carrier_shipment_id = label.carrier_shipment_id
            shipment.tracking_number = label.tracking_number
            shipment.tracking_url = label.tracking_url
            shipment.label_url = label.label_url
            shipment.label_cost_minor, shipment.label_currency = label.cost_minor, label.currency
            cost = Money(label.cost_minor, label.currency)
            message = f"Label {label.tracking_number} bought from {label.carrier} for {cost}"
            events.record(session, asked.tenant, order.checkout_id, "shipment.label_bought", message)

    @activity.defn(name="shipping.record_handover")
    async def record_handover(self, asked: RecordHandover) -> None:
        """The payment is captured and the parcel has left: money, stock, parcel and order move together."""
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            payment = await payments.get(session, order.payment_id)
            if payment.state is PaymentState.AUTHORIZED and asked.captured is not None:
                await payments.mark_captured(session, payment, asked.captured, asked.shipment_id)
                taken = Money(asked.captured.amount_minor, order.currency)
                events.record(session, asked.tenant, order.checkout_id, "payment.captured", f"{taken} captured")
                await session.flush()
            await _leave(session, shipment, order)
            for source in (parcel_call(asked.shipment_id), ORDER_CALL):
                orders.call_person(order, source, None)

    @activity.defn(name="shipping.record_capture_failure")
    async def record_capture_failure(self, asked: RecordCaptureFailure) -> None:
        """The money could not be taken. `left`: the parcel had gone before; either way a person must decide."""
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            await payments.finish(
                session, order.payment_id, OperationKind.CAPTURE,
                reference=asked.shipment_id, error_code=asked.refusal.code,
            )  # fmt: skip
            message = f"The payment could not be captured: {asked.refusal.message}"
            events.record(session, asked.tenant, order.checkout_id, "payment.capture_failed", message)
            orders.call_person(order, parcel_call(asked.shipment_id), message)
            if asked.left:
                await _leave(session, shipment, order)

    @activity.defn(name="shipping.close")
    async def close(self, asked: CloseShipment) -> None:
        """The parcel's way has ended; the order follows."""
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            if shipment.state is asked.state:
                return
            shipment.state, shipment.ended_at = asked.state, now()
            message = f"Parcel {asked.state.replace('_', ' ')}: {asked.note}"
            events.record(session, asked.tenant, order.checkout_id, f"shipment.{asked.state}", message)
            await orders.follow_parcels(session, order)
            if order.state is OrderState.DELIVERED:
                await session.flush()
                events.record(session, asked.tenant, order.checkout_id, "order.delivered", "Order delivered")


async def _load(session: AsyncSession, shipment_id: str) -> tuple[Shipment, Order]:
    """The parcel and its order; the order is locked first, everywhere, so that no two can wait for each other."""
    seen = await shipments.find(session, shipment_id)
    if seen is None:
        raise RowMissing(f"no shipment {shipment_id}")
    order = await orders.get(session, seen.order_number)
    shipment = await shipments.get(session, shipment_id)
    return shipment, order


async def _leave(session: AsyncSession, shipment: Shipment, order: Order) -> None:
    if shipment.state is not ShipmentState.LABEL_BOUGHT:
        return
    shipment.state = ShipmentState.HANDED_OVER
    await stock.move_reservations(session, order.checkout_id, ReservationState.SHIPPED, f"order {order.order_number}")
    number = shipment.tracking_number
    events.record(session, order.tenant_id, order.checkout_id, "shipment.handed_over", f"Parcel {number} left us")
    await orders.follow_parcels(session, order)


def _address(kept: dict[str, Any]) -> PostalAddress:
    return PostalAddress(**kept)
