"""The rates of the built-in tax table, in basis points: 2000 is 20 %."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from api.schemas.base import In, TaxClass
from domain.tax import STANDARD

_EXAMPLE: dict[str, JsonValue] = {
    "included": False,
    "rates": [
        {"basis_points": 0},
        {"region": "CA", "basis_points": 725},
        {"region": "CA", "tax_class": "food", "basis_points": 0},
    ],
}


class TaxRateIn(In):
    """One rate; without a region for all of the country, without a class for goods that name none."""

    region: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{0,3}$")] = Field(
        default="", description="ISO 3166-2 without the country: `CA`."
    )
    tax_class: TaxClass = STANDARD
    basis_points: int = Field(ge=0, le=10_000)


class CountryTaxIn(In):
    """A country's rates as they are to be; none: it is not sold to any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    included: bool = Field(description="Whether prices there include the tax.")
    rates: list[TaxRateIn] = Field(max_length=500)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        keys = [(rate.region, rate.tax_class) for rate in self.rates]
        if len(keys) != len(set(keys)):
            raise ValueError("a region and class has one rate")
        if keys and ("", STANDARD) not in keys:
            raise ValueError("a country has a standard rate without a region, which holds where no other does")
        return self


class TaxRateOut(BaseModel):
    """One rate of a country."""

    region: str
    tax_class: str
    basis_points: int


class CountryTaxOut(BaseModel):
    """A country's rates."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "country": "FR",
                    "included": True,
                    "rates": [{"region": "", "tax_class": "standard", "basis_points": 2000}],
                }
            ]
        }
    )

    country: str
    included: bool
    rates: list[TaxRateOut]
