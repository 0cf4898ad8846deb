"""Calls to carriers, which have no idempotency keys: each looks before it buys. What they say is written down."""

from temporalio import activity

from domain.parcels import CarrierShipment, CarrierShipmentState, Label, VoidOutcome, VoidResult
from domain.shipments import (
    Booking,
    CarrierSaid,
    CreateShipment,
    LastWord,
    RecordCreated,
    RecordSilence,
    ShipmentInput,
    TrackingNews,
    TrackParcel,
)
from domain.states import ShipmentState
from domain.tracking import POSSESSION, decides
from gateways.accounts import CarrierAccounts
from gateways.carriers.protocol import CarrierRejected, CarrierUnavailable
from models import events, scans, shipments
from models.base import now
from models.database import Database


class CarrierActivities:
    """One call each, harmless to repeat."""

    def __init__(self, carriers: CarrierAccounts) -> None:
        self._carriers = carriers

    @activity.defn(name="carrier.create")
    async def create(self, asked: CreateShipment) -> CarrierShipment:
        """A parcel in the carrier's books, found under our reference or entered anew. It costs nothing yet."""
        carrier = self._carriers.carrier(asked.tenant, asked.carrier)
        found = None if asked.anew else await carrier.find(asked.parcel.reference)
        if found is None or found.state is CarrierShipmentState.VOIDED:
            found = await carrier.create(asked.parcel)
        return found

    @activity.defn(name="carrier.buy")
    async def buy(self, asked: Booking) -> Label:
        """One paid label for this booking, however often this runs: look, buy, and look again if that is refused."""
        found = await self._look_up(asked)
        if found.label is not None:
            return found.label
        carrier = self._carriers.carrier(asked.tenant, asked.carrier)
        try:
            return await carrier.buy(asked.carrier_shipment_id, asked.rate_id)
        except CarrierRejected:
            found = await self._look_up(asked)
            if found.label is not None:  # it was bought by a request of ours that arrived late
                return found.label
            raise

    @activity.defn(name="carrier.void")
    async def void(self, asked: Booking) -> VoidResult:
        """Give the label of a booking back, if there is one, whether we heard of it or not."""
        found = await self._look_up(asked)
        if found.label is None:
            bought = found.state is not CarrierShipmentState.CREATED
            return VoidResult(VoidOutcome.ALREADY_VOIDED if bought else VoidOutcome.NOTHING)
        return await self._carriers.carrier(asked.tenant, asked.carrier).void(found.label)

    @activity.defn(name="carrier.track")
    async def track(self, asked: TrackParcel) -> CarrierSaid:
        """All that the carrier has to say of a parcel."""
        carrier = self._carriers.carrier(asked.tenant, asked.label.carrier)
        told_by = f"asked/{asked.attempt}"
        return CarrierSaid(asked.tenant, asked.shipment_id, told_by, await carrier.track(asked.label))

    async def _look_up(self, asked: Booking) -> CarrierShipment:
        """What a refusal of this says is not that nothing was bought."""
        carrier = self._carriers.carrier(asked.tenant, asked.carrier)
        try:
            return await carrier.look_up(asked.carrier_shipment_id, asked.rate_id)
        except CarrierRejected as refused:
            raise CarrierUnavailable(f"{asked.carrier} does not say what became of the label: {refused}") from refused


class TrackingActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="tracking.record_created")
    async def record_created(self, asked: RecordCreated) -> None:
        """What is about to be bought: it can be looked for from now on."""
        async with self._database.transaction(asked.tenant) as session:
            shipment = await shipments.get(session, asked.shipment_id)
            if shipment.state is ShipmentState.PENDING:
                shipment.carrier = asked.booking.carrier
                shipment.carrier_shipment_id = asked.booking.carrier_shipment_id
                shipment.rate_id = asked.booking.rate_id or None
                shipment.booked_for = asked.address_version

    @activity.defn(name="tracking.last_word")
    async def last_word(self, asked: ShipmentInput) -> LastWord:
        """When the carrier was heard of last, by webhook."""
        async with self._database.transaction(asked.tenant) as session:
            shipment = await shipments.get(session, asked.shipment_id)
            return LastWord(await scans.last_word_at(session, shipment))

    @activity.defn(name="tracking.record_said")
    async def record_said(self, asked: CarrierSaid) -> LastWord:
        """Each scan once, as if a webhook had brought it; and what the workflow must decide upon."""
        async with self._database.transaction(asked.tenant) as session:
            shipment = await shipments.get(session, asked.shipment_id)
            known = await scans.told(session, shipment, shipment.carrier or "")
            handed_over = shipment.state not in (ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT)
            news = []
            fresh = [scan for scan in asked.scans if known.get(scan.event_id, asked.told_by) == asked.told_by]
            for scan in fresh:
                if scan.event_id not in known:
                    await scans.keep(session, shipment, scan, asked.told_by)
                if decides(scan, handed_over=handed_over):
                    at = scan.occurred_at.isoformat()
                    news.append(TrackingNews(scan.event_id, scan.status, at, scan.description))
                    handed_over = handed_over or scan.status in POSSESSION
            return LastWord(await scans.last_word_at(session, shipment), tuple(news), len(fresh))

    @activity.defn(name="tracking.record_silence")
    async def record_silence(self, asked: RecordSilence) -> None:
        """Whether anybody hears of this parcel."""
        async with self._database.transaction(asked.tenant) as session:
            shipment = await shipments.get(session, asked.shipment_id)
            if asked.silent == (shipment.silent_since is not None):
                return
            shipment.silent_since = now() if asked.silent else None
            kind, message = _SILENCE[asked.silent]
            order = await shipments.checkout_of(session, shipment)
            events.record(session, asked.tenant, order, kind, message)


_SILENCE = {
    True: ("shipment.silent", "The carrier says nothing of the parcel, although it was asked"),
    False: ("shipment.heard_of", "The carrier has been heard of again"),
}
