"""Shipping methods with their rates, in minor units and grams."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from api.schemas.base import CountryCode, CurrencyCode, In, Long, PageOut, Short
from domain.money import MAX_MINOR

MethodId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]
MAX_GRAMS = 100_000_000

_EXAMPLE: dict[str, JsonValue] = {
    "name": "Standard",
    "promise": "3 to 5 working days",
    "min_days": 3,
    "max_days": 5,
    "rates": [
        {
            "countries": ["FR", "DE", "IT"],
            "currency": "EUR",
            "bands": [
                {"amount": 1500, "max_weight_grams": 5000},
                {"amount": 2900, "min_weight_grams": 5000, "max_weight_grams": 30000},
                {"amount": 0, "max_weight_grams": 5000, "min_order": 30000},
            ],
        }
    ],
}


class BandIn(In):
    """What it costs from a weight on, up to and without another; and from an order value on, after discounts."""

    amount: int = Field(ge=0, le=MAX_MINOR)
    min_weight_grams: int = Field(default=0, ge=0, le=MAX_GRAMS)
    max_weight_grams: int | None = Field(default=None, ge=1, le=MAX_GRAMS)
    min_order: int = Field(default=0, ge=0, le=MAX_MINOR)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.max_weight_grams is not None and self.max_weight_grams <= self.min_weight_grams:
            raise ValueError("a band ends above the weight that it begins with")
        return self


class ZoneIn(In):
    """The bands to some countries in one currency."""

    countries: list[CountryCode] = Field(min_length=1, max_length=249)
    currency: CurrencyCode
    bands: list[BandIn] = Field(min_length=1, max_length=50)


class ShippingMethodIn(In):
    """A method as it is to be: its rates replace those that it has."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Short
    promise: Long | None = None
    min_days: int | None = Field(default=None, ge=0, le=365)
    max_days: int | None = Field(default=None, ge=0, le=365)
    members_free: bool = Field(default=True, description="Free for whom a membership makes shipping free.")
    position: int = Field(default=0, ge=0, le=1000, description="Its place among the methods that are offered.")
    active: bool = True
    rates: list[ZoneIn] = Field(max_length=100)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.min_days is None) != (self.max_days is None):
            raise ValueError("days are both there or neither")
        if self.min_days is not None and self.max_days is not None and self.min_days > self.max_days:
            raise ValueError("max_days is not below min_days")
        keys = [
            (country, zone.currency, band.min_weight_grams, band.min_order)
            for zone in self.rates
            for country in zone.countries
            for band in zone.bands
        ]
        if len(keys) > 5000:
            raise ValueError("at most 5000 rates: one a country, currency and band")
        if len(keys) != len(set(keys)):
            raise ValueError("two bands of a country and currency begin at the same weight and order value")
        return self


class BandOut(BaseModel):
    """What it costs from a weight and an order value on."""

    amount: int
    min_weight_grams: int
    max_weight_grams: int | None
    min_order: int


class ZoneOut(BaseModel):
    """The bands to countries that have the same ones, in one currency."""

    countries: list[str]
    currency: str
    bands: list[BandOut]


class ShippingMethodOut(BaseModel):
    """A method as it stands. Countries with the same bands are told together."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"method": "standard", **_EXAMPLE}]})

    method: str
    name: str
    promise: str | None
    min_days: int | None
    max_days: int | None
    members_free: bool
    position: int
    active: bool
    rates: list[ZoneOut]


class ShippingMethodPageOut(PageOut[ShippingMethodOut]):
    """Methods with their rates, in the order in which they are offered."""
