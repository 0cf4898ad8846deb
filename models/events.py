"""The timeline: every domain event, written in the transaction that caused it, in order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TenantRow


class Event(TenantRow, Base):
    """Something that happened to a checkout or to what came of it. Append-only."""

    __tablename__ = "events"

    event_id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, autoincrement=True)
    """Said to be counted up, of a key of two columns: then several are written with one statement."""
    checkout_id: Mapped[str]
    type: Mapped[str]
    message: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    occurred_at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())

    __table_args__ = (
        sa.PrimaryKeyConstraint("tenant_id", "event_id"),  # in this order: one that is counted up would come first
        sa.Index("ix_events_checkout", "tenant_id", "checkout_id", "event_id"),
    )


def record(session: AsyncSession, tenant: str, checkout_id: str, kind: str, message: str, **data: Any) -> None:
    """Add an event to this transaction. `message` is for support: no address, no card number, no e-mail.

    Some events cause an e-mail to the customer (`mail_of` in the database); name the `parcel`, `refund` or
    `cancellation` that it is about, since there is one mail for each.
    """
    session.add(event(tenant, checkout_id, kind, message, **data))


def event(tenant: str, checkout_id: str, kind: str, message: str, **data: Any) -> Event:
    """As `record` adds it."""
    return Event(tenant_id=tenant, checkout_id=checkout_id, type=kind, message=message, data=data)


async def timeline(session: AsyncSession, checkout_id: str) -> Sequence[Event]:
    """All that happened to a checkout, its order, payment and parcels, oldest first."""
    query = sa.select(Event).where(Event.checkout_id == checkout_id).order_by(Event.event_id)
    return (await session.scalars(query)).all()


async def is_told(session: AsyncSession, checkout_id: str, kind: str, place: int, about: str = "") -> bool:
    """Whether a person's act is in the timeline. `place`: which one of the order's acts, or of that parcel's, it is."""
    query = sa.select(Event.event_id).where(
        Event.checkout_id == checkout_id,
        Event.type == kind,
        Event.data["place"].as_integer() == place,
        sa.func.coalesce(Event.data["about"].as_string(), "") == about,
    )
    return (await session.scalar(query.limit(1))) is not None


async def since(session: AsyncSession, checkout_id: str, event_id: int) -> Sequence[Event]:
    """What happened to it after that event."""
    query = sa.select(Event).where(Event.checkout_id == checkout_id, Event.event_id > event_id)
    return (await session.scalars(query.order_by(Event.event_id))).all()


async def last_of(session: AsyncSession, watched: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """(tenant, checkout) → the last event of its timeline, of all tenants. A security-definer function."""
    asked = {"tenants": [tenant for tenant, _ in watched], "checkouts": [checkout for _, checkout in watched]}
    rows = await session.execute(sa.text("SELECT * FROM last_events(:tenants, :checkouts)"), asked)
    return {(row.tenant_id, row.checkout_id): row.event_id or 0 for row in rows}
