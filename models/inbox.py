"""The inbox: webhooks as they came, verified over their raw bytes, kept until they are handled."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TenantRow, now


class InboxMessage(TenantRow, Base):
    """One webhook under its sender's event id. It is delivered until `handled_at` is set."""

    __tablename__ = "inbox"

    source: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[bytes]
    received_at: Mapped[datetime] = mapped_column(server_default=now())
    due_at: Mapped[datetime] = mapped_column(server_default=now())
    attempts: Mapped[int] = mapped_column(server_default="0")
    handled_at: Mapped[datetime | None]
    outcome: Mapped[str | None]

    __table_args__ = (
        sa.Index("ix_inbox_due", "due_at", postgresql_where=sa.text("handled_at IS NULL")),
        sa.Index(
            "ix_inbox_unknown",
            "tenant_id",
            "received_at",
            "event_id",
            postgresql_where=sa.text("outcome = 'unknown_object' AND source <> 'stripe'"),
        ),
    )


class Outcome(StrEnum):
    """What became of a message."""

    DELIVERED = "delivered"
    NO_NEWS = "no_news"
    UNKNOWN_OBJECT = "unknown_object"
    WORKFLOW_CLOSED = "workflow_closed"
    NOT_FOR_US = "not_for_us"
    MALFORMED = "malformed"


async def store(session: AsyncSession, tenant: str, source: str, bodies: Mapping[str, bytes]) -> int:
    """Keep webhooks, event id → body; answers with how many were not here already."""
    kind = {"tenant_id": tenant, "source": source}
    rows = [kind | {"event_id": event, "body": body} for event, body in sorted(bodies.items())]  # one order of locks
    if not rows:
        return 0
    insert = postgresql.insert(InboxMessage).on_conflict_do_nothing().returning(InboxMessage.event_id)
    return len((await session.scalars(insert, rows)).all())


_RECEIVE = sa.text(
    "SELECT receive_webhook(:tenant, :source, :event, :body, CAST(:told AS text), CAST(:wait AS double precision))"
)
_DUE = sa.text("SELECT tenant_id, source, event_id FROM inbox_due(:limit)")
_UNHANDLED = (
    InboxMessage.source == sa.bindparam("of_source"),
    InboxMessage.event_id == sa.bindparam("of_event"),
    InboxMessage.handled_at.is_(None),
)
_CLAIM = sa.select(InboxMessage).where(*_UNHANDLED).with_for_update(skip_locked=True)
_HANDLED = (
    sa.update(InboxMessage)
    .where(*_UNHANDLED)
    .values(handled_at=now(), outcome=sa.bindparam("what"))
    .execution_options(synchronize_session=False)
)


async def receive(
    connection: AsyncConnection,
    tenant: str,
    source: str,
    event_id: str,
    body: bytes,
    *,
    told: Outcome | None = None,
    wait_seconds: float = 0.0,
) -> bool | None:
    """Keep one, in one round trip and without a transaction around it.

    False when it was here already; None when there is no such tenant.

    `told`: what becomes of it is known already; it is handled. Else it is due in `wait_seconds`.
    """
    values = {
        "tenant": tenant, "source": source, "event": event_id, "body": body, "told": told, "wait": wait_seconds,
    }  # fmt: skip
    found: bool | None = (await connection.execute(_RECEIVE, values)).scalar_one()
    return found


async def due(session: AsyncSession, limit: int) -> list[tuple[str, str, str]]:
    """(tenant, source, event id) of unhandled messages of all tenants that are due. A security-definer function."""
    rows = await session.execute(_DUE, {"limit": limit})
    return [(row.tenant_id, row.source, row.event_id) for row in rows]


async def claim(session: AsyncSession, source: str, event_id: str) -> InboxMessage | None:
    """The message, locked, unless it is handled or another process has it in hand."""
    row: InboxMessage | None = await session.scalar(_CLAIM, {"of_source": source, "of_event": event_id})
    return row


async def of_unknown_parcels(
    session: AsyncSession, *, before: tuple[datetime, str] | None, most: int
) -> Sequence[InboxMessage]:
    """Carriers' webhooks of parcels that nobody knows, the newest first; `before` one, by its time and event id."""
    newest = sa.tuple_(InboxMessage.received_at, InboxMessage.event_id)
    query = sa.select(InboxMessage).where(InboxMessage.outcome == Outcome.UNKNOWN_OBJECT, sa.text("source <> 'stripe'"))
    if before is not None:
        query = query.where(newest < before)
    query = query.order_by(InboxMessage.received_at.desc(), InboxMessage.event_id.desc()).limit(most)
    return (await session.scalars(query)).all()


def settle(message: InboxMessage, outcome: Outcome) -> None:
    """Handled, once and for all."""
    message.handled_at = now()
    message.outcome = outcome


async def handled(session: AsyncSession, source: str, event_id: str, outcome: Outcome) -> None:
    """As `settle`, of a message that is not in hand; once it is handled, what was first said of it stays."""
    await session.execute(_HANDLED, {"of_source": source, "of_event": event_id, "what": outcome})


def postpone(message: InboxMessage, seconds: float) -> None:
    """Not now: look again in so many seconds."""
    message.attempts += 1
    message.due_at = now() + timedelta(seconds=seconds)
