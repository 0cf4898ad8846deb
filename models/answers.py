"""Answers kept under their Idempotency-Key, so that a request sent twice is done once and answered alike."""

import json
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TenantRow

KEPT = timedelta(hours=24)
"""A key means the same request for so long, and then nothing."""

HELD = timedelta(seconds=60)
"""Longer than any route may take. Whoever has not answered by then has died, and the next one goes on."""


class KeptAnswer(TenantRow, Base):
    """A request in hand, or the answer it got: never one of 5xx, which is no answer."""

    __tablename__ = "kept_answers"

    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())
    held_until: Mapped[datetime]
    status: Mapped[int | None]
    headers: Mapped[dict[str, str] | None] = mapped_column(JSONB())
    body: Mapped[bytes | None]

    __table_args__ = (
        sa.CheckConstraint("status BETWEEN 200 AND 499", name="status"),
        sa.Index("ix_kept_answers_tenant_id_begun_at", "tenant_id", "begun_at"),
    )


class Claim(NamedTuple):
    """Whose turn it is; with the answer if it is `known`."""

    verdict: Literal["new", "running", "known", "other_body"]
    status: int | None
    headers: dict[str, str] | None
    body: bytes | None


async def claim(connection: AsyncConnection, tenant: str, key: str, fingerprint: str) -> Claim:
    """Take the key for this request, if it is free; in one round trip."""
    query = sa.text("SELECT * FROM claim_answer(:tenant, :key, :print, :hold, :kept)")
    values = {"tenant": tenant, "key": key, "print": fingerprint, "hold": HELD, "kept": KEPT}
    row: Any = (await connection.execute(query, values)).one()
    return Claim(*row)


async def keep(
    connection: AsyncConnection,
    tenant: str,
    key: str,
    fingerprint: str,
    status: int,
    headers: dict[str, str],
    body: bytes,
) -> None:
    """This is the answer from now on."""
    query = sa.text("SELECT keep_answer(:tenant, :key, :print, :status, CAST(:headers AS jsonb), :body)")
    values = {"tenant": tenant, "key": key, "print": fingerprint, "status": status, "body": body}
    await connection.execute(query, values | {"headers": json.dumps(headers)})


async def give_up(connection: AsyncConnection, tenant: str, key: str, fingerprint: str) -> None:
    """Nothing came of it: the key may be used again."""
    query = sa.text("SELECT keep_answer(:tenant, :key, :print, NULL, NULL, NULL)")
    await connection.execute(query, {"tenant": tenant, "key": key, "print": fingerprint})


async def sweep(session: AsyncSession, most: int) -> int:
    """Forget answers that are older than they are kept; so many at a time. Answers with how many."""
    old = (
        sa.select(KeptAnswer.idempotency_key)
        .where(KeptAnswer.begun_at < sa.func.now() - KEPT)
        .order_by(KeptAnswer.begun_at)
        .limit(most)
        .scalar_subquery()
    )
    gone = await session.execute(sa.delete(KeptAnswer).where(KeptAnswer.idempotency_key.in_(old)))
    return int(gone.rowcount)  # type: ignore[attr-defined]
