"""Where our books and the provider's disagree, and how far they have been compared."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.books import Drift
from domain.ids import drift_id
from models.base import Base, TenantRow, now


class DriftRow(TenantRow, Base):
    """One disagreement: what was expected, what was found, since when; resolved once it is not seen any more."""

    __tablename__ = "drifts"

    drift_id: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[str]
    subject: Mapped[str]
    intent_id: Mapped[str]
    payment_id: Mapped[str | None]
    expected: Mapped[str]
    found: Mapped[str]
    first_seen_at: Mapped[datetime] = mapped_column(server_default=now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=now())
    resolved_at: Mapped[datetime | None]


class Watermark(TenantRow, Base):
    """Everything of this kind at the provider up to this instant has been compared."""

    __tablename__ = "watermarks"

    source: Mapped[str] = mapped_column(primary_key=True)
    compared_to: Mapped[datetime]


async def watermark(session: AsyncSession, source: str) -> datetime | None:
    """How far this source has been compared; None before the first time."""
    found: datetime | None = await session.scalar(sa.select(Watermark.compared_to).where(Watermark.source == source))
    return found


async def advance(session: AsyncSession, tenant: str, source: str, to: datetime) -> None:
    """Everything up to `to` has been compared. A watermark never goes back."""
    row = insert(Watermark).values(tenant_id=tenant, source=source, compared_to=to)
    later = sa.func.greatest(Watermark.compared_to, row.excluded.compared_to)
    await session.execute(
        row.on_conflict_do_update(index_elements=["tenant_id", "source"], set_={"compared_to": later})
    )


async def record(session: AsyncSession, tenant: str, drifts: list[Drift]) -> set[str]:
    """Keep what was seen, and resolve what was open and is not seen any more.

    Answers with the payments whose books began or ceased to disagree.
    """
    before = {row.drift_id: row.payment_id for row in await open_drifts(session)}
    seen = {drift_id(tenant, one.rule, one.subject): one for one in drifts}
    for number, one in seen.items():
        row = insert(DriftRow).values(
            tenant_id=tenant,
            drift_id=number,
            rule=one.rule,
            subject=one.subject,
            intent_id=one.intent_id,
            payment_id=one.payment_id,
            expected=one.expected,
            found=one.found,
        )
        news = {"expected": one.expected, "found": one.found, "last_seen_at": now(), "resolved_at": None}
        await session.execute(row.on_conflict_do_update(index_elements=["tenant_id", "drift_id"], set_=news))
    if gone := before.keys() - seen.keys():
        await session.execute(sa.update(DriftRow).where(DriftRow.drift_id.in_(gone)).values(resolved_at=now()))
    changed = {one.payment_id for number, one in seen.items() if number not in before}
    changed |= {payment for number, payment in before.items() if number in gone}
    return {payment for payment in changed if payment is not None}


async def open_drifts(session: AsyncSession) -> list[DriftRow]:
    """What disagrees at present, oldest first."""
    query = sa.select(DriftRow).where(DriftRow.resolved_at.is_(None)).order_by(DriftRow.first_seen_at)
    return list(await session.scalars(query))
