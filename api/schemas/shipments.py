"""Parcels: what carriers said of them, and the dock's question."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.base import In, Short
from domain.money import MAX_MINOR
from domain.states import ShipmentState
from domain.support import Resolution
from domain.tracking import TrackingStatus


class ScanOut(BaseModel):
    """What the carrier said, and its own code for it."""

    status: TrackingStatus
    code: str
    description: str
    location: str | None
    occurred_at: datetime


class ParcelLineOut(BaseModel):
    """So many of a SKU in a parcel, of which some are cancelled."""

    sku: str
    quantity: int
    cancelled: int = 0


class ShipmentOut(BaseModel):
    """A parcel: what is in it, from where, and how far it is. `paid` is in minor units; none: not captured yet."""

    id: str
    state: ShipmentState
    location: str = ""
    lines: list[ParcelLineOut] = []
    waits_for_stock: bool = Field(default=False, description="Pieces of it are not there yet.")
    expected_on: date | None = Field(default=None, description="When those are expected, as far as is known now.")
    paid: int | None = None
    ship_by: datetime | None = None
    picked_at: datetime | None = None
    packed_at: datetime | None = None
    resolution: Resolution | None = Field(default=None, description="What was decided for one that did not arrive.")
    wait_until: datetime | None = None
    replaced_by: str | None = Field(default=None, description="The parcel that goes in its place.")
    possible_acts: list[str] = Field(default=[], description="What support may do to it now: docs/support.md.")
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    tracking_status: TrackingStatus
    scans: list[ScanOut]


class ReportIn(In):
    """Who says so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"actor": "Bruno, dock 2"}]})

    actor: Short = "the warehouse"


class HandoverIn(In):
    """What is in the parcel is worth less than was ordered: capture this much (minor units), release the rest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 26000}]})

    amount: int | None = Field(default=None, ge=1, le=MAX_MINOR)


class HandoverOut(BaseModel):
    """What the dock is told: let the parcel go, or keep it and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"shipment_id": "shp_70wdf5feerb2evv9r26rn5twdx", "released": True}]}
    )

    shipment_id: str
    released: bool
    reason: str | None = None
    reason_detail: str | None = None


class UnknownParcelOut(BaseModel):
    """A carrier's word on a parcel that is not ours. `reference` is what its sender called it, if that is said."""

    account: str
    event_id: str
    received_at: datetime
    tracking_number: str | None
    reference: str | None
    status: TrackingStatus | None
    description: str | None
    occurred_at: datetime | None


class UnknownParcelsOut(BaseModel):
    """The newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "parcels": [
                        {
                            "account": "easypost",
                            "event_id": "evt_5b2e",
                            "received_at": "2026-03-02T09:41:00Z",
                            "tracking_number": "EZ1000000001",
                            "reference": None,
                            "status": "in_transit",
                            "description": "Departed facility",
                            "occurred_at": "2026-03-02T09:12:00Z",
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    parcels: list[UnknownParcelOut]
    next_cursor: str | None
