"""Memberships: plans that can be joined, who joined, and what a customer has of it."""

from datetime import datetime
from typing import Annotated

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, EmailStr, Field, JsonValue, StringConstraints, model_validator

from api.schemas.base import CurrencyCode, In, Long, PageOut, Short
from api.schemas.checkouts import NextAction
from domain.memberships import Interval, PlanStatus, RefundPolicy
from domain.money import MAX_MINOR
from domain.states import MembershipState, PeriodState

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
CustomerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
PaymentMethod = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,255}$")]
YEAR_SECONDS = 366 * 86_400


class TierIn(In):
    """A tier: what it gives, and what a period of it costs in each currency, in minor units."""

    id: Slug
    name: Short
    rank: int = Field(default=0, ge=0, le=1000, description="Of several memberships the highest names the tier.")
    prices: dict[CurrencyCode, Annotated[int, Field(ge=0, le=MAX_MINOR)]] = Field(min_length=1, max_length=50)
    entitlements: list[Slug] = Field(default=[], max_length=100, description="Names that products and drops ask for.")
    price_tier: Slug | None = None
    free_shipping: bool = False
    early_access_seconds: int = Field(default=0, ge=0, le=YEAR_SECONDS)
    purchase_limit: int | None = Field(default=None, ge=0, le=10_000, description="Pieces of one SKU a period.")


class PlanIn(In):
    """A plan as it is to be. Members keep the terms they agreed to; benefits change for all at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Maison Club",
                    "interval": "month",
                    "grace_seconds": 604800,
                    "retry_seconds": [86400, 259200, 432000],
                    "tiers": [
                        {"id": "gold", "name": "Gold", "prices": {"EUR": 1900}, "entitlements": ["archive"]},
                    ],
                }
            ]
        }
    )

    name: Short
    family: Slug | None = Field(
        default=None, description="A customer has one membership a family. The plan's id if non"
    )
    status: PlanStatus = Field(default=PlanStatus.ACTIVE, strict=False)
    interval: Interval = Field(strict=False)
    grace_seconds: int = Field(default=7 * 86_400, ge=0, le=YEAR_SECONDS)
    retry_seconds: list[Annotated[int, Field(ge=60, le=YEAR_SECONDS)]] = Field(default=[], max_length=10)
    refund_policy: RefundPolicy = Field(default=RefundPolicy.PRO_RATA, strict=False)
    tiers: list[TierIn] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _adds_up(self) -> "PlanIn":
        if len({tier.id for tier in self.tiers}) < len(self.tiers):
            raise ValueError("two tiers have the same id")
        if any(after >= self.grace_seconds for after in self.retry_seconds):
            raise ValueError("retry_seconds must be below grace_seconds")
        return self


class TierOut(BaseModel):
    """A tier as it is."""

    id: str
    name: str
    rank: int
    prices: dict[str, int]
    entitlements: list[str]
    price_tier: str | None
    free_shipping: bool
    early_access_seconds: int
    purchase_limit: int | None


class PlanOut(BaseModel):
    """A plan as it is."""

    id: str
    name: str
    family: str
    status: PlanStatus
    interval: Interval
    grace_seconds: int
    retry_seconds: list[int]
    refund_policy: RefundPolicy
    tiers: list[TierOut]


class PlanPageOut(PageOut[PlanOut]):
    """Plans, by id."""


class MemberIn(In):
    """Who joins. `id` is your own customer number, if you have one."""

    id: CustomerId | None = None
    email: EmailStr = Field(max_length=254)


_JOIN: dict[str, JsonValue] = {
    "customer": {"id": "cus_ada", "email": "ada@example.com"},
    "plan": "maison",
    "tier": "silver",
    "currency": "EUR",
    "payment_method": "pm_card_visa",
}


class JoinIn(In):
    """A customer joins. Without a payment method the browser confirms the payment with the answer's `client_secret`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_JOIN]})

    customer: MemberIn
    plan: Slug
    tier: Slug
    currency: CurrencyCode
    payment_method: PaymentMethod | None = None
    return_url: AnyHttpUrl | None = Field(default=None, strict=False, description="Where 3-D Secure leads back to.")


class LeaveIn(In):
    """How it ends, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"at_once": False, "reason": "moves abroad"}]})

    at_once: bool = Field(default=False, description="Not with the period that is paid, but now.")
    reason: Long = "changed their mind"


class CardIn(In):
    """Another card. The customer is there, and may be asked to confirm what is due."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"payment_method": "pm_card_mastercard"}]})

    payment_method: PaymentMethod
    return_url: AnyHttpUrl | None = Field(default=None, strict=False)


class ChangeTierIn(In):
    """Another tier of the same plan, from the next period on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tier": "gold"}]})

    tier: Slug


class PeriodOut(BaseModel):
    """One period, and whether it is paid."""

    number: int
    tier: str
    state: PeriodState
    amount: int
    starts_at: datetime
    ends_at: datetime


class MembershipOut(BaseModel):
    """Where a membership stands. With `next_action` the customer must confirm a payment."""

    id: str
    state: MembershipState
    customer_id: str
    plan: str
    tier: str
    next_tier: str | None
    currency: str
    amount: int
    ends_with_period: bool
    period_ends_at: datetime | None
    benefits_until: datetime | None
    card: str | None
    next_action: NextAction | None
    needs_attention: str | None
    reason: str | None
    reason_detail: str | None
    periods: list[PeriodOut]


class StandingOut(BaseModel):
    """What a customer has now."""

    tier: str | None
    price_tier: str | None
    entitlements: list[str]
    free_shipping: bool
    early_access_seconds: int
    purchase_limit: int | None
