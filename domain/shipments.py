"""Inputs and results of one parcel's way to the door."""

from dataclasses import dataclass
from datetime import datetime

from domain.parcels import Label
from domain.payments import PaymentCaptured
from domain.refusals import Refusal
from domain.states import ShipmentState
from domain.tracking import TrackingStatus


@dataclass(frozen=True, slots=True)
class ShipmentInput:
    """One parcel of an order. It captures the payment as it leaves."""

    tenant: str
    shipment_id: str
    order_number: str
    checkout_id: str
    payment_id: str
    service: str
    intent_id: str
    capture_before: datetime | None = None
    captured: bool = False
    """The payment was captured before."""


@dataclass(frozen=True, slots=True)
class RecordLabel:
    """A label has been bought, and paid for."""

    tenant: str
    shipment_id: str
    label: Label


@dataclass(frozen=True, slots=True)
class RecordHandover:
    """The parcel has left and its payment has been captured; None: it had been before."""

    tenant: str
    shipment_id: str
    captured: PaymentCaptured | None


@dataclass(frozen=True, slots=True)
class RecordCaptureFailure:
    """The payment could not be captured: a person must decide. `left`: the parcel had gone before we knew."""

    tenant: str
    shipment_id: str
    refusal: Refusal
    left: bool


@dataclass(frozen=True, slots=True)
class CloseShipment:
    """How the parcel's way ended."""

    tenant: str
    shipment_id: str
    state: ShipmentState
    note: str


@dataclass(frozen=True, slots=True)
class TrackingNews:
    """A decisive word of the carrier, already recorded; the workflow decides what follows."""

    event_id: str
    status: TrackingStatus
    occurred_at: str
    """RFC 3339, as the carrier said."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the dock asks. With an amount (minor units), less is captured than was authorized: something is missing
    from the parcel. What is not captured is released to the customer."""

    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class HandoverAnswer:
    """What the warehouse is told at the dock: let it go, or keep it and why."""

    shipment_id: str
    released: bool
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class ShipmentOutcome:
    """How a parcel ended."""

    shipment_id: str
    state: ShipmentState
    captured: bool
    attention: str | None = None
    """What a person should still see to."""
