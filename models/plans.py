"""What can be joined: membership plans, their tiers with what each gives, and what a period costs in each currency."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.joining import Terms
from domain.memberships import Benefits, Interval, PlanStatus, RefundPolicy
from domain.refusals import Refusal, RefusalCode, Refused
from models.base import Base, TenantRow, behind, now


class MembershipPlan(TenantRow, Base):
    """A plan. A customer is a member of one plan of a `family` at a time. `retry_seconds`: when, counted from the end
    of a period, a renewal that was declined is tried again; `grace_seconds`: so long benefits stay without payment."""

    __tablename__ = "membership_plans"

    plan_id: Mapped[str] = mapped_column(primary_key=True)
    family: Mapped[str]
    name: Mapped[str]
    status: Mapped[PlanStatus]
    interval: Mapped[Interval]
    grace_seconds: Mapped[int] = mapped_column(sa.CheckConstraint("grace_seconds >= 0", name="grace"))
    retry_seconds: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger()))
    refund_policy: Mapped[RefundPolicy]
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (sa.CheckConstraint("0 <= ALL (retry_seconds)", name="retries"),)


class MembershipTier(TenantRow, Base):
    """A tier of a plan: its benefits are what its members have today, whenever they joined."""

    __tablename__ = "membership_tiers"

    plan_id: Mapped[str] = mapped_column(primary_key=True)
    tier_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    rank: Mapped[int]
    price_tier: Mapped[str | None]
    entitlements: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    free_shipping: Mapped[bool]
    early_access_seconds: Mapped[int] = mapped_column(
        sa.CheckConstraint("early_access_seconds >= 0", name="early_access")
    )
    purchase_limit: Mapped[int | None] = mapped_column(sa.CheckConstraint("purchase_limit >= 0", name="limit"))

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "plan_id"], ["membership_plans.tenant_id", "membership_plans.plan_id"]),
    )

    @property
    def benefits(self) -> Benefits:
        """What it gives."""
        return Benefits(
            tier=self.tier_id,
            rank=self.rank,
            price_tier=self.price_tier,
            entitlements=tuple(self.entitlements),
            free_shipping=self.free_shipping,
            early_access_seconds=self.early_access_seconds,
            purchase_limit=self.purchase_limit,
        )


class MembershipPrice(TenantRow, Base):
    """What one period of a tier costs in one currency, in minor units. 0: nothing is charged and no card is needed."""

    __tablename__ = "membership_prices"

    plan_id: Mapped[str] = mapped_column(primary_key=True)
    tier_id: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), primary_key=True)
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_id", "tier_id"],
            ["membership_tiers.tenant_id", "membership_tiers.plan_id", "membership_tiers.tier_id"],
        ),
    )


async def terms(session: AsyncSession, plan_id: str, tier_id: str, currency: str) -> Terms:
    """What a tier costs and asks today. Raises `Refused` when it cannot be had."""
    plan = await find(session, plan_id)
    tier = await session.scalar(
        sa.select(MembershipTier).where(MembershipTier.plan_id == plan_id, MembershipTier.tier_id == tier_id)
    )
    if plan is None or tier is None or plan.status is not PlanStatus.ACTIVE:
        message = f"There is no tier {tier_id} of a plan {plan_id} that can be joined."
        raise Refused(Refusal(RefusalCode.UNKNOWN_PLAN, message))
    price = (await prices(session, plan_id)).get(tier_id, {}).get(currency)
    if price is None:
        message = f"{plan.name} {tier.name} has no price in {currency}."
        raise Refused(Refusal(RefusalCode.UNSUPPORTED_CURRENCY, message))
    return Terms(
        family=plan.family,
        plan_id=plan_id,
        tier_id=tier_id,
        interval=plan.interval,
        currency=currency,
        amount_minor=price,
        grace_seconds=plan.grace_seconds,
        retry_seconds=tuple(plan.retry_seconds),
        refund_policy=plan.refund_policy,
    )


async def find(session: AsyncSession, plan_id: str) -> MembershipPlan | None:
    """A plan of this transaction's tenant."""
    row: MembershipPlan | None = await session.scalar(
        sa.select(MembershipPlan).where(MembershipPlan.plan_id == plan_id)
    )
    return row


async def listing(session: AsyncSession, after: Sequence[object] | None, most: int) -> Sequence[MembershipPlan]:
    """Plans by id, from behind one on."""
    order = (MembershipPlan.plan_id,)
    query = sa.select(MembershipPlan).order_by(*order).limit(most)
    return (await session.scalars(query if after is None else query.where(behind(order, after)))).all()


async def tiers(session: AsyncSession, plan_id: str) -> Sequence[MembershipTier]:
    """A plan's tiers, the highest rank first."""
    query = sa.select(MembershipTier).where(MembershipTier.plan_id == plan_id)
    return (await session.scalars(query.order_by(MembershipTier.rank.desc(), MembershipTier.tier_id))).all()


async def drop_prices(session: AsyncSession, plan_id: str, tier_id: str) -> None:
    """A tier has no price any more; the ones that it is to have are written next."""
    await session.execute(
        sa.delete(MembershipPrice).where(MembershipPrice.plan_id == plan_id, MembershipPrice.tier_id == tier_id)
    )


async def prices(session: AsyncSession, plan_id: str) -> dict[str, dict[str, int]]:
    """Tier → currency → minor units a period."""
    found: dict[str, dict[str, int]] = {}
    for row in await session.scalars(sa.select(MembershipPrice).where(MembershipPrice.plan_id == plan_id)):
        found.setdefault(row.tier_id, {})[row.currency] = row.amount_minor
    return found
