"""Parcels as carriers see them: addresses, contents, labels, and what became of a label given back."""

from dataclasses import dataclass
from enum import StrEnum


class SentFor(StrEnum):
    """Why a parcel is sent: for what was ordered, or beside the order, instead of something that came back."""

    ORDER = "order"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Where a parcel comes from or goes to. `country` is an ISO 3166-1 alpha-2 code."""

    name: str
    line1: str
    city: str
    postal_code: str
    country: str
    line2: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The outside of a parcel, in whole millimetres."""

    length_mm: int
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class ParcelRequest:
    """What a carrier must know to carry a parcel. `reference` is ours, and how we find the parcel again.

    `weight_grams` is that of the parcel with its packing; `service` is the shipping method that was promised,
    or the carrier's name of the product that keeps the promise.
    """

    reference: str
    service: str
    weight_grams: int
    sender: PostalAddress
    recipient: PostalAddress
    contents: str
    dimensions: Dimensions | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """What a carrier would carry a parcel for: minor units of `currency`; `days` on the way, None if it does not say.

    `service` is the carrier's name of its product, such as `USPS/Priority`.
    """

    rate_id: str
    service: str
    cost_minor: int
    currency: str
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label; the cost is in minor units of `currency` (ISO 4217).

    `carrier` is the name of the account it was bought with. `label_id` is the carrier's id of the label itself, where
    that is another than the shipment's.
    """

    carrier: str
    carrier_shipment_id: str
    tracking_number: str
    tracking_url: str
    label_url: str
    cost_minor: int
    currency: str
    service: str
    label_id: str = ""


class CarrierShipmentState(StrEnum):
    """Where a parcel is in the carrier's books."""

    CREATED = "created"
    BOUGHT = "bought"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class CarrierShipment:
    """A parcel in the carrier's books. `label` is one that may be used: a voided parcel has none.

    `rates` are what it could be bought for; None where the carrier quotes none and sells the service asked for.
    """

    carrier_shipment_id: str
    reference: str
    state: CarrierShipmentState
    label: Label | None
    rates: tuple[Rate, ...] | None = None


class VoidOutcome(StrEnum):
    """What became of a wish to give a label back. `requested`: it is no longer used, the refund takes days."""

    NOTHING = "nothing"
    REQUESTED = "requested"
    VOIDED = "voided"
    ALREADY_VOIDED = "already_voided"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class VoidResult:
    """There is no label to be charged for (`nothing`, `requested`, `voided`, `already_voided`); or it is too late."""

    outcome: VoidOutcome
    reason: str = ""

    @property
    def is_void(self) -> bool:
        """Whether the label can no longer be used, nor charged."""
        return self.outcome is not VoidOutcome.TOO_LATE
