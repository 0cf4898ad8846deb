"""Promotion codes: what they take off, for what, and how often they were used."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from api.schemas.base import CurrencyCode, In, PageOut, Short, Sku
from api.schemas.prices import Moment
from domain.money import MAX_MINOR
from domain.promotions import PromotionKind

MAX_USES = 1_000_000_000

_EXAMPLE: dict[str, JsonValue] = {
    "name": "Ten percent for newcomers",
    "percent_basis_points": 1000,
    "minimum": 5000,
    "currency": "EUR",
    "first_order_only": True,
    "customer_limit": 1,
    "usage_limit": 500,
    "ends_at": "2026-12-31T23:00:00Z",
}


class PromotionIn(In):
    """What a code takes off: `percent_basis_points` (1000 is 10 %), or `amount` in minor units of `currency`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Short
    percent_basis_points: int | None = Field(default=None, ge=1, le=10_000)
    amount: int | None = Field(default=None, ge=1, le=MAX_MINOR)
    currency: CurrencyCode | None = None
    minimum: int = Field(default=0, ge=0, le=MAX_MINOR, description="What the goods that it is for cost at least.")
    skus: list[Sku] = Field(default=[], max_length=200)
    products: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]] = Field(
        default=[], max_length=200
    )
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    active: bool = True
    stackable: bool = Field(default=False, description="It may be used together with others that may be.")
    first_order_only: bool = False
    usage_limit: int | None = Field(default=None, ge=1, le=MAX_USES, description="By all shoppers together.")
    customer_limit: int | None = Field(default=None, ge=1, le=MAX_USES, description="By one shopper.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.percent_basis_points is None) == (self.amount is None):
            raise ValueError("a code takes off either percent_basis_points or an amount")
        if self.currency is None and (self.amount is not None or self.minimum):
            raise ValueError("an amount and a minimum have a currency")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("a code ends after it starts")
        if self.first_order_only and self.customer_limit != 1:
            raise ValueError("a first order is once: customer_limit is 1")
        return self


class PromotionOut(BaseModel):
    """A code as it stands; `uses` counts those of checkouts under way and of orders."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _EXAMPLE
                | {
                    "code": "WELCOME10",
                    "kind": "percent",
                    "amount": None,
                    "skus": [],
                    "products": [],
                    "starts_at": None,
                    "active": True,
                    "stackable": False,
                    "uses": 17,
                }
            ]
        }
    )

    code: str
    name: str
    kind: PromotionKind
    percent_basis_points: int | None
    amount: int | None
    currency: str | None
    minimum: int
    skus: list[str]
    products: list[str]
    starts_at: datetime | None
    ends_at: datetime | None
    active: bool
    stackable: bool
    first_order_only: bool
    usage_limit: int | None
    customer_limit: int | None
    uses: int


class PromotionPageOut(PageOut[PromotionOut]):
    """Codes, the newest first."""
