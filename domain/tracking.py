"""What carriers say of a parcel, in one vocabulary, and what follows from it, in whatever order it comes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
"""Nothing follows, but that a parcel may yet come back to us."""

POSSESSION = frozenset(
    {
        _S.PICKED_UP,
        _S.IN_TRANSIT,
        _S.OUT_FOR_DELIVERY,
        _S.READY_FOR_PICKUP,
        _S.ATTEMPT_FAILED,
        _S.DELIVERED,
        _S.RETURN_TO_SENDER,
        _S.RETURNED,
    }
)
"""Proof that the carrier has, or had, the parcel; a payment may be captured on it. `on_hold`, `delayed` and
`lost` prove nothing: carriers also say them of a parcel that they never picked up."""

DECISIVE = frozenset(
    {
        _S.DELIVERED,
        _S.ON_HOLD,
        _S.RETURN_TO_SENDER,
        _S.RETURNED,
        _S.LOST,
        _S.CANCELLED,
        _S.UNKNOWN,
    }
)
"""What a workflow must decide upon, or bring before a person. The rest is recorded for people to read and
costs no workflow task; so is a failed attempt: the carrier tries again, and it ends with one of these."""

EXCEPTIONS = frozenset({_S.ON_HOLD, _S.RETURN_TO_SENDER, _S.RETURNED, _S.LOST, _S.UNKNOWN})
"""What a person should look at."""

_MOVING = frozenset(
    {
        _S.PICKED_UP,
        _S.IN_TRANSIT,
        _S.OUT_FOR_DELIVERY,
        _S.READY_FOR_PICKUP,
        _S.ATTEMPT_FAILED,
        _S.ON_HOLD,
        _S.DELAYED,
    }
)
_SETTLING = frozenset({_S.DELIVERED, _S.RETURN_TO_SENDER, _S.LOST, _S.CANCELLED})
_EVERYTHING = frozenset(_S)

_MAY_FOLLOW = {
    _S.UNKNOWN: _EVERYTHING,
    _S.PENDING: _EVERYTHING,
    **dict.fromkeys(_MOVING, _EVERYTHING - {_S.PENDING, _S.CANCELLED}),
    _S.RETURN_TO_SENDER: _MOVING | {_S.RETURN_TO_SENDER, _S.RETURNED},  # scans of the way back are no news
    _S.DELIVERED: frozenset({_S.DELIVERED, _S.RETURNED}),
    _S.LOST: frozenset({_S.LOST}),
    _S.CANCELLED: frozenset({_S.CANCELLED}),
    _S.RETURNED: frozenset({_S.RETURNED}),
}
"""What a carrier may say next, by scan time, without a person having to wonder."""

_RANK = {
    _S.UNKNOWN: 0,
    _S.PENDING: 1,
    **dict.fromkeys(_MOVING, 2),
    **dict.fromkeys(_SETTLING, 3),
    _S.RETURNED: 4,
}
"""What counts for more. Of equal rank the latest scan stands; from `delivered` up the earliest does."""

_TIE_BREAK = {status: place for place, status in enumerate(_S)}
"""Two scans of one rank and one moment: a fixed choice, so that their arrival does not make it."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One fact from a carrier. `occurred_at` is the carrier's own time; `ValueError` if it has no zone.

    `carrier` is the name of the account that told it. Our reference and the carrier's ids of shipment and label are
    empty where it does not say them; then the tracking number is all there is.
    """

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
    label_id: str = ""

    def __post_init__(self) -> None:
        if self.occurred_at.utcoffset() is None:
            raise ValueError(f"scan {self.event_id}: a time without a zone cannot be ordered")


@dataclass(frozen=True, slots=True)
class TrackingMessage:
    """What one webhook says: no scan, one, or all so far. `event_id` tells one webhook from another."""

    event_id: str
    scans: tuple[Scan, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scan does to a parcel's status.

    `changed`: the parcel's status is now this scan's; keep `status` together with the scan's `occurred_at`.
    `flagged`: it should not have come, or not then; a person should know.
    """

    status: TrackingStatus
    changed: bool
    flagged: bool = False


def advance(current: TrackingStatus, latest_at: datetime | None, scan: Scan) -> Verdict:
    """Where a parcel is after this scan, whichever order scans come in.

    `latest_at` is the time of the scan that made `current` (None before the first). The status is that of the
    weightiest scan ever seen (`_RANK`), so every order of the same scans ends alike and a repeat changes
    nothing. An older scan is history, unless it is an end that something lesser overtook; ends stay ends, but
    a parcel that came back has come back. What cannot follow (delivered, then in transit) is flagged.
    """
    if scan.status is _S.UNKNOWN:
        return Verdict(current, changed=False, flagged=True)
    flagged = not _lawful(scan, current, latest_at)
    if _outweighs(scan, current, latest_at):
        return Verdict(scan.status, changed=True, flagged=flagged)
    return Verdict(current, changed=False, flagged=flagged)


def _lawful(scan: Scan, current: TrackingStatus, current_at: datetime | None) -> bool:
    """Whether the later of the two may follow the earlier; at one and the same moment, either way round."""
    after = scan.status in _MAY_FOLLOW[current]
    before = current in _MAY_FOLLOW[scan.status]
    if current_at is None or scan.occurred_at > current_at:
        return after
    return before if scan.occurred_at < current_at else after or before


def _outweighs(scan: Scan, current: TrackingStatus, current_at: datetime | None) -> bool:
    """Whether the scan stands from now on, and not the one that made `current`."""
    rank, rank_now = _RANK[scan.status], _RANK[current]
    if rank != rank_now:
        return rank > rank_now
    earliest_stands = rank >= _RANK[_S.DELIVERED]
    if current_at is None:
        return not earliest_stands
    if scan.occurred_at != current_at:
        return (scan.occurred_at < current_at) == earliest_stands
    return _TIE_BREAK[scan.status] > _TIE_BREAK[current]


def decides(scan: Scan, *, handed_over: bool, silent: bool = False) -> bool:
    """Whether the workflow must hear of a scan: a decisive one, any proof of a hand-over not known yet, or the first
    word of a parcel that was `silent` for so long that its workflow waits for one.

    It asks for nothing that recording a scan changes, so a webhook that comes again tells alike.
    """
    return scan.status in DECISIVE or silent or (not handed_over and scan.status in POSSESSION)


def status_of(*codes: str, tables: Sequence[Mapping[str, TrackingStatus]]) -> TrackingStatus:
    """The first of a carrier's codes, the most particular one first, that its table knows; else `unknown`."""
    for code, table in zip(codes, tables, strict=True):
        if code in table:
            return table[code]
    return _S.UNKNOWN


def scan_identity(event_id: str | None, carrier: str, number: str, code: str, occurred_at: datetime) -> str:
    """What tells one scan from another: the carrier's event id, else a SHA-256 over what it says (in UTC)."""
    if event_id:
        return event_id
    parts = "\x1f".join((carrier, number, code, occurred_at.astimezone(UTC).isoformat()))
    return hashlib.sha256(parts.encode()).hexdigest()
