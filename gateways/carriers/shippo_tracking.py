"""What Shippo tells: webhooks, tracks, and what their statuses mean in our vocabulary.

Sources: docs.goshippo.com/docs/tracking/tracking (statuses and substatuses), /docs/tracking/webhooks (the payload),
/docs/tracking/webhooksecurity (`Shippo-Auth-Signature: t=…,v1=…`, as `gateways/signatures.py` reads it).
"""

import hashlib
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from domain.tracking import Scan, TrackingMessage, TrackingStatus, scan_identity, status_of
from gateways.carriers.http import read

SIGNATURE_HEADER = "Shippo-Auth-Signature"

_S = TrackingStatus

STATUSES = {
    "PRE_TRANSIT": _S.PENDING,
    "TRANSIT": _S.IN_TRANSIT,
    "DELIVERED": _S.DELIVERED,
    "RETURNED": _S.RETURN_TO_SENDER,
    "FAILURE": _S.ON_HOLD,
}
"""A scan's `status`. RETURNED is said of parcels on their way back as well; FAILURE: it cannot be delivered."""

SUBSTATUSES = {
    "package_accepted": _S.PICKED_UP,
    "out_for_delivery": _S.OUT_FOR_DELIVERY,
    "pickup_available": _S.READY_FOR_PICKUP,
    "delivery_attempted": _S.ATTEMPT_FAILED,
    "notice_left": _S.ATTEMPT_FAILED,
    "location_inaccessible": _S.ATTEMPT_FAILED,
    "address_issue": _S.ON_HOLD,
    "contact_carrier": _S.ON_HOLD,
    "package_held": _S.ON_HOLD,
    "package_damaged": _S.ON_HOLD,
    "delayed": _S.DELAYED,
    "delivery_rescheduled": _S.DELAYED,
    "reschedule_delivery": _S.DELAYED,
    "return_to_sender": _S.RETURN_TO_SENDER,
    "package_unclaimed": _S.RETURN_TO_SENDER,
    "package_lost": _S.LOST,
    "package_disposed": _S.LOST,
}
"""A substatus's code that says more than the status."""


class _Substatus(BaseModel):
    code: str = Field(max_length=100)


class _Place(BaseModel):
    city: str | None = None
    state: str | None = None
    country: str | None = None


class _Status(BaseModel):
    status: str = Field(max_length=100)
    status_details: str | None = None
    status_date: AwareDatetime | None = None
    substatus: _Substatus | None = None
    location: _Place | None = None


class TrackBody(BaseModel):
    """Where a parcel is, with all scans so far."""

    tracking_number: str = Field(max_length=200)
    transaction: str | None = Field(default=None, max_length=200)
    tracking_status: _Status | None = None
    tracking_history: list[_Status] = []


class _Event(BaseModel):
    event: str


class _TrackEvent(BaseModel):
    data: TrackBody


_REFUSAL = TypeAdapter(dict[str, object])


def complaint(body: bytes) -> tuple[str, str] | None:
    """`{"detail": …}`, or a list of complaints by field."""
    try:
        fields = _REFUSAL.validate_json(body)
    except ValidationError:
        return None
    said = "; ".join(f"{field}: {complaint}" for field, complaint in fields.items())[:500]
    return ("refused", said) if said else None


def scans(carrier: str, track: TrackBody) -> tuple[Scan, ...]:
    """A parcel's scans in the order they happened, each once: the current one is in the history too.

    One without a time cannot be ordered and is left out.
    """
    rows = [*track.tracking_history, *([track.tracking_status] if track.tracking_status else [])]
    found = {}
    for row in rows:
        if row.status_date is not None:
            scan = _scan(carrier, track, row, row.status_date)
            found[scan.event_id] = scan
    return tuple(sorted(found.values(), key=lambda scan: (scan.occurred_at, scan.event_id)))


def _scan(carrier: str, track: TrackBody, row: _Status, at: datetime) -> Scan:
    detail = row.substatus.code if row.substatus else ""
    code = f"{row.status}/{detail}" if detail else row.status
    place = row.location or _Place()
    return Scan(
        event_id=scan_identity(None, carrier, track.tracking_number, code, at),
        carrier=carrier,
        carrier_shipment_id="",
        tracking_number=track.tracking_number,
        reference="",
        status=status_of(detail, row.status, tables=(SUBSTATUSES, STATUSES)),
        carrier_code=code,
        description=(row.status_details or "")[:1000],
        occurred_at=at,
        location=", ".join(filter(None, (place.city, place.state, place.country)))[:200] or None,
        label_id=track.transaction or "",
    )


def parse_event(carrier: str, body: bytes) -> TrackingMessage:
    """The scans of a `track_updated`; other events have none. Shippo gives events no id: the body tells them apart.

    Raises `MalformedEvent`.
    """
    identity = hashlib.sha256(body).hexdigest()
    if read(_Event, body).event != "track_updated":
        return TrackingMessage(identity, ())
    return TrackingMessage(identity, scans(carrier, read(_TrackEvent, body).data))
