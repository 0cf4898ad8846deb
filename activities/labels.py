"""Buys a parcel's label in one activity. Each step is written down before the next, so that whoever begins it anew goes
on where the last one died."""

from dataclasses import replace

from temporalio import activity

from activities.carriers import CarrierActivities, TrackingActivities
from activities.shipping import ShippingActivities, prepare
from domain.carriage import Consignment, as_route, rate_of
from domain.shipments import Booking, BuyLabel, CreateShipment, LabelBought, RecordCreated, RecordLabel, ShipmentInput
from gateways.accounts import Despatch
from models import shipments
from models.database import Database
from models.shipments import Shipment


class LabelActivities:
    """An ordinary activity over the carrier's and the tables' own; and what it has left behind."""

    def __init__(
        self, database: Database, despatch: Despatch, carriers: CarrierActivities, shipping: ShippingActivities
    ) -> None:
        self._database, self._despatch = database, despatch
        self._carriers, self._shipping, self._tracking = carriers, shipping, TrackingActivities(database)

    @activity.defn(name="labels.buy")
    async def buy(self, asked: BuyLabel) -> LabelBought:
        """One paid label, however often this runs: created at the carrier, written down, bought, written down.

        What was created for another address is given back, and created anew. Raises `NoRate`, `CarrierRejected`: then
        what is in the carrier's books is of no use; `CarrierUnavailable`: then it is not known.
        """
        mine = asked.shipment
        async with self._database.transaction(mine.tenant) as session:
            prepared = await prepare(session, self._despatch, mine)
            row = await session.get_one(Shipment, (mine.tenant, mine.shipment_id))  # read with the rest of it
            booking, booked_for = _booking(row), row.booked_for
        if booking is not None and booking.carrier_shipment_id == asked.useless:
            booking = None
        if booking is not None and booked_for != prepared.address_version:
            await self._carriers.void(booking)
            asked, booking = replace(asked, useless=booking.carrier_shipment_id), None
        booking = booking or await self._book(asked, prepared)
        label = await self._carriers.buy(booking)
        record = RecordLabel(mine.tenant, mine.shipment_id, label, prepared.address_version)
        ours = await self._shipping.record_label(record)
        return LabelBought(booking, label if ours else None, prepared.silence)

    @activity.defn(name="labels.booked")
    async def booked(self, asked: ShipmentInput) -> Booking | None:
        """What was created at the carrier, as far as it is written down. A local activity."""
        async with self._database.transaction(asked.tenant) as session:
            row = await shipments.find(session, asked.shipment_id)
            return _booking(row) if row else None

    async def _book(self, asked: BuyLabel, prepared: Consignment) -> Booking:
        """In the carrier's books, with the rate that is to be bought; both written down."""
        mine, route = asked.shipment, prepared.route
        anew = asked.useless is not None
        created = await self._carriers.create(CreateShipment(mine.tenant, route.carrier, as_route(prepared), anew))
        booking = Booking(mine.tenant, route.carrier, created.carrier_shipment_id, rate_of(created, route))
        record = RecordCreated(mine.tenant, mine.shipment_id, booking, prepared.address_version)
        await self._tracking.record_created(record)
        return booking


def _booking(row: Shipment) -> Booking | None:
    if row.carrier is None or row.carrier_shipment_id is None:
        return None
    return Booking(row.tenant_id, row.carrier, row.carrier_shipment_id, row.rate_id or "")
