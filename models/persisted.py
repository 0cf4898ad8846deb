"""Documents of GraphQL that a tenant's clients name by their SHA-256 instead of sending them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TenantRow, now, one_at_a_time

MOST_KEPT = 1000
"""So many a tenant; for the next one, that which was not used for longest goes."""


class PersistedQuery(TenantRow, Base):
    """A document under its hash; never changed. `used_at` is when a process last had to look it up."""

    __tablename__ = "persisted_queries"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[str]
    used_at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())

    __table_args__ = (
        sa.CheckConstraint("sha256 = encode(sha256(convert_to(document, 'UTF8')), 'hex')", name="sha256"),
        sa.Index("ix_persisted_queries_used", "tenant_id", "used_at"),
    )


async def find(session: AsyncSession, sha256: str) -> str | None:
    """The document with this hash; it counts as used."""
    query = sa.update(PersistedQuery).where(PersistedQuery.sha256 == sha256).values(used_at=now())
    found: str | None = await session.scalar(query.returning(PersistedQuery.document))
    return found


async def keep(session: AsyncSession, tenant: str, sha256: str, document: str) -> None:
    """Keep it. Twice is once."""
    await one_at_a_time(session, "persisted queries")
    values = {"tenant_id": tenant, "sha256": sha256, "document": document}
    await session.execute(postgresql.insert(PersistedQuery).values(values).on_conflict_do_nothing())
    old = (
        sa.select(PersistedQuery.sha256)
        .order_by(PersistedQuery.used_at.desc(), PersistedQuery.sha256)
        .offset(MOST_KEPT)
        .scalar_subquery()
    )
    await session.execute(sa.delete(PersistedQuery).where(PersistedQuery.sha256.in_(old)))
