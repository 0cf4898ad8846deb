"""What becomes of a parcel is written down here, in one transaction each."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.carriage import Consignment
from domain.ids import ORDER_CALL, parcel_call
from domain.money import Money
from domain.parcels import ParcelRequest, PostalAddress, SentFor
from domain.shares import book_capture
from domain.shipments import (
    Awaited,
    CloseShipment,
    RecordCaptureFailure,
    RecordHandover,
    RecordLabel,
    RecordStage,
    ShipmentInput,
    WarehouseStage,
)
from domain.states import OperationKind, OrderState, PaymentState, ReservationState, ShipmentState
from gateways.accounts import Despatch
from models import events, orders, parcels, payments, shipments
from models.base import RowMissing, now
from models.database import Database
from models.events import Event
from models.orders import Order
from models.shipments import Shipment
from models.stock import Location

_PACKING_GRAMS = 150
_LATE = "shipment.stock_delayed"


class ShippingActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database, despatch: Despatch) -> None:
        self._database, self._despatch = database, despatch

    @activity.defn(name="shipping.look_for_stock")
    async def look_for_stock(self, asked: ShipmentInput) -> Awaited:
        """What a parcel still waits for. Once that is nothing it waits no more, whatever happens to the stock."""
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            awaited = await parcels.awaited(session, order.checkout_id, shipment)
            if shipment.waits_for_stock and not awaited.missing:
                shipment.waits_for_stock = False
                message = f"All of parcel {shipment.place + 1} is there now"
                events.record(session, asked.tenant, order.checkout_id, "shipment.stock_came", message)
            elif _later(awaited, await events.timeline(session, order.checkout_id), shipment.shipment_id):
                message = (
                    f"Parcel {shipment.place + 1} waits for stock until {awaited.expected_on}, later than was said"
                )
                facts = {"parcel": shipment.shipment_id, "expected_on": str(awaited.expected_on)}
                events.record(session, asked.tenant, order.checkout_id, _LATE, message, **facts)
            return awaited

    @activity.defn(name="shipping.prepare")
    async def prepare(self, asked: ShipmentInput) -> Consignment:
        """What the carrier must know. Parcels that began before `labels.buy` ask for it alone."""
        async with self._database.transaction(asked.tenant) as session:
            return await prepare(session, self._despatch, asked)

    @activity.defn(name="shipping.record_label")
    async def record_label(self, asked: RecordLabel) -> bool:
        """The label is ours; the warehouse can print it. False: the order goes to another address since."""
        label = asked.label
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            if shipment.state is not ShipmentState.PENDING:
                return True
            if order.address_version != asked.address_version:
                return False
            shipment.state, shipment.label_id = ShipmentState.LABEL_BOUGHT, label.label_id or None
            shipment.carrier = label.carrier
            shipment.carrier_shipment_id = label.carrier_shipment_id
            shipment.tracking_number = label.tracking_number
            shipment.tracking_url = label.tracking_url
            shipment.label_url = label.label_url
            shipment.label_cost_minor, shipment.label_currency = label.cost_minor, label.currency
            cost = Money(label.cost_minor, label.currency)
            message = f"Label {label.tracking_number} bought from {label.carrier} for {cost}"
            events.record(session, asked.tenant, order.checkout_id, "shipment.label_bought", message)
            return True

    @activity.defn(name="shipping.record_handover")
    async def record_handover(self, asked: RecordHandover) -> None:
        """The payment is captured and the parcel has left: money, stock, parcel and order move together."""
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            payment = await payments.get(session, order.payment_id)
            if payment.state is PaymentState.AUTHORIZED and asked.captured is not None:
                before = payment.captured_minor
                await payments.mark_captured(session, payment, asked.captured, asked.shipment_id)
                new = payment.captured_minor - before
                shares = await parcels.shares(session, order.order_number)
                await parcels.book(session, order.order_number, book_capture(shares, asked.shipment_id, new))
                message = f"{Money(new, order.currency)} captured"
                events.record(session, asked.tenant, order.checkout_id, "payment.captured", message)
                await session.flush()
            shipment.trouble = None
            orders.call_person(order, parcel_call(asked.shipment_id), None)
            if shipment.sent_for is SentFor.ORDER:
                orders.call_person(order, ORDER_CALL, None)
            await _leave(session, shipment, order)

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

    @activity.defn(name="shipping.record_stage")
    async def record_stage(self, asked: RecordStage) -> None:
        """The warehouse has picked or packed it; what is packed was picked."""
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            if shipment.state not in parcels.HERE:
                return
            packed = asked.stage is WarehouseStage.PACKED
            shipment.picked_at = shipment.picked_at or now()
            shipment.packed_at = now() if packed else None
            message = f"Parcel {shipment.place + 1} {asked.stage}"
            events.record(session, asked.tenant, order.checkout_id, f"shipment.{asked.stage}", message)

    @activity.defn(name="shipping.close")
    async def close(self, asked: CloseShipment) -> None:
        """The parcel's way has ended; the order follows."""
        async with self._database.transaction(asked.tenant) as session:
            shipment, order = await _load(session, asked.shipment_id)
            if shipment.state is asked.state:
                return
            shipment.state, shipment.ended_at, shipment.trouble = asked.state, now(), None
            message, kind = f"Parcel {asked.state.replace('_', ' ')}: {asked.note}", f"shipment.{asked.state}"
            events.record(session, asked.tenant, order.checkout_id, kind, message, parcel=asked.shipment_id)
            before = order.state
            await orders.follow_parcels(session, order)
            if order.state is OrderState.DELIVERED and before is not OrderState.DELIVERED:
                await session.flush()
                events.record(session, asked.tenant, order.checkout_id, "order.delivered", "Order delivered")


async def prepare(session: AsyncSession, despatch: Despatch, asked: ShipmentInput) -> Consignment:
    """What the carrier must know: addresses, weight, and our reference; and which carrier that is.

    Raises `RowMissing`.
    """
    shipment = await shipments.find(session, asked.shipment_id)
    order = await orders.find(session, shipment.order_number) if shipment else None
    if shipment is None or order is None:
        raise RowMissing(f"no shipment {asked.shipment_id}")
    location = await session.get_one(Location, (asked.tenant, shipment.location_id))
    packed = await parcels.packed(session, asked.shipment_id)
    parcel = ParcelRequest(
        reference=asked.shipment_id,
        service=asked.service,
        weight_grams=sum(one.quantity * one.weight_grams for one in packed) + _PACKING_GRAMS,
        sender=_address(location.address),
        recipient=_address(order.address),
        contents=", ".join(f"{one.quantity} x {one.title}" for one in packed)[:200],
        dimensions=despatch.carton,
    )
    route = despatch.route(asked.tenant, asked.service, shipment.location_id)
    return Consignment(parcel, route, despatch.silence, order.address_version)


async def _load(session: AsyncSession, shipment_id: str) -> tuple[Shipment, Order]:
    """The parcel and its order, locked. Raises `RowMissing`."""
    found = await parcels.locked(session, shipment_id)
    if found is None:
        raise RowMissing(f"no shipment {shipment_id}")
    return found


async def _leave(session: AsyncSession, shipment: Shipment, order: Order) -> None:
    """The end of a transaction: a crowd wants the stock's row, so that it is locked last."""
    if shipment.state is not ShipmentState.LABEL_BOUGHT:
        return
    shipment.state = ShipmentState.HANDED_OVER
    pieces = {one.sku: one.quantity for one in await parcels.packed(session, shipment.shipment_id)}
    number = shipment.tracking_number
    events.record(
        session, order.tenant_id, order.checkout_id, "shipment.handed_over", f"Parcel {number} left us",
        parcel=shipment.shipment_id,
    )  # fmt: skip
    await orders.follow_parcels(session, order)
    await session.flush()
    await parcels.move_units(session, order, shipment, pieces, ReservationState.SHIPPED)


def _address(kept: dict[str, Any]) -> PostalAddress:
    return PostalAddress(**kept)


def _later(awaited: Awaited, told: Sequence[Event], parcel: str) -> bool:
    """Whether its pieces come later than the customer was told last: as they bought, or since."""
    days = [str(one.data["expected_on"]) for one in told if one.type == _LATE and one.data.get("parcel") == parcel]
    last = days[-1] if days else str(awaited.promised_on or "")
    return bool(last and awaited.expected_on) and str(awaited.expected_on) > last
