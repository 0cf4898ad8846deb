"""Inputs and results of an order's life after the checkout."""

from dataclasses import dataclass
from datetime import datetime

from domain.checkouts import PlannedParcel
from domain.states import OrderState, ShipmentState
from domain.support import Trouble


@dataclass(frozen=True, slots=True)
class OrderInput:
    """An order as its workflow sees it. No personal data: the address is read where a label is bought."""

    tenant: str
    order_number: str
    checkout_id: str
    payment_id: str
    intent_id: str
    customer_id: str
    currency: str
    total_minor: int
    items: int
    city: str
    skus: tuple[str, ...]
    parcels: tuple[PlannedParcel, ...]
    shipping_method: str
    capture_before: datetime | None
    return_window_seconds: int
    captured: bool = False
    """The money was taken at once, not to be taken as the parcel leaves."""


@dataclass(frozen=True, slots=True)
class OrderOutcome:
    """How an order ended."""

    order_number: str
    state: OrderState


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """End an order before it left: its stock goes back, its authorization has been given back."""

    tenant: str
    order_number: str
    checkout_id: str
    payment_id: str
    actor: str
    reason: str
    cancellation_id: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class CloseOrder:
    """The return window is over."""

    tenant: str
    order_number: str


@dataclass(frozen=True, slots=True)
class FlagOrder:
    """A person is needed for this reason (`None`: not any more). Each `source` takes back its own call only.

    Without a source a person has seen to the order: all calls are taken back.
    """

    tenant: str
    order_number: str
    source: str | None
    reason: str | None
    parcel: str | None = None
    trouble: Trouble | None = None
    """What the `parcel` that calls is in need of."""
    line: str | None = None
    """What the timeline says when nobody is needed any more."""


@dataclass(frozen=True, slots=True)
class NoteOrder:
    """A person's act for the timeline. `place`: which one of this order's it is, so that it is written once."""

    tenant: str
    order_number: str
    kind: str
    message: str
    place: int
    about: str = ""
    """The parcel whose act it is, if it is not the order's: places are counted for each."""


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """An order is held, and why; `None`: not any more. With the line of the timeline that says so."""

    note: NoteOrder
    reason: str | None


@dataclass(frozen=True, slots=True)
class OrderCall:
    """Told to an order's workflow: something beside it calls a person, or (`None`) not any more."""

    source: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class ShipmentNews:
    """A parcel's word to its order. `cancel_refused`: it had left before the cancellation reached it."""

    shipment_id: str
    state: ShipmentState
    attention: str | None = None
    cancel_refused: bool = False
    trouble: Trouble | None = None
    waits: bool = False
    left: bool = False
