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

    event_id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True)
    checkout_id: Mapped[str]
    type: Mapped[str]
    message: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    occurred_at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())

    __table_args__ = (sa.Index("ix_events_checkout", "tenant_id", "checkout_id", "event_id"),)


def record(session: AsyncSession, tenant: str, checkout_id: str, kind: str, message: str, **data: Any) -> None:
    """Add an event to this transaction. `message` is for support: no address, no card number, no e-mail."""
    session.add(Event(tenant_id=tenant, checkout_id=checkout_id, type=kind, message=message, data=data))


async def timeline(session: AsyncSession, checkout_id: str) -> Sequence[Event]:
    """All that happened to a checkout, its order, payment and parcels, oldest first."""
    query = sa.select(Event).where(Event.checkout_id == checkout_id).order_by(Event.event_id)
    return (await session.scalars(query)).all()
