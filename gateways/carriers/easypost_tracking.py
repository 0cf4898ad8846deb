"""What EasyPost tells: webhooks, their signatures, trackers and what their statuses mean in our vocabulary.

Sources: docs.easypost.com/docs/trackers (statuses and details), docs.easypost.com/docs/webhooks and the official client
libraries' `validate_webhook` (the signature), support.easypost.com, "Webhook HMAC Validation" (the second signature).
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from domain.tracking import Scan, TrackingMessage, TrackingStatus, scan_identity, status_of
from gateways.carriers.http import read
from gateways.carriers.signing import as_hex, header, hmac_sha256, verify_digest, verify_time
from gateways.signatures import SignatureInvalid

SIGNATURE_HEADER = "X-Hmac-Signature"
_PREFIX = "hmac-sha256-hex="
_SECOND = ("X-Hmac-Signature-V2", "X-Timestamp", "X-Path")

_S = TrackingStatus

STATUSES = {
    "pre_transit": _S.PENDING,
    "in_transit": _S.IN_TRANSIT,
    "out_for_delivery": _S.OUT_FOR_DELIVERY,
    "delivered": _S.DELIVERED,
    "available_for_pickup": _S.READY_FOR_PICKUP,
    "return_to_sender": _S.RETURN_TO_SENDER,
    "failure": _S.ON_HOLD,
    "cancelled": _S.CANCELLED,
}
"""A scan's `status`. `failure`: the carrier cannot go on, a person must look. `error` and `unknown` say nothing."""

DETAILS = {
    "failure": {"lost": _S.LOST, "damaged": _S.ON_HOLD},
    "pre_transit": {"received_at_origin_facility": _S.PICKED_UP},
    "in_transit": {
        "received_at_origin_facility": _S.PICKED_UP,
        "arrived_at_pickup_location": _S.READY_FOR_PICKUP,
        "delivery_exception": _S.ATTEMPT_FAILED,
        "refused": _S.ATTEMPT_FAILED,
        "held": _S.ON_HOLD,
        "awaiting_information": _S.ON_HOLD,
        "address_correction": _S.ON_HOLD,
        "damaged": _S.ON_HOLD,
        "delayed": _S.DELAYED,
        "weather_delay": _S.DELAYED,
        "missorted": _S.DELAYED,
        "transit_exception": _S.DELAYED,
        "return": _S.RETURN_TO_SENDER,
        "lost": _S.LOST,
    },
}
"""`status` → the `status_detail` that says more than it."""


class Place(BaseModel):
    """Where a scan was made."""

    city: str | None = None
    state: str | None = None
    country: str | None = None

    def __str__(self) -> str:
        """`SAN FRANCISCO, CA, US`."""
        return ", ".join(filter(None, (self.city, self.state, self.country)))[:200]


class _Detail(BaseModel):
    message: str | None = None
    status: str = Field(max_length=100)
    status_detail: str | None = Field(default=None, max_length=100)
    at: AwareDatetime | None = Field(default=None, alias="datetime")
    tracking_location: Place | None = None


class TrackerBody(BaseModel):
    """A tracker with all scans so far."""

    id: str = Field(max_length=200)
    tracking_code: str = Field(max_length=200)
    shipment_id: str | None = Field(default=None, max_length=200)
    public_url: str | None = None
    tracking_details: list[_Detail] = []


class _Event(BaseModel):
    id: str = Field(min_length=1, max_length=200)
    description: str
    result: dict[str, object]


class _Fault(BaseModel):
    code: str = "refused"
    message: object = "the carrier gave no reason"


class _Refusal(BaseModel):
    error: _Fault


def complaint(body: bytes) -> tuple[str, str] | None:
    """`{"error": {"code": …, "message": …}}`; the message may be a sentence or a structure."""
    try:
        fault = _Refusal.model_validate_json(body).error
    except ValidationError:
        return None
    return fault.code, str(fault.message)[:500]


def scans(carrier: str, tracker: TrackerBody | None) -> tuple[Scan, ...]:
    """A tracker's scans in the order they happened. One without a time cannot be ordered and is left out."""
    if tracker is None:
        return ()
    found = [_scan(carrier, tracker, detail, detail.at) for detail in tracker.tracking_details if detail.at]
    return tuple(sorted(found, key=lambda scan: (scan.occurred_at, scan.event_id)))


def _scan(carrier: str, tracker: TrackerBody, detail: _Detail, at: datetime) -> Scan:
    detailed = detail.status_detail or ""
    code = f"{detail.status}/{detailed}" if detailed and detailed != detail.status else detail.status
    return Scan(
        event_id=scan_identity(None, carrier, tracker.tracking_code, code, at),
        carrier=carrier,
        carrier_shipment_id=tracker.shipment_id or "",
        tracking_number=tracker.tracking_code,
        reference="",
        status=status_of(detailed, detail.status, tables=(DETAILS.get(detail.status, {}), STATUSES)),
        carrier_code=code,
        description=(detail.message or "")[:1000],
        occurred_at=at,
        location=str(detail.tracking_location or "") or None,
    )


def parse_event(carrier: str, body: bytes) -> TrackingMessage:
    """The scans of a tracker's event. Events of batches, refunds and the like have none. Raises `MalformedEvent`."""
    event = read(_Event, body)
    if not event.description.startswith("tracker."):
        return TrackingMessage(event.id, ())
    return TrackingMessage(event.id, scans(carrier, read(_TrackerEvent, body).result))


class _TrackerEvent(BaseModel):
    result: TrackerBody


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: int) -> None:
    """Raise `SignatureInvalid` unless EasyPost signed these raw bytes; `now` is unix seconds.

    The documented signature, `hmac-sha256-hex=<hex>` over the body under the NFKD form of the secret, has no time in
    it: what is played again is known by its event id. Newer webhooks carry a second one over time, method, path and
    body; one that is ours must be fresh, and it will do alone.
    """
    keys = [unicodedata.normalize("NFKD", secret) for secret in secrets if secret]
    if _second_holds(keys, headers, body, now):
        return
    wanted = [_PREFIX + as_hex(hmac_sha256(key, body)) for key in keys]
    verify_digest(keys, header(headers, SIGNATURE_HEADER), wanted)


def _second_holds(keys: Sequence[str], headers: Mapping[str, str], body: bytes, now: int) -> bool:
    given, at, path = (header(headers, name) for name in _SECOND)
    if given is None or at is None or path is None:
        return False
    message = f"{at}POST{path}".encode() + body
    try:
        verify_digest(keys, given.removeprefix(_PREFIX), [as_hex(hmac_sha256(key, message)) for key in keys])
        signed_at = parsedate_to_datetime(at)
    except (SignatureInvalid, ValueError):
        return False
    zoned = signed_at if signed_at.tzinfo else signed_at.replace(tzinfo=UTC)  # `-0000` reads as no zone
    verify_time(zoned.timestamp(), now)
    return True
