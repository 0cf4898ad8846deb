"""Inputs and results of one parcel's way to the door."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.carriage import Silence
from domain.parcels import Label, ParcelRequest
from domain.payments import CaptureDeclined, PaymentCaptured
from domain.refusals import Refusal
from domain.states import ShipmentState
from domain.tracking import Scan, TrackingStatus

PROCESS = 3
"""Parcels begin with this version of their process. 2: one activity buys the label, one takes the money as it leaves,
and one timer stands for all that is due. 3: before anybody is called because it is still here its carrier is asked
whether it is. It is in the input: for a patch each workflow would pay two events."""


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
    waits_for_stock: bool = False
    """Its pieces were sold before they were there."""
    held: str | None = None
    """Why its order was held as it began."""
    ship_by: datetime | None = None
    """When it must have left."""
    process: int = 1
    """The version of its process, see `PROCESS`. Parcels of an earlier one end as they began."""


@dataclass(frozen=True, slots=True)
class AnotherParcel:
    """A parcel of an order beside those that were paid for, as it is sent. `service`: the shipping method."""

    tenant: str
    shipment_id: str
    order_number: str
    checkout_id: str
    payment_id: str
    intent_id: str
    service: str
    city: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """SKUs of which a parcel's pieces are not there yet, and when all of them are expected, if anybody knows.

    `promised_on` is what the shopper was told as they bought.
    """

    missing: tuple[str, ...] = ()
    expected_on: date | None = None
    promised_on: date | None = None


@dataclass(frozen=True, slots=True)
class StockNews:
    """Units have come for a parcel that waits: it looks whether all of its are there."""


@dataclass(frozen=True, slots=True)
class TrackingNews:
    """A decisive word of the carrier, already recorded; the workflow decides what follows."""

    event_id: str
    status: TrackingStatus
    occurred_at: str
    """RFC 3339, as the carrier said."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Booking:
    """A parcel in a carrier's books, to be bought at a rate; empty where the carrier quotes none."""

    tenant: str
    carrier: str
    carrier_shipment_id: str
    rate_id: str = ""


@dataclass(frozen=True, slots=True)
class CreateShipment:
    """Enter a parcel in the books of this carrier account. `anew`: what it has under our reference is of no use."""

    tenant: str
    carrier: str
    parcel: ParcelRequest
    anew: bool = False


@dataclass(frozen=True, slots=True)
class RecordCreated:
    """Written down before the label is bought, so that it can be looked for."""

    tenant: str
    shipment_id: str
    booking: Booking
    address_version: int = 1


@dataclass(frozen=True, slots=True)
class BuyLabel:
    """A label for this parcel. `useless`: what the carrier has under this id of its own is not to be bought."""

    shipment: ShipmentInput
    useless: str | None = None


@dataclass(frozen=True, slots=True)
class LabelBought:
    """What is in the carrier's books now. No label: what was bought is for an address to which the order does not go
    any more."""

    booking: Booking
    label: Label | None
    silence: Silence


@dataclass(frozen=True, slots=True)
class TrackParcel:
    """Ask the carrier where a parcel is. `attempt` counts how often it was asked before."""

    tenant: str
    shipment_id: str
    label: Label
    attempt: int


@dataclass(frozen=True, slots=True)
class CarrierSaid:
    """What the carrier answered when it was asked, to be recorded."""

    tenant: str
    shipment_id: str
    told_by: str
    scans: tuple[Scan, ...]


@dataclass(frozen=True, slots=True)
class LastWord:
    """When the carrier was heard of last: the newest scan, else the hand-over. And what its scans decide."""

    at: datetime | None
    news: tuple[TrackingNews, ...] = ()
    new: int = 0
    """How many scans of it were not known before."""


@dataclass(frozen=True, slots=True)
class RecordSilence:
    """Nobody hears of this parcel (`silent`), or somebody does again."""

    tenant: str
    shipment_id: str
    silent: bool


@dataclass(frozen=True, slots=True)
class RecordLabel:
    """A label has been bought, and paid for."""

    tenant: str
    shipment_id: str
    label: Label
    address_version: int = 1


@dataclass(frozen=True, slots=True)
class RecordHandover:
    """The parcel has left and its payment has been captured; None: it had been before."""

    tenant: str
    shipment_id: str
    captured: PaymentCaptured | None


@dataclass(frozen=True, slots=True)
class Leave:
    """A parcel leaves: its share of the money is taken, and that it left is written down.

    `amount_minor`: less than its share, as the dock said.
    """

    tenant: str
    shipment_id: str
    payment_id: str
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """It has left, and is paid for; or its money was refused: then it has not."""

    declined: CaptureDeclined | None = None


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


class WarehouseStage(StrEnum):
    """How far the warehouse is with a parcel that is here."""

    PICKED = "picked"
    PACKED = "packed"


@dataclass(frozen=True, slots=True)
class WarehouseReport:
    """The warehouse says how far it is, and who says so."""

    stage: WarehouseStage
    actor: str


@dataclass(frozen=True, slots=True)
class RecordStage:
    """How far the warehouse is."""

    tenant: str
    shipment_id: str
    stage: WarehouseStage


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the dock asks. With an amount (minor units), less is captured than was authorized: something is missing
    from the parcel. What is not captured is released to the customer.

    `labelled`: it has a label, as the tables say, which know a moment before its workflow does.
    """

    amount_minor: int | None = None
    labelled: bool = False


@dataclass(frozen=True, slots=True)
class HandoverAnswer:
    """What the warehouse is told at the dock: let it go, or keep it and why."""

    shipment_id: str
    released: bool
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A person has found out how a parcel ended, or has decided what it is to be taken for."""

    state: ShipmentState
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShipmentOutcome:
    """How a parcel ended."""

    shipment_id: str
    state: ShipmentState
    captured: bool
    attention: str | None = None
    """What a person should still see to."""
