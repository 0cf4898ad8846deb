"""What the carrier stand-in keeps, and what its callers may ask: pydantic models, stored as JSON."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Optional = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]

Face = Literal["generic", "easypost", "shippo"]
"""The API that a parcel came through."""

HEAVIEST_GRAMS = 31_500
UNDELIVERABLE = "00000"
"""A postal code that does not exist: how a demonstration gets an address refused."""


class Address(BaseModel):
    """Where a parcel comes from or goes to."""

    name: Text
    line1: Text
    line2: Optional | None = None
    city: Text
    region: Optional | None = None
    postal_code: Text
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]

    @field_validator("postal_code")
    @classmethod
    def _exists(cls, value: str) -> str:
        if value == UNDELIVERABLE:
            raise ValueError("there is no such postal code")
        return value


class ShipmentWanted(BaseModel):
    """The body of `POST /v1/shipments`."""

    reference: Text
    service: Text
    weight_grams: int = Field(gt=0, le=HEAVIEST_GRAMS)
    contents: Optional = ""
    sender: Address
    recipient: Address


class LabelRecord(BaseModel):
    """A sold label; the cost is in minor units."""

    tracking_number: str
    tracking_url: str
    label_url: str
    cost_minor: int
    currency: str
    service: str


class Event(BaseModel):
    """One scan, as callers read it and as webhooks carry it."""

    event_id: str
    shipment_id: str
    reference: str
    tracking_number: str
    status: str
    code: str
    description: str
    location: str
    occurred_at: AwareDatetime


class Parcel(BaseModel):
    """A parcel in the books. `face` is the API it came through, `offer_id` the rate it was sold at.

    `position` is the last place of its journey; `moves_at` is unix seconds.
    """

    id: str
    wanted: ShipmentWanted
    face: Face = "generic"
    offer_id: str = ""
    state: Literal["created", "bought", "voided"] = "created"
    label: LabelRecord | None = None
    repeat_buys: int = 0
    scans: list[Event] = []
    position: str = "label_bought"
    moves_at: float | None = None


class Delivery(BaseModel):
    """A webhook that is not taken yet. `due_at` is unix seconds, None while it is held."""

    id: str
    shipment_id: str
    body: str
    face: Face = "generic"
    due_at: float | None
    attempts: int = 0
    copies: int = 1


class Conduct(BaseModel):
    """How webhooks are posted: see `/_control/webhooks`."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["normal", "hold", "drop"] = "normal"
    duplicate: int = Field(default=0, ge=0, le=10)
    reorder: bool = False


class ScanWanted(BaseModel):
    """The body of `/_control/shipments/{id}/scan`; what is missing is made up."""

    model_config = ConfigDict(extra="forbid")

    status: Text
    code: Text | None = None
    event_id: Text | None = None
    occurred_at: AwareDatetime | None = None
    description: Optional | None = None
    location: Optional | None = None


class PaceWanted(BaseModel):
    """The body of `/_control/pace`: seconds between two scans, 0 to move only when told."""

    seconds: float = Field(ge=0, le=86_400)


class FaultWanted(BaseModel):
    """The body of `/_control/faults`: see `sandbox/faults.py`."""

    model_config = ConfigDict(extra="forbid")

    operation: Literal["create", "find", "buy", "void", "track", "*"]
    when: Literal["before", "after", "hang"] = "before"
    status: int | None = Field(default=None, ge=400, le=599)
    nth: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    retry_after: int | None = Field(default=None, ge=0)
    reference: Text | None = None
