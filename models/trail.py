"""The audit log: who did what to what, when, under which request, and with what outcome. No personal data."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.acts import ActByHand
from models.base import Base, TenantRow, now
from models.tenancy import Tenant


class AuditedAct(TenantRow, Base):
    """One act of a person or a machine."""

    __tablename__ = "audit_log"

    act_id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=now())
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    status: Mapped[int]
    code: Mapped[str | None]
    request_id: Mapped[str]
    reason: Mapped[str | None]

    __table_args__ = (
        sa.Index(
            "uq_audit_log_by_hand",
            "tenant_id",
            "request_id",
            unique=True,
            postgresql_where=sa.text("request_id LIKE 'temporal/%'"),
        ),
    )


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be written down. `at` is ISO 8601; `status` is HTTP's, `code` the problem's if there was one."""

    at: str
    actor: str
    action: str
    target: str
    status: int
    code: str | None
    request_id: str


async def record(connection: AsyncConnection, tenant: str, acts: Sequence[Act]) -> None:
    """Write acts of one tenant in one round trip."""
    query = sa.text("SELECT record_acts(:tenant, CAST(:acts AS jsonb))")
    await connection.execute(query, {"tenant": tenant, "acts": json.dumps([asdict(act) for act in acts])})


async def record_by_hand(session: AsyncSession, act: ActByHand, actor: str) -> None:
    """Write down an act that came past our API, once. A workflow of no tenant of ours has no log."""
    if await session.get(Tenant, act.tenant) is None:
        return
    row = insert(AuditedAct).values(
        tenant_id=act.tenant,
        at=act.at,
        actor=actor,
        action=act.action,
        target=act.workflow_id,
        status=act.status,
        code=act.code,
        request_id=act.request_id,
        reason=act.reason,
    )
    await session.execute(row.on_conflict_do_nothing())


async def latest(session: AsyncSession, *, before: int | None, most: int) -> Sequence[AuditedAct]:
    """The newest acts first; with `before`, those that are older than that one."""
    query = sa.select(AuditedAct).order_by(AuditedAct.act_id.desc()).limit(most)
    if before is not None:
        query = query.where(AuditedAct.act_id < before)
    return (await session.scalars(query)).all()
