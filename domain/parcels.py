"""Parcels as carriers see them: addresses, what is in them, labels."""

from dataclasses import dataclass


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
    """What a carrier must know to carry a parcel. `reference` is ours, and how we find the parcel again."""

    reference: str
    service: str
    weight_grams: int
    sender: PostalAddress
    recipient: PostalAddress
    contents: str


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label; the cost is in minor units."""

    carrier: str
    carrier_shipment_id: str
    tracking_number: str
    tracking_url: str
    label_url: str
    cost_minor: int
    currency: str
    service: str


@dataclass(frozen=True, slots=True)
class CarrierShipment:
    """A parcel in the carrier's books: `created` without a label, `bought` with one, `voided`."""

    carrier_shipment_id: str
    reference: str
    state: str
    label: Label | None
