"""Memberships: who holds which tier until when, each period with its payment; and what a customer has of it now."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.joining import Terms
from domain.memberships import NOBODY, Benefits, Interval, RefundPolicy, Standing, combined
from domain.payments import SavedCard
from domain.states import MembershipState, PeriodState
from models.base import Base, RowMissing, TenantRow, find_one, now
from models.plans import MembershipTier

_LIVING = "state IN ('pending', 'active', 'past_due')"
_OPEN = "state IN ('pending', 'past_due')"
_ENDED = "state IN ('lapsed', 'cancelled', 'failed')"


class Membership(TenantRow, Base):
    """One customer's membership, from joining to its end; who joins again has another. One at a time of a family.

    The terms are those that the customer agreed to: the plan may change for others. `benefits_until` is the end of
    the paid period and of the grace behind it; the instant itself is outside.
    """

    __tablename__ = "memberships"

    membership_id: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    customer_id: Mapped[str]
    family: Mapped[str]
    plan_id: Mapped[str]
    tier_id: Mapped[str]
    next_tier_id: Mapped[str | None]
    state: Mapped[MembershipState]
    interval: Mapped[Interval]
    grace_seconds: Mapped[int] = mapped_column(sa.CheckConstraint("grace_seconds >= 0", name="grace"))
    retry_seconds: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger()))
    refund_policy: Mapped[RefundPolicy]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))
    period: Mapped[int] = mapped_column(sa.CheckConstraint("period >= 0", name="period"), server_default="0")
    period_starts_at: Mapped[datetime | None]
    period_ends_at: Mapped[datetime | None]
    benefits_until: Mapped[datetime | None]
    ends_with_period: Mapped[bool] = mapped_column(server_default=sa.false())
    saved_customer: Mapped[str | None]
    saved_method: Mapped[str | None]
    card: Mapped[str | None]
    email: Mapped[str | None]
    attention_reason: Mapped[str | None]
    reason: Mapped[str | None]
    reason_message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_id", "tier_id"],
            ["membership_tiers.tenant_id", "membership_tiers.plan_id", "membership_tiers.tier_id"],
        ),
        sa.CheckConstraint(f"({_ENDED}) = (ended_at IS NOT NULL)", name="when_ended"),
        sa.CheckConstraint("state NOT IN ('active', 'past_due') OR benefits_until IS NOT NULL", name="benefits"),
        sa.CheckConstraint("period_ends_at > period_starts_at", name="period_has_length"),
        sa.CheckConstraint("benefits_until >= period_ends_at", name="benefits_last_the_period"),
        sa.Index(
            "uq_memberships_living",
            "tenant_id",
            "customer_id",
            "family",
            unique=True,
            postgresql_where=sa.text(_LIVING),
        ),
        sa.Index("ix_memberships_customer", "tenant_id", "customer_id", "created_at"),
        sa.Index("ix_memberships_renewal", "tenant_id", "period_ends_at", postgresql_where=sa.text("state = 'active'")),
        sa.Index("ix_memberships_open", "tenant_id", "membership_id", postgresql_where=sa.text(_OPEN)),
    )

    @property
    def terms(self) -> Terms:
        """What the customer agreed to for the period that goes on."""
        return Terms(
            family=self.family,
            plan_id=self.plan_id,
            tier_id=self.tier_id,
            interval=self.interval,
            currency=self.currency,
            amount_minor=self.amount_minor,
            grace_seconds=self.grace_seconds,
            retry_seconds=tuple(self.retry_seconds),
            refund_policy=self.refund_policy,
        )

    @property
    def saved(self) -> SavedCard | None:
        """The card that renewals are charged to."""
        if self.saved_customer is None or self.saved_method is None:
            return None
        return SavedCard(self.saved_customer, self.saved_method)


class MembershipPeriod(TenantRow, Base):
    """One period of a membership and what it costs; its payment, if it costs something."""

    __tablename__ = "membership_periods"

    membership_id: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[int] = mapped_column(sa.CheckConstraint("period >= 0", name="period"), primary_key=True)
    tier_id: Mapped[str]
    state: Mapped[PeriodState]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))
    payment_id: Mapped[str | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "membership_id"], ["memberships.tenant_id", "memberships.membership_id"]),
        sa.ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.payment_id"]),
        sa.CheckConstraint("ends_at > starts_at", name="has_length"),
        sa.CheckConstraint("state = 'due' OR settled_at IS NOT NULL", name="settled"),
        sa.CheckConstraint("(amount_minor = 0) = (payment_id IS NULL)", name="paid_for"),
    )


class MemberPurchase(TenantRow, Base):
    """What a checkout takes of a member's limit for a SKU and period. The database lets no more than `most` through.

    It counts while its checkout is under way or became an order that is not cancelled.
    """

    __tablename__ = "member_purchases"

    checkout_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    membership_id: Mapped[str]
    period: Mapped[int]
    quantity: Mapped[int] = mapped_column(sa.CheckConstraint("quantity > 0", name="quantity"))
    most: Mapped[int] = mapped_column(sa.CheckConstraint("most >= 0", name="most"))

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "membership_id"], ["memberships.tenant_id", "memberships.membership_id"]),
        sa.Index("ix_member_purchases_membership", "tenant_id", "membership_id", "period", "sku"),
    )


async def standing(session: AsyncSession, customer_id: str) -> Standing:
    """What a customer has now, by the clock of this transaction."""
    return (await standings(session, [customer_id]))[customer_id]


async def standings(session: AsyncSession, customer_ids: Sequence[str]) -> dict[str, Standing]:
    """What each of these customers has now, in one statement. Who is no member is `NOBODY`."""
    query = (
        sa.select(Membership.customer_id, MembershipTier)
        .join(
            MembershipTier,
            (MembershipTier.tenant_id == Membership.tenant_id)
            & (MembershipTier.plan_id == Membership.plan_id)
            & (MembershipTier.tier_id == Membership.tier_id),
        )
        .where(
            Membership.customer_id.in_(customer_ids),
            Membership.state.in_((MembershipState.ACTIVE, MembershipState.PAST_DUE)),
            Membership.benefits_until > now(),
        )
    )
    held: dict[str, list[Benefits]] = {}
    for customer, tier in await session.execute(query):
        held.setdefault(customer, []).append(tier.benefits)
    return {one: combined(held[one]) if one in held else NOBODY for one in customer_ids}


async def find(session: AsyncSession, membership_id: str, *, lock: bool = False) -> Membership | None:
    """A membership of this transaction's tenant, locked until its end if asked."""
    return await find_one(session, Membership, Membership.membership_id, membership_id, lock=lock)


async def get(session: AsyncSession, membership_id: str) -> Membership:
    """As `find`, locked; raises `RowMissing` when there is none."""
    if row := await find(session, membership_id, lock=True):
        return row
    raise RowMissing(f"no membership {membership_id}")


async def living(session: AsyncSession, customer_id: str, family: str) -> Membership | None:
    """The one membership of a family that a customer has or is joining."""
    row: Membership | None = await session.scalar(
        sa.select(Membership).where(
            Membership.customer_id == customer_id, Membership.family == family, sa.text(f"memberships.{_LIVING}")
        )
    )
    return row


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[Membership]:
    """A customer's memberships, the newest first."""
    query = sa.select(Membership).where(Membership.customer_id == customer_id)
    return (await session.scalars(query.order_by(Membership.created_at.desc(), Membership.membership_id))).all()


async def stranded(
    session: AsyncSession, by: timedelta, joining: timedelta, *, after: str, most: int
) -> Sequence[Membership]:
    """Living memberships that something should have happened to by now, by id, from behind `after` on.

    Those whose period ended that long ago and that are neither renewed nor past due, those that were not joined in
    time, and all that are past due: they are few, and when each is tried again is in their process.
    """
    overdue = (Membership.state == MembershipState.ACTIVE) & (Membership.period_ends_at < now() - by)
    open_ones = sa.text(f"memberships.{_OPEN}") & (
        (Membership.state == MembershipState.PAST_DUE) | (Membership.created_at < now() - by - joining)
    )
    query = sa.select(Membership).where(overdue | open_ones, Membership.membership_id > after)
    return (await session.scalars(query.order_by(Membership.membership_id).limit(most))).all()


async def periods(session: AsyncSession, membership_id: str) -> Sequence[MembershipPeriod]:
    """A membership's periods, oldest first."""
    query = sa.select(MembershipPeriod).where(MembershipPeriod.membership_id == membership_id)
    return (await session.scalars(query.order_by(MembershipPeriod.period))).all()


async def due_periods(session: AsyncSession, membership_id: str) -> Sequence[MembershipPeriod]:
    """What is not paid yet of a membership: one period, or none."""
    return [one for one in await periods(session, membership_id) if one.state is PeriodState.DUE]


async def find_period(session: AsyncSession, membership_id: str, number: int) -> MembershipPeriod | None:
    """A period of a membership, if it was begun; locked until the transaction ends."""
    query = sa.select(MembershipPeriod).where(
        MembershipPeriod.membership_id == membership_id, MembershipPeriod.period == number
    )
    row: MembershipPeriod | None = await session.scalar(query.with_for_update())
    return row


async def get_period(session: AsyncSession, membership_id: str, number: int) -> MembershipPeriod:
    """As `find_period`; raises `RowMissing` when it was never begun."""
    if row := await find_period(session, membership_id, number):
        return row
    raise RowMissing(f"membership {membership_id} has no period {number}")
