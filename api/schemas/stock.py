"""Stock levels, and how they are changed."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from api.schemas.base import In, Long
from domain.stock import MAX_UNITS, BackorderKind


class CountIn(In):
    """What was counted, and what was believed to be there until now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"count": 97, "expected": 100, "reason": "stocktake, November"}]}
    )

    count: int = Field(ge=0, le=MAX_UNITS, description="So many units are there, those reserved among them.")
    expected: int = Field(ge=0, le=MAX_UNITS, description="`on_hand` as it was read; 0 where there never were any.")
    reason: Long


class AdjustmentIn(In):
    """So many units more, or fewer. What is received or returned is more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"quantity": 24, "reason": "delivery note 4711", "kind": "received"},
                {"quantity": -1, "reason": "broken", "kind": "adjusted"},
            ]
        }
    )

    quantity: int = Field(ge=-MAX_UNITS, le=MAX_UNITS)
    reason: Long
    kind: Literal["received", "adjusted", "returned"]

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.quantity == 0:
            raise ValueError("a quantity of 0 adjusts nothing")
        if self.quantity < 0 and self.kind != "adjusted":
            raise ValueError(f"what is {self.kind} is not less than nothing")
        return self


def _text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("a day is a text, such as 2026-12-10")
    return value


class Terms(In):
    """How a level is sold."""

    safety_stock: int = Field(default=0, ge=0, le=MAX_UNITS, description="So many units are never sold.")
    backorder_limit: int = Field(
        default=0, ge=0, le=MAX_UNITS, description="So many units may be sold beyond those that are there."
    )
    backorder_kind: BackorderKind = Field(default=BackorderKind.BACKORDER, strict=False)
    expected_on: Annotated[date | None, BeforeValidator(_text)] = Field(
        default=None, strict=False, description="When those are expected, as shoppers are told."
    )


class TermsIn(Terms):
    """How a level is to be sold, and how it was believed to be until now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"safety_stock": 2, "backorder_limit": 20, "expected_on": "2026-12-10", "expected": {"safety_stock": 2}}
            ]
        }
    )

    expected: Terms = Field(description="The terms as they were read; `{}` where none were ever set.")


class LevelOut(BaseModel):
    """How many of a SKU are at a location: there, spoken for, and neither sold nor spoken for. In units."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"location": "florence", "sku": "SCARF-SILK-01", "on_hand": 97, "reserved": 2, "available": 95}
            ]
        }
    )

    location: str
    sku: str
    on_hand: int
    reserved: int
    available: int


_FULL: dict[str, JsonValue] = {
    "location": "florence", "sku": "SCARF-SILK-01", "on_hand": 97, "reserved": 2, "available": 95, "backordered": 0,
    "safety_stock": 2, "backorder_limit": 20, "backorder_kind": "backorder", "expected_on": "2026-12-10",
    "sellable": 113,
}  # fmt: skip


class SoldLevelOut(LevelOut):
    """A level, and how it is sold. `sellable`: what carts can still get, units that are yet to come among them."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FULL]})

    backordered: int
    safety_stock: int
    backorder_limit: int
    backorder_kind: BackorderKind
    expected_on: date | None
    sellable: int


class StockOut(BaseModel):
    """Where a SKU is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sku": "SCARF-SILK-01", "levels": [_FULL]}]})

    sku: str
    levels: list[SoldLevelOut]


class LocationOut(BaseModel):
    """Where stock is and parcels leave from. A lower priority is asked first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "florence", "name": "Florence", "priority": 0}]})

    id: str
    name: str
    priority: int
