"""What a customer sees of an order: its parcels, how far each has come, what is in it, and what was taken back."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.states import OrderState, ReturnState, ShipmentState
from domain.tracking import TrackingStatus


class Step(StrEnum):
    """How far a parcel has come. The first five are its way; the others are other ends, or trouble on the way."""

    PREPARING = "preparing"
    READY = "ready"
    HANDED_OVER = "handed_over"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELAYED = "delayed"
    COMING_BACK = "coming_back"
    LOST = "lost"
    CANCELLED = "cancelled"


WAY = (Step.PREPARING, Step.READY, Step.HANDED_OVER, Step.OUT_FOR_DELIVERY, Step.DELIVERED)

_BY_STATE = {
    ShipmentState.PENDING: Step.PREPARING,
    ShipmentState.LABEL_BOUGHT: Step.READY,
    ShipmentState.HANDED_OVER: Step.HANDED_OVER,
    ShipmentState.DELIVERED: Step.DELIVERED,
    ShipmentState.RETURNED_TO_SENDER: Step.COMING_BACK,
    ShipmentState.LOST: Step.LOST,
    ShipmentState.CANCELLED: Step.CANCELLED,
}
_BY_SCAN = {
    TrackingStatus.OUT_FOR_DELIVERY: Step.OUT_FOR_DELIVERY,
    TrackingStatus.READY_FOR_PICKUP: Step.READY_FOR_PICKUP,
    TrackingStatus.ATTEMPT_FAILED: Step.DELAYED,
    TrackingStatus.ON_HOLD: Step.DELAYED,
    TrackingStatus.DELAYED: Step.DELAYED,
    TrackingStatus.RETURN_TO_SENDER: Step.COMING_BACK,
    TrackingStatus.RETURNED: Step.COMING_BACK,
}


def step_of(state: ShipmentState, scanned: TrackingStatus) -> Step:
    """How far a parcel has come: by our state, and while it is under way by the carrier's last word."""
    if state is ShipmentState.HANDED_OVER:
        return _BY_SCAN.get(scanned, Step.HANDED_OVER)
    return _BY_STATE[state]


def progress(step: Step) -> int:
    """The place on the way, 0 to 4, up to which everything is done. What is in trouble has left us."""
    return WAY.index(step) if step in WAY else WAY.index(Step.HANDED_OVER)


@dataclass(frozen=True, slots=True)
class Piece:
    """So many of a thing; of them `cancelled` do not come."""

    title: str
    quantity: int
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One word of the carrier on the way."""

    at: datetime
    status: TrackingStatus
    place: str | None


@dataclass(frozen=True, slots=True)
class FollowedParcel:
    """One parcel. `expected` is from and to, None when nobody promised; `stock_on`: what it waits for comes then."""

    shipment_id: str
    step: Step
    waits_for_stock: bool
    pieces: tuple[Piece, ...]
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    expected: tuple[date, date] | None
    way: tuple[Seen, ...]
    stock_on: date | None = None
    arrived_on: date | None = None


@dataclass(frozen=True, slots=True)
class FollowedReturn:
    """What a customer sends back. Its label is in the e-mail only: it has their address on it."""

    return_id: str
    state: ReturnState
    pieces: tuple[Piece, ...]
    tracking_number: str | None
    tracking_url: str | None


@dataclass(frozen=True, slots=True)
class FollowedOrder:
    """An order as its customer sees it. Nothing personal but the first name and the city. Amounts in minor units."""

    shop: str
    number: str
    checkout_id: str
    state: OrderState
    placed_at: datetime
    first_name: str
    city: str
    currency: str
    total_minor: int
    refunded_minor: int
    cancelled: tuple[Piece, ...]
    parcels: tuple[FollowedParcel, ...]
    last_event: int
    ended: bool
    returns: tuple[FollowedReturn, ...] = ()


def expected_between(
    left_at: datetime | None, ready_on: date, min_days: int | None, max_days: int | None
) -> tuple[date, date] | None:
    """When a parcel is promised: so many days from the day it left, or else from the day it can leave."""
    if min_days is None and max_days is None:
        return None
    start = left_at.date() if left_at else ready_on
    most = max_days if max_days is not None else (min_days or 0)
    return start + timedelta(days=min_days if min_days is not None else 0), start + timedelta(days=most)


def first_name(name: str) -> str:
    """What a customer is called by: the first word of the name as given."""
    return next(iter(name.split()), "")


def safe_link(url: str | None) -> str | None:
    """A carrier's link, if it is one that a browser may be sent to."""
    return url if url and url.startswith(("https://", "http://")) else None
