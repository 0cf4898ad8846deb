"""Parcels as carriers see them: addresses, contents, labels, and what became of a label given back."""

from dataclasses import dataclass
from enum import StrEnum


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
class ParcelRequest:
    """What a carrier must know to carry a parcel. `reference` is ours, and how we find the parcel again.

    `weight_grams` is that of the parcel with its packing; `service` is the carrier's name of its product.
    """

    reference: str
    service: str
    weight_grams: int
    sender: PostalAddress
    recipient: PostalAddress
    contents: str


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label; the cost is in minor units of `currency` (ISO 4217)."""

    carrier: str
    carrier_shipment_id: str
    tracking_number: str
    tracking_url: str
    label_url: str
    cost_minor: int
    currency: str
    service: str


class CarrierShipmentState(StrEnum):
    """Where a parcel is in the carrier's books."""

    CREATED = "created"
    BOUGHT = "bought"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class CarrierShipment:
    """A parcel in the carrier's books. `label` is one that may be used: a voided parcel has none."""

    carrier_shipment_id: str
    reference: str
    state: CarrierShipmentState
    label: Label | None


class VoidOutcome(StrEnum):
    """What became of a wish to give a label back."""

    VOIDED = "voided"
    ALREADY_VOIDED = "already_voided"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class VoidResult:
    """The label is off our bill (`voided`, `already_voided`), or not: the carrier has the parcel."""

    outcome: VoidOutcome
    reason: str = ""

    @property
    def is_void(self) -> bool:
        """Whether the label can no longer be used, nor charged."""
        return self.outcome is not VoidOutcome.TOO_LATE
