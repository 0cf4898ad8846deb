"""Memberships of a customer, with their periods. Fields that are columns are read from their rows as they are."""

from datetime import datetime
from typing import cast

import strawberry
from pydantic import TypeAdapter

from api.graph.asking import Info
from api.graph.scalars import MinorUnits
from api.schemas.base import Short
from domain.states import MembershipState, PeriodState
from models import in_bulk

for _kind in (MembershipState, PeriodState):
    strawberry.enum(_kind)

_SHORT: TypeAdapter[str] = TypeAdapter(Short)


@strawberry.type
class Period:
    """One period of a membership, and whether it is paid."""

    period: int = strawberry.field(name="number")
    tier_id: str = strawberry.field(name="tier")
    state: PeriodState
    amount_minor: MinorUnits = strawberry.field(name="amount")
    starts_at: datetime
    ends_at: datetime


@strawberry.type
class Membership:
    """Where a membership stands, in minor units of `currency`."""

    membership_id: strawberry.ID = strawberry.field(name="id")
    state: MembershipState
    customer_id: strawberry.ID
    plan_id: str = strawberry.field(name="plan")
    tier_id: str = strawberry.field(name="tier")
    next_tier_id: str | None = strawberry.field(name="nextTier")
    currency: str
    amount_minor: MinorUnits = strawberry.field(name="amount")
    ends_with_period: bool
    period_ends_at: datetime | None
    benefits_until: datetime | None
    card: str | None
    attention_reason: str | None
    reason: str | None
    reason_message: str | None = strawberry.field(name="reasonDetail")

    @strawberry.field
    async def periods(self, info: Info) -> list[Period]:
        """Its periods, the first one first."""
        return cast("list[Period]", await info.context.many(in_bulk.periods, self.membership_id))


async def of_customer(info: Info, customer_id: strawberry.ID) -> list[Membership]:
    """A customer's memberships, the newest first."""
    found = await info.context.many(in_bulk.memberships, _SHORT.validate_python(customer_id))
    return cast("list[Membership]", found)
