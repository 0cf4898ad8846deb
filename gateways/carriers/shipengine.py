"""ShipEngine (ShipStation API) tells where parcels are whose labels were bought elsewhere, by signed webhook.

Sources: docs.shipstation.com/apis/docs/guides/webhooks-validation (RSA-SHA256 over `{timestamp}.{body}` under a key of
a published set), /webhooks-schemas (the payload), shipengine.com/docs/tracking (status codes).
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field

from domain.tracking import Scan, TrackingMessage, TrackingStatus, scan_identity, status_of
from gateways.carriers.http import read
from gateways.carriers.signing import header, verify_time
from gateways.key_sets import KeySet
from gateways.rsa import verify_sha256
from gateways.signatures import SignatureFault, SignatureInvalid

JWKS_URL = "https://api.shipengine.com/jwks"
KEY_HEADER = "x-shipengine-rsa-sha256-key-id"
SIGNATURE_HEADER = "x-shipengine-rsa-sha256-signature"
TIME_HEADER = "x-shipengine-timestamp"

_S = TrackingStatus

STATUSES = {
    "NY": _S.PENDING,
    "AC": _S.PICKED_UP,
    "IT": _S.IN_TRANSIT,
    "DE": _S.DELIVERED,
    "AT": _S.ATTEMPT_FAILED,
    "SP": _S.READY_FOR_PICKUP,
    "EX": _S.ON_HOLD,
}
"""`status_code`: not yet in system, accepted, in transit, delivered, attempted, at a collection point, exception."""

DETAILS = {
    "DESPATCHED": _S.PICKED_UP,
    "COLLECTION_MADE": _S.PICKED_UP,
    "RECEIVED_BY_CARRIER": _S.PICKED_UP,
    "RECD_BY_CARRIER_NO_ELEC_ADVICE": _S.PICKED_UP,
    "OUT_FOR_DELIVERY": _S.OUT_FOR_DELIVERY,
    "ATTEMPTED_DELIVERY": _S.ATTEMPT_FAILED,
    "ATTEMPTED_DELIVERY_2ND": _S.ATTEMPT_FAILED,
    "ATTEMPTED_DELIVERY_3RD": _S.ATTEMPT_FAILED,
    "CUSTOMER_CARDED": _S.ATTEMPT_FAILED,
    "REFUSED_BY_CUSTOMER": _S.ATTEMPT_FAILED,
    "AWAITING_COLLECTION_FROM_PICKUP_POINT": _S.READY_FOR_PICKUP,
    "COLLECT_AT_LOCAL_PO": _S.READY_FOR_PICKUP,
    "CUSTOMER_TO_COLLECT_FROM_CARRIER": _S.READY_FOR_PICKUP,
    "DELIVERED_TO_LOCKER_COLLECTION_POINT": _S.READY_FOR_PICKUP,
    "CARRIER_DELAYS": _S.DELAYED,
    "DELAYED_NOT_CARRIER": _S.DELAYED,
    "MISSORTED": _S.DELAYED,
    "ROUTING_ERROR": _S.DELAYED,
    "HELD_BY_CARRIER": _S.ON_HOLD,
    "HELD_BY_CUSTOMS": _S.ON_HOLD,
    "HELD_BY_EXPORT_CUSTOMS": _S.ON_HOLD,
    "HELD_BY_IMPORT_CUSTOMS": _S.ON_HOLD,
    "PARCEL_DAMAGED": _S.ON_HOLD,
    "RETURN_TO_SENDER": _S.RETURN_TO_SENDER,
    "PARCEL_LOST": _S.LOST,
    "PARCEL_DISPOSED": _S.LOST,
}
"""`status_detail_code` that says more than the status; the rest means what the status means."""

_TRACKING = ("API_TRACK", "TRACK_EVENT_V2")


class _Event(BaseModel):
    occurred_at: AwareDatetime | None = None
    status_code: str | None = Field(default=None, max_length=100)
    status_detail_code: str | None = Field(default=None, max_length=100)
    event_code: str | None = Field(default=None, max_length=100)
    description: str | None = None
    city_locality: str | None = None
    country_code: str | None = None


class _Track(BaseModel):
    tracking_number: str = Field(max_length=200)
    events: list[_Event] = []


class _Kind(BaseModel):
    resource_type: str


class _Message(BaseModel):
    data: _Track


class ShipEngine:
    """One ShipEngine account, as `protocol.Tracker` has it. Its public keys are fetched when they are needed."""

    def __init__(self, *, name: str, keys: KeySet) -> None:
        self._name, self._keys = name, keys

    @property
    def name(self) -> str:
        """As it stands on scans."""
        return self._name

    async def close(self) -> None:
        """Give the connections back."""
        await self._keys.close()

    async def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless ShipEngine signed these raw bytes near `now`, unix seconds."""
        key_id, given, at = (header(headers, name) for name in (KEY_HEADER, SIGNATURE_HEADER, TIME_HEADER))
        if key_id is None or given is None or at is None:
            raise SignatureInvalid(SignatureFault.MISSING)
        verify_time(_unix(at), now)
        key = await self._keys.get(key_id, now)
        if key is None or not verify_sha256(key, given, at.encode() + b"." + body):
            raise SignatureInvalid(SignatureFault.MISMATCH)

    def parse(self, body: bytes) -> TrackingMessage:
        """The events in a verified webhook; none if it is about something else. Raises `MalformedEvent`."""
        identity = hashlib.sha256(body).hexdigest()
        if read(_Kind, body).resource_type not in _TRACKING:
            return TrackingMessage(identity, ())
        track = read(_Message, body).data
        found = [self._scan(track, event, event.occurred_at) for event in track.events if event.occurred_at]
        return TrackingMessage(identity, tuple(sorted(found, key=lambda scan: (scan.occurred_at, scan.event_id))))

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> TrackingMessage:
        """`verify`, then `parse`."""
        await self.verify(headers, body, now)
        return self.parse(body)

    def _scan(self, track: _Track, row: _Event, at: datetime) -> Scan:
        detail, status = row.status_detail_code or "", row.status_code or ""
        code = "/".join(filter(None, (status, detail or row.event_code))) or "none"
        return Scan(
            event_id=scan_identity(None, self._name, track.tracking_number, code, at),
            carrier=self._name,
            carrier_shipment_id="",
            tracking_number=track.tracking_number,
            reference="",
            status=status_of(detail, status, tables=(DETAILS, STATUSES)),
            carrier_code=code,
            description=(row.description or "")[:1000],
            occurred_at=at,
            location=", ".join(filter(None, (row.city_locality, row.country_code)))[:200] or None,
        )


def _unix(at: str) -> float:
    """The time in the header, RFC 3339."""
    try:
        read_at = datetime.fromisoformat(at)
    except ValueError:
        raise SignatureInvalid(SignatureFault.MALFORMED) from None
    if read_at.tzinfo is None:
        raise SignatureInvalid(SignatureFault.MALFORMED)
    return read_at.timestamp()
