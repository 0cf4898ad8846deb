"""Price lists and their prices, in minor units."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.schemas.base import CountryCode, CurrencyCode, In, PageOut, Short, Sku
from domain.money import MAX_MINOR
from domain.price_lists import MAX_PRIORITY
from models.price_upserts import PriceCode, PriceDraft, PriceOutcome, PriceSeen

MAX_ROWS = 500
"""Prices that one request may bring."""

ListId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Moment = Annotated[AwareDatetime, Field(strict=False)]
"""RFC 3339, with its offset."""


class PriceListIn(In):
    """For whom a list is, and how it ranks. What is left out is for everybody, everywhere, at any time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "United States",
                    "currency": "USD",
                    "countries": ["US"],
                    "priority": 10,
                    "starts_at": "2026-11-27T00:00:00Z",
                    "ends_at": "2026-12-01T00:00:00Z",
                }
            ]
        }
    )

    name: Short
    currency: CurrencyCode | None = Field(default=None, description="All its prices are in it; it never changes.")
    countries: list[CountryCode] = Field(default=[], max_length=249)
    price_tier: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] | None = None
    priority: int = Field(ge=1, le=MAX_PRIORITY, description="The highest that fits wins.")
    starts_at: Moment | None = None
    ends_at: Moment | None = Field(default=None, description="Until then, and not at that moment any more.")
    active: bool = True

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("a list ends after it starts")
        return self


class PriceListOut(BaseModel):
    """A list as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "us",
                    "name": "United States",
                    "currency": "USD",
                    "countries": ["US"],
                    "price_tier": None,
                    "priority": 10,
                    "starts_at": None,
                    "ends_at": None,
                    "active": True,
                }
            ]
        }
    )

    id: str
    name: str
    currency: str | None
    countries: list[str]
    price_tier: str | None
    priority: int
    starts_at: datetime | None
    ends_at: datetime | None
    active: bool


class PriceListPageOut(PageOut[PriceListOut]):
    """Lists, in the order in which they win."""


class PriceSeenIn(In):
    """A price as it was read."""

    amount: int = Field(ge=0, le=MAX_MINOR)
    compare_at: int | None = Field(default=None, ge=0, le=MAX_MINOR)


class PriceIn(In):
    """What a SKU costs in a currency. `amount: null` takes the price off the list."""

    sku: Sku
    currency: CurrencyCode
    amount: int | None = Field(ge=0, le=MAX_MINOR)
    compare_at: int | None = Field(default=None, ge=0, le=MAX_MINOR, description="The price before a sale.")
    exponent: int | None = Field(
        default=None,
        ge=0,
        le=4,
        description="Decimals you believe the currency has: a row is refused if it has others.",
    )
    expected: PriceSeenIn | None = Field(
        default=None,
        description="The price as it was read, `null` for none: the row is refused if it is another by now."
        " Left out: whatever it is.",
    )

    def draft(self) -> PriceDraft:
        """As the rules know it."""
        seen = self.expected and PriceSeen(self.expected.amount, self.expected.compare_at)
        guard = (seen or PriceSeen()) if "expected" in self.model_fields_set else None
        return PriceDraft(self.sku, self.currency, self.amount, self.compare_at, self.exponent, guard)


class PricesIn(In):
    """Prices of one list; those that are not named stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prices": [
                        {
                            "sku": "SCARF-SILK-01",
                            "currency": "USD",
                            "amount": 24900,
                            "compare_at": 27500,
                            "exponent": 2,
                            "expected": {"amount": 27500},
                        },
                        {"sku": "BAG-CALF-02", "currency": "USD", "amount": None},
                    ]
                }
            ]
        }
    )

    prices: list[PriceIn] = Field(min_length=1, max_length=MAX_ROWS)


class PriceRowOut(BaseModel):
    """What became of one row."""

    sku: str
    currency: str
    outcome: PriceOutcome
    code: PriceCode | None = None
    detail: str | None = None


class PriceRowsOut(BaseModel):
    """What became of each row, in their order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [
                        {"sku": "SCARF-SILK-01", "currency": "USD", "outcome": "created"},
                        {
                            "sku": "NO-SUCH",
                            "currency": "USD",
                            "outcome": "refused",
                            "code": "unknown_sku",
                            "detail": "We do not know NO-SUCH. Make the variant first.",
                        },
                    ]
                }
            ]
        }
    )

    results: list[PriceRowOut]


class PriceOut(BaseModel):
    """A price of a list."""

    sku: str
    currency: str
    amount: int
    compare_at: int | None


class PricePageOut(PageOut[PriceOut]):
    """Prices of a list, by SKU and currency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [{"sku": "SCARF-SILK-01", "currency": "USD", "amount": 24900, "compare_at": 27500}],
                    "next_cursor": None,
                }
            ]
        }
    )
