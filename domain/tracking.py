"""What carriers say of a parcel, in one vocabulary, and what follows from it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TrackingStatus(StrEnum):
    """The one vocabulary; the carrier's own code is kept beside it."""

    PENDING = "pending"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    READY_FOR_PICKUP = "ready_for_pickup"
    ATTEMPT_FAILED = "attempt_failed"
    ON_HOLD = "on_hold"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RETURN_TO_SENDER = "return_to_sender"
    RETURNED = "returned"
    LOST = "lost"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


_S = TrackingStatus

TERMINAL = frozenset({_S.DELIVERED, _S.RETURNED, _S.LOST, _S.CANCELLED})
"""Nothing follows, but that what was delivered may yet come back."""

NOT_YET_GONE = frozenset({_S.PENDING, _S.CANCELLED, _S.UNKNOWN})
"""The carrier does not have the parcel, or we cannot tell; every other status means that it has left us."""

DECISIVE = frozenset({_S.PICKED_UP, _S.DELIVERED, _S.RETURN_TO_SENDER, _S.RETURNED, _S.LOST, _S.ON_HOLD, _S.UNKNOWN})
"""What a workflow must decide upon. The rest is recorded for people to read and costs no workflow task."""

NEEDS_PERSON = frozenset({_S.ON_HOLD, _S.LOST, _S.RETURN_TO_SENDER, _S.UNKNOWN})
"""What a person should look at."""

_MAY_FOLLOW = {
    _S.DELIVERED: frozenset({_S.RETURNED}),
    _S.RETURNED: frozenset[TrackingStatus](),
    _S.LOST: frozenset[TrackingStatus](),
    _S.CANCELLED: frozenset[TrackingStatus](),
    _S.RETURN_TO_SENDER: frozenset({_S.RETURNED, _S.LOST}),
}


@dataclass(frozen=True, slots=True)
class Scan:
    """One fact from a carrier. `occurred_at` is the carrier's own time, with its zone."""

    event_id: str
    carrier: str
    carrier_shipment_id: str
    tracking_number: str
    reference: str
    status: TrackingStatus
    carrier_code: str
    description: str
    occurred_at: datetime
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scan does to a parcel's status: `changed`, or not; `flagged` when it should not have come."""

    status: TrackingStatus
    changed: bool
    flagged: bool = False


def advance(current: TrackingStatus, latest_at: datetime | None, scan: Scan) -> Verdict:
    """Where a parcel is after this scan: by scan time, not by arrival; ends stay ends, but for delivered → returned.

    An older scan is history and changes nothing, unless it is an end that was overtaken by something lesser. A scan
    that cannot follow (delivered, then in transit) is kept and flagged, never an error.
    """
    allowed = _MAY_FOLLOW.get(current)
    if allowed is not None and scan.status not in allowed:
        return Verdict(current, changed=False, flagged=scan.status is not current)
    if scan.status is _S.UNKNOWN:
        return Verdict(current, changed=False, flagged=True)
    if latest_at is not None and scan.occurred_at < latest_at and scan.status not in _MAY_FOLLOW:
        return Verdict(current, changed=False)
    return Verdict(scan.status, changed=True)


def scan_identity(event_id: str | None, carrier: str, number: str, code: str, occurred_at: datetime) -> str:
    """What tells one scan from another: the carrier's event id, else a SHA-256 over what it says."""
    if event_id:
        return event_id
    parts = "\x1f".join((carrier, number, code, occurred_at.isoformat()))
    return hashlib.sha256(parts.encode()).hexdigest()
