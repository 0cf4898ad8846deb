"""Drops: limited editions with their windows and limits, who took how many, and the line for what is given back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.drops import Denial, Denied
from domain.ids import drop_ticket_id
from domain.pricing import CartLine
from domain.states import DropTicketState
from models.base import Base, TenantRow, now


class Drop(TenantRow, Base):
    """A sale from `opens_at` to `closes_at`. Its row is the lock under which its units are given out."""

    __tablename__ = "drops"

    drop_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    early_access: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """Tier → so many seconds earlier."""
    entitlement: Mapped[str | None]
    customer_limit: Mapped[int | None] = mapped_column(sa.CheckConstraint("customer_limit > 0", name="customer_limit"))
    line_length: Mapped[int] = mapped_column(
        sa.CheckConstraint("line_length BETWEEN 0 AND 10000", name="line_length"), server_default="0"
    )
    grant_seconds: Mapped[int] = mapped_column(
        sa.CheckConstraint("grant_seconds BETWEEN 10 AND 86400", name="grant_seconds"), server_default="300"
    )
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.CheckConstraint("opens_at < closes_at", name="window"),
        sa.Index("ix_drops_opens", "tenant_id", "opens_at", "drop_id"),
    )


class DropSku(TenantRow, Base):
    """A SKU of a drop: of its allotment (none: of the stock) how many are taken, how many are kept for the line."""

    __tablename__ = "drop_skus"

    drop_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    allotment: Mapped[int | None]
    taken: Mapped[int] = mapped_column(server_default="0")
    granted: Mapped[int] = mapped_column(server_default="0")
    waiting: Mapped[int] = mapped_column(sa.CheckConstraint("waiting >= 0", name="waiting"), server_default="0")
    """Places, not units."""
    last_place: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "drop_id"], ["drops.tenant_id", "drops.drop_id"]),
        sa.ForeignKeyConstraint(["tenant_id", "sku"], ["variants.tenant_id", "variants.sku"]),
        sa.UniqueConstraint("tenant_id", "sku"),
        sa.CheckConstraint("taken >= 0 AND granted >= 0", name="units"),
        sa.CheckConstraint("taken + granted <= allotment", name="not_oversold"),
    )


class DropClaim(TenantRow, Base):
    """What a checkout, and then its order, took of a drop. `live` follows the reservations at once (a trigger sees to
    it); `quantity` is what is counted as taken, and follows when the drop is looked at next."""

    __tablename__ = "drop_claims"

    checkout_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    drop_id: Mapped[str]
    customer_id: Mapped[str]
    quantity: Mapped[int]
    live: Mapped[int]
    ticket_id: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "drop_id"], ["drops.tenant_id", "drops.drop_id"]),
        sa.CheckConstraint("0 <= live AND live <= quantity", name="live"),
        sa.Index("ix_drop_claims_customer", "tenant_id", "drop_id", "customer_id"),
        sa.Index("ix_drop_claims_freed", "tenant_id", "drop_id", postgresql_where=sa.text("live < quantity")),
    )


class DropTicket(TenantRow, Base):
    """A customer's place in the line for a SKU: `place` orders it, and is given anew to one who comes again."""

    __tablename__ = "drop_tickets"

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    drop_id: Mapped[str]
    sku: Mapped[str]
    customer_id: Mapped[str]
    checkout_id: Mapped[str]
    """The one whose request took the place; the timeline that hears of it."""
    quantity: Mapped[int] = mapped_column(sa.CheckConstraint("quantity > 0", name="quantity"))
    place: Mapped[int]
    state: Mapped[DropTicketState]
    granted_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "drop_id"], ["drops.tenant_id", "drops.drop_id"]),
        sa.UniqueConstraint("tenant_id", "drop_id", "sku", "customer_id"),
        sa.CheckConstraint("state <> 'granted' OR granted_until IS NOT NULL", name="granted_until"),
        sa.Index(
            "ix_drop_tickets_line", "tenant_id", "drop_id", "sku", "place",
            postgresql_where=sa.text("state IN ('waiting', 'granted')"),
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entrant:
    """A cart at the gate: whose, and what of it. `lines` of SKUs that are in no drop change nothing."""

    checkout_id: str
    customer_id: str
    lines: Sequence[CartLine]
    tier: str | None = None
    early_seconds: int = 0
    entitlements: frozenset[str] = frozenset()


async def of_skus(session: AsyncSession, skus: Iterable[str]) -> dict[str, Drop]:
    """The drop each of these SKUs is in; those in none are left out."""
    query = (
        sa.select(DropSku.sku, Drop)
        .join(Drop, (Drop.tenant_id == DropSku.tenant_id) & (Drop.drop_id == DropSku.drop_id))
        .where(DropSku.sku.in_(skus))
    )
    return {row.sku: row.Drop for row in await session.execute(query)}


_ENTER = sa.text("SELECT * FROM enter_drops(CAST(:asked AS jsonb), coalesce(CAST(:at AS timestamptz), now()))")


async def enter(
    session: AsyncSession, entrants: Sequence[Entrant], dropped: Mapping[str, Drop], at: datetime | None = None
) -> dict[str, Denial]:
    """Carts at the gate in order of arrival, in one statement: who is not let through, by checkout, and why.

    Who is let through has taken the units as this transaction commits; the drops stay locked until then. `at` is the
    instant asked about; None: the database's clock at the beginning of the transaction.
    """
    carts = [
        {
            "checkout": one.checkout_id,
            "customer": one.customer_id,
            "tier": one.tier,
            "early": one.early_seconds,
            "entitled": sorted(one.entitlements),
            "lines": [
                {
                    "sku": line.sku,
                    "quantity": line.quantity,
                    "ticket": drop_ticket_id(drop.tenant_id, drop.drop_id, line.sku, one.customer_id),
                }
                for line in one.lines
                if (drop := dropped.get(line.sku))
            ],
        }
        for one in entrants
    ]
    rows = await session.execute(_ENTER, {"asked": json.dumps(carts), "at": at})
    return {
        row.checkout: Denial(
            why=Denied(row.why),
            sku=row.sku,
            drop_id=row.drop_id,
            opens_at=row.opens_at,
            most=row.most,
            ticket=row.ticket,
            position=row.place,
            kept_until=row.kept_until,
        )
        for row in rows
    }


async def leave(session: AsyncSession, checkouts: Sequence[str]) -> None:
    """In the transaction that let them through: these carts went no further, and give back what they took."""
    await session.execute(sa.text("SELECT leave_drops(:checkouts)"), {"checkouts": list(checkouts)})


async def look_after(session: AsyncSession, drop_id: str, at: datetime | None = None) -> float | None:
    """Count what came back, let what was granted lapse, grant what is free to those in line.

    The seconds until the next look is due; None when the drop is over, or there is none. Waits for who has the drop.
    """
    query = sa.text("SELECT look_after_drop(:drop, coalesce(CAST(:at AS timestamptz), now()))")
    due: float | None = await session.scalar(query, {"drop": drop_id, "at": at})
    return due


async def given_back(session: AsyncSession, checkout_id: str) -> Sequence[str]:
    """The drops to which this checkout gave units back that were not counted yet."""
    query = sa.select(DropClaim.drop_id).where(
        DropClaim.checkout_id == checkout_id, DropClaim.live < DropClaim.quantity
    )
    return (await session.scalars(query.distinct())).all()


async def to_look_after(session: AsyncSession, soon_seconds: int) -> list[str]:
    """Drops with a line that open within so many seconds, early access aside, or whose line has not ended."""
    living = sa.exists().where(
        DropTicket.tenant_id == Drop.tenant_id,
        DropTicket.drop_id == Drop.drop_id,
        sa.text("drop_tickets.state IN ('waiting', 'granted')"),  # as the index has it
    )
    soon = Drop.opens_at - timedelta(days=30) < now() + timedelta(seconds=soon_seconds)
    query = sa.select(Drop.drop_id).where((Drop.line_length > 0) & soon & (Drop.closes_at > now()) | living)
    return list(await session.scalars(query.order_by(Drop.drop_id)))
