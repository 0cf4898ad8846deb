"""Drops: limited editions, and a place in the line for one."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from api.schemas.base import In, Long, PageOut, Short, Sku
from domain.drops import MAX_EARLY_SECONDS, MAX_GRANT_SECONDS, MAX_LINE, MIN_GRANT_SECONDS, DropStage
from domain.states import DropTicketState
from domain.stock import MAX_UNITS

MAX_SKUS = 200
MAX_TIERS = 50


def _text(value: object) -> object:
    if isinstance(value, str):
        return value
    raise ValueError("an instant is a text with its zone, such as 2026-12-24T18:00:00Z")


Instant = Annotated[AwareDatetime, BeforeValidator(_text), Field(strict=False)]
DropId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Seconds = Annotated[int, Field(ge=0, le=MAX_EARLY_SECONDS)]

_EXAMPLE: dict[str, JsonValue] = {
    "title": "Chronograph, one of ten",
    "opens_at": "2026-12-24T18:00:00Z",
    "closes_at": "2026-12-24T20:00:00Z",
    "skus": [{"sku": "WATCH-LTD-03", "allotment": 8}],
    "early_access": {"gold": 3600},
    "entitlement": None,
    "limit_per_customer": 1,
    "line_length": 100,
    "grant_seconds": 300,
}


class DropSkuIn(In):
    """A SKU of it, and how many units are for sale; none said: all that is in stock."""

    sku: Sku
    allotment: int | None = Field(default=None, ge=1, le=MAX_UNITS)


Skus = Annotated[list[DropSkuIn], Field(min_length=1, max_length=MAX_SKUS)]
EarlyAccess = Annotated[
    dict[Short, Seconds], Field(max_length=MAX_TIERS, description="By tier: so many seconds earlier.")
]


class DropTerms(In):
    """What a drop says."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    title: Long
    opens_at: Instant
    closes_at: Instant
    skus: Skus
    early_access: EarlyAccess = Field(default_factory=dict)
    entitlement: Short | None = None
    limit_per_customer: int | None = Field(default=None, ge=1, le=MAX_UNITS)
    line_length: int = Field(default=0, ge=0, le=MAX_LINE)
    grant_seconds: int = Field(default=300, ge=MIN_GRANT_SECONDS, le=MAX_GRANT_SECONDS)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.opens_at >= self.closes_at:
            raise ValueError("a drop closes after it opens")
        if len({one.sku for one in self.skus}) < len(self.skus):
            raise ValueError("a SKU is named once")
        return self


class DropIn(DropTerms):
    """A drop and its name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "chronograph", **_EXAMPLE}]})

    id: DropId


class DropSkuOut(BaseModel):
    """How a SKU of it stands, in units; `waiting` counts places. `left`: units nobody has and nobody is promised."""

    sku: str
    allotment: int | None
    taken: int
    granted: int
    waiting: int
    left: int


class DropOut(BaseModel):
    """A drop, and how it stands for those without early access."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "chronograph",
                    **_EXAMPLE,
                    "stage": "open",
                    "skus": [
                        {"sku": "WATCH-LTD-03", "allotment": 8, "taken": 7, "granted": 1, "waiting": 40, "left": 0}
                    ],
                }
            ]
        }
    )

    id: str
    title: str
    stage: DropStage
    opens_at: datetime
    closes_at: datetime
    skus: list[DropSkuOut]
    early_access: dict[str, int]
    entitlement: str | None
    limit_per_customer: int | None
    line_length: int
    grant_seconds: int


class DropPageOut(PageOut[DropOut]):
    """Drops by their opening, the latest first."""


class PlaceOut(BaseModel):
    """A place in the line. `position` counts from 1 while waiting; a granted one is bought by asking again in time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket": "tkt_4f3mhafkvhbpevgjbwxfz8hk3y",
                    "sku": "WATCH-LTD-03",
                    "quantity": 1,
                    "state": "granted",
                    "position": None,
                    "kept_until": "2026-12-24T18:12:00Z",
                }
            ]
        }
    )

    ticket: str
    sku: str
    quantity: int
    state: DropTicketState
    position: int | None
    kept_until: datetime | None
