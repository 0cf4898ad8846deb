"""AfterShip tells where parcels are whose labels were bought elsewhere; it is heard by webhook and never asked.

Sources: aftership.com/docs/tracking: webhook specifications (the payload), webhook signature (`aftership-hmac-sha256`,
base64 over the body), enum/delivery-statuses and enum/delivery-sub-statuses (tags and subtags).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from domain.tracking import Scan, TrackingMessage, TrackingStatus, scan_identity, status_of
from gateways.carriers.http import read
from gateways.carriers.signing import as_base64, header, hmac_sha256, verify_digest

SIGNATURE_HEADER = "aftership-hmac-sha256"

_S = TrackingStatus

TAGS = {
    "Pending": _S.PENDING,
    "InfoReceived": _S.PENDING,
    "InTransit": _S.IN_TRANSIT,
    "OutForDelivery": _S.OUT_FOR_DELIVERY,
    "AttemptFail": _S.ATTEMPT_FAILED,
    "Delivered": _S.DELIVERED,
    "AvailableForPickup": _S.READY_FOR_PICKUP,
    "Exception": _S.ON_HOLD,
}
"""A checkpoint's `tag`. `Expired` says that AfterShip has heard nothing for long: our own watch sees to that."""

SUBTAGS = {
    "InTransit_002": _S.PICKED_UP,
    "Exception_004": _S.DELAYED,
    "Exception_005": _S.DELAYED,
    "Exception_010": _S.RETURN_TO_SENDER,
    "Exception_011": _S.RETURNED,
    "Exception_013": _S.LOST,
    "Exception_016": _S.DELAYED,
    "Exception_017": _S.DELAYED,
}
"""A `subtag` that says more than its tag: acceptance scan; delays; returning, returned to sender; lost."""


class _Checkpoint(BaseModel):
    tag: str = Field(max_length=100)
    subtag: str | None = Field(default=None, max_length=100)
    checkpoint_time: datetime | None = None
    message: str | None = None
    location: str | None = None
    city: str | None = None


class _Tracking(BaseModel):
    id: str = Field(max_length=200)
    tracking_number: str = Field(max_length=200)
    checkpoints: list[_Checkpoint] = []


class _Event(BaseModel):
    event_id: str = Field(min_length=1, max_length=200)
    event: str


class _TrackingEvent(BaseModel):
    msg: _Tracking


class AfterShip:
    """One AfterShip account, as `protocol.Tracker` has it."""

    def __init__(self, *, name: str, webhook_secrets: Sequence[str]) -> None:
        self._name = name
        self._secrets = tuple(webhook_secrets)

    @property
    def name(self) -> str:
        """As it stands on scans."""
        return self._name

    async def close(self) -> None:
        """There is nothing to give back."""

    async def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:  # noqa: ARG002  # no time in it
        """Raise `SignatureInvalid` unless AfterShip signed these raw bytes."""
        wanted = [as_base64(hmac_sha256(secret, body)) for secret in self._secrets if secret]
        verify_digest(self._secrets, header(headers, SIGNATURE_HEADER), wanted)

    def parse(self, body: bytes) -> TrackingMessage:
        """The checkpoints in a verified webhook; none if it is about something else. Raises `MalformedEvent`."""
        event = read(_Event, body)
        if event.event != "tracking_update":
            return TrackingMessage(event.event_id, ())
        tracking = read(_TrackingEvent, body).msg
        found = [self._scan(tracking, one, one.checkpoint_time) for one in tracking.checkpoints if one.checkpoint_time]
        ordered = sorted(found, key=lambda scan: (scan.occurred_at, scan.event_id))
        return TrackingMessage(event.event_id, tuple(ordered))

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> TrackingMessage:
        """`verify`, then `parse`."""
        await self.verify(headers, body, now)
        return self.parse(body)

    def _scan(self, tracking: _Tracking, row: _Checkpoint, at: datetime) -> Scan:
        """Many couriers leave the zone out; such a time is taken as UTC, so that it can be ordered at all."""
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        code = row.subtag or row.tag
        return Scan(
            event_id=scan_identity(None, self._name, tracking.tracking_number, code, at),
            carrier=self._name,
            carrier_shipment_id="",
            tracking_number=tracking.tracking_number,
            reference="",
            status=status_of(row.subtag or "", row.tag, tables=(SUBTAGS, TAGS)),
            carrier_code=code,
            description=(row.message or "")[:1000],
            occurred_at=at,
            location=(row.location or row.city or "")[:200] or None,
        )
