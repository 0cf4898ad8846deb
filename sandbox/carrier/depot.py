"""The carrier stand-in's books and rules: sells labels, moves parcels, queues a webhook for every scan."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from domain.tracking import POSSESSION
from sandbox.carrier.agenda import Agenda
from sandbox.carrier.records import (
    Conduct,
    Delivery,
    Event,
    Face,
    LabelRecord,
    Parcel,
    ScanWanted,
    ShipmentWanted,
)
from sandbox.journal import Journal

JOURNEY = {
    "label_bought": "picked_up",
    "picked_up": "in_transit",
    "in_transit": "out_for_delivery",
    "out_for_delivery": "delivered",
}
"""Where a parcel goes from where it is; anywhere else it stays until it is told."""

_KEEPS_MOVING = "delayed"
SCANS = {
    "picked_up": ("PU", "Collected from the sender"),
    "in_transit": ("IT", "Sorted at the hub"),
    "out_for_delivery": ("OD", "On the van"),
    "delivered": ("DL", "Handed to the recipient"),
    "ready_for_pickup": ("RP", "Waiting at the parcel shop"),
    "attempt_failed": ("AF", "Nobody at home"),
    "on_hold": ("OH", "Held at the hub"),
    "delayed": ("LT", "Running late"),
    "return_to_sender": ("RS", "Going back to the sender"),
    "returned": ("RT", "Back with the sender"),
    "lost": ("LO", "Cannot be found"),
    "cancelled": ("CA", "Cancelled"),
}
"""Status → the carrier's own code, and what it says."""

_BASE_PRICES = {"express": 990}
_STANDARD_PRICE = 490
_PER_KILOGRAM = 60
CURRENCY = "EUR"


OFFERS = (("Post", "Economy", 390, 5), ("Post", "Priority", 690, 3), ("Swift", "NextDay", 1890, 1))
"""Carrier, service, base price in minor units and days on the way, of the faces that quote rates."""


class Offer(NamedTuple):
    """What a parcel could be carried for."""

    id: str
    parcel_id: str
    carrier: str
    service: str
    cost_minor: int
    currency: str
    days: int


class Refused(Exception):
    """A 4xx: status, a code, a sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


class Depot:
    """All parcels of the one account. `pace` is seconds between scans; 0: parcels move only when told.

    `moves` holds ids of parcels, `posts` ids of deliveries; whoever waits on them calls `move` or sends.
    """

    def __init__(self, *, public_url: str, pace: float, state: Path | None) -> None:
        self.public_url, self.pace, self.conduct = public_url.rstrip("/"), pace, Conduct()
        self.parcels: dict[str, Parcel] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.bodies: dict[str, Callable[[Parcel, Event], str]] = {}
        """How a face tells of a scan, by its name; the generic one sends the scan itself."""
        self.taken = self.in_flight = 0
        self.moves, self.posts = Agenda(), Agenda()
        self._by_number: dict[str, Parcel] = {}
        self._by_reference: dict[str, list[Parcel]] = {}
        self._parked: dict[str, str] = {}
        self._journal = Journal(state)
        for kind, _, body in list(self._journal.load()):
            self._restore(kind, body)

    def create(self, wanted: ShipmentWanted, face: Face = "generic") -> Parcel:
        """Enter a parcel; the same reference again makes a second one, as with most carriers."""
        parcel = Parcel(id=f"shp_{secrets.token_hex(8)}", wanted=wanted, face=face)
        self._index(parcel)
        self._keep(parcel)
        return parcel

    def get(self, parcel_id: str) -> Parcel:
        """One parcel, or a 404."""
        if parcel_id not in self.parcels:
            raise Refused(404, "unknown_shipment", f"There is no shipment {parcel_id}.")
        return self.parcels[parcel_id]

    def under(self, reference: str) -> list[Parcel]:
        """All parcels with this reference, oldest first."""
        return self._by_reference.get(reference, [])

    def numbered(self, tracking_number: str) -> Parcel | None:
        """The parcel with this tracking number."""
        return self._by_number.get(tracking_number)

    def offers(self, parcel: Parcel) -> list[Offer]:
        """What it could be carried for; each has an id of its own."""
        extra = _PER_KILOGRAM * (parcel.wanted.weight_grams // 1000)
        return [
            Offer(f"rate_{place}_{parcel.id}", parcel.id, carrier, service, base + extra, CURRENCY, days)
            for place, (carrier, service, base, days) in enumerate(OFFERS)
        ]

    def offer(self, offer_id: str) -> Offer:
        """One of them, or a 404."""
        place, _, parcel_id = offer_id.removeprefix("rate_").partition("_")
        offers = self.offers(self.get(parcel_id))
        if not place.isdigit() or int(place) >= len(offers):
            raise Refused(404, "unknown_rate", f"There is no rate {offer_id}.")
        return offers[int(place)]

    def buy(self, parcel_id: str, offer: Offer | None = None) -> Parcel:
        """Sell its label; a second time is refused and counted, so that a naive retry shows."""
        parcel = self.get(parcel_id)
        if parcel.state == "bought":
            parcel.repeat_buys += 1
            self._keep(parcel)
            raise Refused(409, "already_bought", f"The label of {parcel_id} was bought before.")
        if parcel.state == "voided":
            raise Refused(409, "voided", f"Shipment {parcel_id} was voided.")
        service = parcel.wanted.service
        base = next((price for word, price in _BASE_PRICES.items() if word in service), _STANDARD_PRICE)
        cost = base + _PER_KILOGRAM * (parcel.wanted.weight_grams // 1000)
        if offer is not None:
            service, cost, parcel.offer_id = f"{offer.carrier}/{offer.service}", offer.cost_minor, offer.id
        number = f"MP{secrets.randbelow(10**12):012d}"
        parcel.state = "bought"
        parcel.label = LabelRecord(
            tracking_number=number,
            tracking_url=f"{self.public_url}/track/{number}",
            label_url=f"{self.public_url}/labels/{parcel.id}",
            cost_minor=cost,
            currency=CURRENCY,
            service=service,
        )
        self._index(parcel)
        self._plan(parcel)
        self._keep(parcel)
        return parcel

    def void(self, parcel_id: str) -> Parcel:
        """Take a label back, unless it was taken back before or the parcel has been picked up."""
        parcel = self.get(parcel_id)
        if parcel.state == "voided":
            raise Refused(409, "already_voided", f"Shipment {parcel_id} was voided before.")
        if any(scan.status in POSSESSION for scan in parcel.scans):
            raise Refused(409, "too_late", f"Shipment {parcel_id} has been picked up; its label is used.")
        parcel.state = "voided"
        self._plan(parcel)
        self._keep(parcel)
        return parcel

    def scan(self, parcel_id: str, wanted: ScanWanted) -> Event:
        """Any scan at all, told to the shop. A known event id is told again and not kept twice."""
        parcel = self.get(parcel_id)
        if parcel.label is None:
            raise Refused(409, "no_label", f"Shipment {parcel_id} has no label yet.")
        code, text = SCANS.get(wanted.status, (wanted.status.upper(), wanted.status.replace("_", " ")))
        event = Event(
            event_id=wanted.event_id or f"evt_{secrets.token_hex(10)}",
            shipment_id=parcel.id,
            reference=parcel.wanted.reference,
            tracking_number=parcel.label.tracking_number,
            status=wanted.status,
            code=wanted.code or code,
            description=text if wanted.description is None else wanted.description,
            location=parcel.wanted.recipient.city if wanted.location is None else wanted.location,
            occurred_at=wanted.occurred_at or datetime.now(UTC),
        )
        if all(event.event_id != known.event_id for known in parcel.scans):
            newest = all(event.occurred_at >= known.occurred_at for known in parcel.scans)
            parcel.scans.append(event)
            if newest and event.status in SCANS and event.status != _KEEPS_MOVING:
                parcel.position = event.status
                self._plan(parcel)
        self._keep(parcel, *self._queue(parcel, event))
        return event

    def move(self, parcel_id: str) -> None:
        """One step on its journey."""
        parcel = self.parcels.get(parcel_id)
        if parcel is not None and parcel.state == "bought" and parcel.position in JOURNEY:
            self.scan(parcel_id, ScanWanted(status=JOURNEY[parcel.position]))

    def set_pace(self, seconds: float) -> None:
        """Seconds between scans from now on, for every parcel on its way."""
        self.pace = seconds
        on_the_way = [parcel for parcel in self.parcels.values() if parcel.position in JOURNEY]
        for parcel in on_the_way:
            self._plan(parcel)
        self._keep(*on_the_way)

    def set_conduct(self, conduct: Conduct) -> None:
        """How webhooks are posted from now on. What is held stays held until `release`."""
        self.conduct = conduct
        self._journal.write([("conduct", "conduct", conduct.model_dump(mode="json"))])

    def release(self) -> int:
        """Send what is held, in order, or backwards under `reorder`; how many."""
        held = [delivery for delivery in self.deliveries.values() if delivery.due_at is None]
        now = time.time()
        for delivery in reversed(held) if self.conduct.reorder else held:
            delivery.due_at = now
            self.posts.put(delivery.id, now)
        self._keep(*held)
        return len(held)

    def delivered(self, delivery: Delivery) -> None:
        """The shop has taken it, or a copy of it."""
        self.taken += 1
        delivery.copies -= 1
        if delivery.copies <= 0 and delivery.id in self.deliveries:
            del self.deliveries[delivery.id]
            self._journal.write([("delivery", delivery.id, None)])

    def not_delivered(self, delivery: Delivery) -> None:
        """Again after a quarter of a second, doubling up to ten seconds, until it is taken."""
        if delivery.id in self.deliveries:
            delivery.due_at = time.time() + min(0.25 * 2 ** min(delivery.attempts, 10), 10.0)
            delivery.attempts += 1
            self.posts.put(delivery.id, delivery.due_at)
            self._keep(delivery)

    def reset(self) -> None:
        """Forget every parcel and webhook; the pace stays."""
        for kept in (self.parcels, self.deliveries, self._by_number, self._by_reference, self._parked):
            kept.clear()
        self.moves.clear()
        self.posts.clear()
        self.taken, self.conduct = 0, Conduct()
        self._journal.clear()

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def _queue(self, parcel: Parcel, event: Event) -> list[Delivery]:
        """The webhook of a scan, as the conduct has it, and the one that it overtakes."""
        if self.conduct.mode == "drop":
            return []
        now = time.time()
        delivery = Delivery(
            id=f"dlv_{secrets.token_hex(8)}",
            shipment_id=event.shipment_id,
            body=self.bodies[parcel.face](parcel, event) if parcel.face in self.bodies else event.model_dump_json(),
            face=parcel.face,
            due_at=None if self.conduct.mode == "hold" else now,
            copies=1 + self.conduct.duplicate,
        )
        self.deliveries[delivery.id] = delivery
        queued = [delivery]
        if delivery.due_at is not None and self.conduct.reorder:
            overtaken = self.deliveries.get(self._parked.pop(event.shipment_id, ""))
            if overtaken is not None:
                overtaken.due_at = now
                queued.append(overtaken)
            else:
                delivery.due_at = now + max(1.0, 2 * self.pace)
                self._parked[event.shipment_id] = delivery.id
        for each in queued:
            self.posts.put(each.id, each.due_at)
        return queued

    def _plan(self, parcel: Parcel) -> None:
        """When it moves next: at the pace, as long as there is somewhere to go."""
        moving = self.pace > 0 and parcel.state == "bought" and parcel.position in JOURNEY
        parcel.moves_at = time.time() + self.pace if moving else None
        self.moves.put(parcel.id, parcel.moves_at)

    def _index(self, parcel: Parcel) -> None:
        if parcel.id not in self.parcels:
            self.parcels[parcel.id] = parcel
            self._by_reference.setdefault(parcel.wanted.reference, []).append(parcel)
        if parcel.label is not None:
            self._by_number[parcel.label.tracking_number] = parcel

    def _keep(self, *records: Parcel | Delivery) -> None:
        """Write records down, all or none, before anyone is answered."""
        self._journal.write(
            (type(record).__name__.lower(), record.id, record.model_dump(mode="json")) for record in records
        )

    def _restore(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "parcel":
            parcel = Parcel.model_validate(body)
            self._index(parcel)
            if self.pace <= 0 or parcel.moves_at is None:
                self._plan(parcel)
            else:
                self.moves.put(parcel.id, parcel.moves_at)
        elif kind == "delivery":
            delivery = Delivery.model_validate(body)
            self.deliveries[delivery.id] = delivery
            self.posts.put(delivery.id, delivery.due_at)
        elif kind == "conduct":
            self.conduct = Conduct.model_validate(body)
