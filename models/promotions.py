"""Promotion codes and their uses; a use is counted under the code's lock as a checkout opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.promotions import AppliedPromotion, PromotionKind, already_used, exhausted, unknown
from domain.refusals import Refusal
from domain.states import RedemptionState
from models.base import Base, TenantRow, behind, find_one, now


class Promotion(TenantRow, Base):
    """A code, in capitals. Amounts are minor units of `currency`; without SKUs and products it is on the order."""

    __tablename__ = "promotions"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[PromotionKind]
    basis_points: Mapped[int | None]
    amount_minor: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(sa.CHAR(3))
    minimum_minor: Mapped[int] = mapped_column(server_default="0")
    skus: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default="{}")
    products: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default="{}")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(server_default=sa.true())
    stackable: Mapped[bool] = mapped_column(server_default=sa.false())
    first_order_only: Mapped[bool] = mapped_column(server_default=sa.false())
    usage_limit: Mapped[int | None] = mapped_column(sa.CheckConstraint("usage_limit > 0", name="usage_limit"))
    customer_limit: Mapped[int | None] = mapped_column(sa.CheckConstraint("customer_limit > 0", name="customer_limit"))
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.CheckConstraint("code = upper(code)", name="code"),
        sa.Index("ix_promotions_created", "tenant_id", "created_at", "code"),
        sa.CheckConstraint(
            "(kind = 'percent') = (basis_points IS NOT NULL) AND (kind = 'fixed') = (amount_minor IS NOT NULL)",
            name="what_it_takes_off",
        ),
        sa.CheckConstraint("basis_points BETWEEN 1 AND 10000", name="basis_points"),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("minimum_minor >= 0", name="minimum"),
        sa.CheckConstraint(
            "currency IS NOT NULL OR (amount_minor IS NULL AND minimum_minor = 0)", name="amounts_have_currency"
        ),
        sa.CheckConstraint("starts_at < ends_at", name="window"),
        sa.CheckConstraint("NOT first_order_only OR coalesce(customer_limit, 0) = 1", name="first_order_is_once"),
    )


class PromotionRedemption(TenantRow, Base):
    """One use of a code by one checkout, and what it took off, in minor units.

    Triggers move it with its checkout and order: redeemed once the order is placed, released when there is none, or it
    is cancelled before it left.
    """

    __tablename__ = "promotion_redemptions"

    checkout_id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    state: Mapped[RedemptionState]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    discount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("discount_minor >= 0", name="discount"))
    at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "code"], ["promotions.tenant_id", "promotions.code"]),
        sa.Index(
            "ix_promotion_redemptions_live",
            "tenant_id",
            "code",
            "customer_id",
            postgresql_where=sa.text("state <> 'released'"),
        ),
    )


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a checkout wants to use: its codes with what each takes off."""

    checkout_id: str
    customer_id: str
    currency: str
    applied: tuple[AppliedPromotion, ...]


_REDEEM = sa.text(
    "SELECT checkout_id, promotion, outcome FROM redeem_promotions(CAST(:checkouts AS text[]),"
    " CAST(:customers AS text[]), CAST(:codes AS text[]), CAST(:currencies AS text[]), CAST(:discounts AS bigint[]))"
)
_WHY_NOT = {"unknown": unknown, "exhausted": exhausted, "already_used": already_used}


async def redeem(session: AsyncSession, wanted: Sequence[Redemption]) -> dict[str, Refusal]:
    """Use the codes of checkouts in this order, each checkout's all or none; why not, by checkout, where not.

    One round trip. Codes with a global limit are locked by alphabet until the transaction ends, before any stock is:
    whoever locks both must do it in that order. A use is given back by the end of its checkout; by `give_back` only in
    the transaction that used it.
    """
    rows = [(one, use) for one in wanted for use in one.applied]
    if not rows:
        return {}
    asked = {
        "checkouts": [one.checkout_id for one, _ in rows],
        "customers": [one.customer_id for one, _ in rows],
        "codes": [use.code for _, use in rows],
        "currencies": [one.currency for one, _ in rows],
        "discounts": [use.discount_minor for _, use in rows],
    }
    found = (await session.execute(_REDEEM, asked)).all()
    return {row.checkout_id: _WHY_NOT[row.outcome](row.promotion) for row in found}


_LIVE = PromotionRedemption.state != RedemptionState.RELEASED


async def find(session: AsyncSession, code: str, *, lock: bool = False) -> Promotion | None:
    """A code, in capitals; locked if asked, which waits for those who are using it."""
    return await find_one(session, Promotion, Promotion.code, code, lock=lock)


async def uses(session: AsyncSession, code: str) -> int:
    """How many checkouts under way and orders have used a code."""
    query = sa.select(sa.func.count()).select_from(PromotionRedemption)
    return await session.scalar(query.where(PromotionRedemption.code == code, _LIVE)) or 0


async def newest(session: AsyncSession, after: Sequence[object] | None, most: int) -> list[tuple[Promotion, int]]:
    """Codes with their uses, newest first, from behind a place on: (`created_at`, `code`)."""
    counted = (
        sa.select(sa.func.count())
        .where(PromotionRedemption.tenant_id == Promotion.tenant_id, PromotionRedemption.code == Promotion.code, _LIVE)
        .scalar_subquery()
    )
    query = sa.select(Promotion, counted).order_by(Promotion.created_at.desc(), Promotion.code.desc()).limit(most)
    if after is not None:
        query = query.where(behind((Promotion.created_at, Promotion.code), after, descending=True))
    return [(row, used) for row, used in (await session.execute(query)).tuples()]


async def give_back(session: AsyncSession, checkout_ids: Sequence[str]) -> None:
    """Take back uses of this same transaction, whose checkouts are not to be."""
    mine = PromotionRedemption.checkout_id.in_(checkout_ids) & (PromotionRedemption.state == RedemptionState.HELD)
    await session.execute(sa.delete(PromotionRedemption).where(mine))
