"""The outbox of e-mails: each is written by the event that causes it, in its transaction, and sent afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ids import mail_id
from domain.mails import PATIENCE_SECONDS, Milestone, pause_seconds
from domain.states import MailState
from models.base import Base, TenantRow, now

LEASE_SECONDS = 300
"""Who has a mail in hand has it for so long; longer than the slowest server is waited for."""


class Mail(TenantRow, Base):
    """One e-mail about a milestone of a checkout and what came of it: one a milestone and `part`, which is the parcel,
    refund, cancellation, return or period it is about (`mail_part` in the database). A trigger on `events` writes it
    (`write_mail`). As in `events`, `checkout_id` may be a membership's id.

    It holds no address and no text: both are made as it is sent. `problem` is why it is not sent yet, or was not.
    """

    __tablename__ = "mails"

    checkout_id: Mapped[str] = mapped_column(primary_key=True)
    milestone: Mapped[Milestone] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[int]
    state: Mapped[MailState] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=now())
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    ended_at: Mapped[datetime | None]
    problem: Mapped[str | None]

    __table_args__ = (
        sa.CheckConstraint("(state = 'pending') = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint("state <> 'failed' OR problem IS NOT NULL", name="problem"),
        sa.Index("ix_mails_due", "due_at", postgresql_where=sa.text("state = 'pending'")),
        sa.Index("ix_mails_failed", "tenant_id", "created_at", postgresql_where=sa.text("state = 'failed'")),
    )

    @property
    def mail_id(self) -> str:
        """Its id, which derives from what it is about; its Message-ID derives from it."""
        return mail_id(self.tenant_id, self.checkout_id, self.milestone, self.part)


@dataclass(frozen=True, slots=True)
class MailKey:
    """Which mail of which tenant."""

    tenant: str
    checkout_id: str
    milestone: Milestone
    part: str


async def due(session: AsyncSession, limit: int) -> list[MailKey]:
    """Mails of all tenants that are due, of each checkout the oldest only. A security-definer function."""
    query = sa.text("SELECT tenant_id, checkout_id, milestone, part FROM mails_due(:limit)")
    rows = await session.execute(query, {"limit": limit})
    return [MailKey(row.tenant_id, row.checkout_id, Milestone(row.milestone), row.part) for row in rows]


_IS = (
    Mail.checkout_id == sa.bindparam("of_checkout"),
    Mail.milestone == sa.bindparam("of_milestone"),
    Mail.part == sa.bindparam("of_part"),
)
_ONE = sa.select(Mail).where(*_IS).with_for_update()
_TAKE = (
    sa.update(Mail)
    .where(
        *_IS,
        Mail.event_id == sa.select(Mail.event_id).where(*_IS).with_for_update(skip_locked=True).scalar_subquery(),
        Mail.state == MailState.PENDING,
        Mail.due_at <= now(),
    )
    .values(attempts=Mail.attempts + 1, due_at=now() + timedelta(seconds=LEASE_SECONDS))
    .returning(Mail)
    .execution_options(synchronize_session=False)
)
_SETTLE = (
    sa.update(Mail)
    .where(*_IS, Mail.state == MailState.PENDING)
    .values(state=sa.bindparam("is_now"), ended_at=now(), problem=sa.bindparam("because"))
    .execution_options(synchronize_session=False)
)
"""Made once: to make such a statement takes longer than to run it."""


async def take(session: AsyncSession, key: MailKey) -> Mail | None:
    """Take a mail in hand for `LEASE_SECONDS`, which counts as a try. None: it is done, not due, or in another's."""
    return (await session.scalars(_TAKE, _of(key))).one_or_none()


async def settle(session: AsyncSession, key: MailKey, state: MailState, problem: str | None = None) -> None:
    """What became of it; nothing if that is known."""
    await session.execute(_SETTLE, _of(key) | {"is_now": state, "because": problem})


async def postpone(session: AsyncSession, key: MailKey, problem: str) -> bool:
    """Try again later, or give it up after `PATIENCE_SECONDS`. False: it is given up."""
    row: Mail | None = await session.scalar(_ONE, _of(key))
    if row is None or row.state is not MailState.PENDING:
        return True
    patience = sa.literal(row.created_at) + timedelta(seconds=PATIENCE_SECONDS)
    row.problem = problem
    if await session.scalar(sa.select(patience <= now())):
        row.state, row.ended_at = MailState.FAILED, now()
        return False
    row.due_at = now() + timedelta(seconds=pause_seconds(row.attempts))
    return True


async def of_checkout(session: AsyncSession, checkout_id: str, *, lock: bool = False) -> Sequence[Mail]:
    """All mails of a checkout and its order, in the order of what caused them."""
    query = sa.select(Mail).where(Mail.checkout_id == checkout_id).order_by(Mail.event_id)
    return (await session.scalars(query.with_for_update() if lock else query)).all()


async def failed(session: AsyncSession, limit: int) -> Sequence[Mail]:
    """Those that support should look at, newest first."""
    query = sa.select(Mail).where(Mail.state == MailState.FAILED).order_by(Mail.created_at.desc()).limit(limit)
    return (await session.scalars(query)).all()


def again(mail: Mail) -> None:
    """Support has a failed one tried again, from now on with full patience."""
    mail.state, mail.ended_at, mail.due_at, mail.created_at, mail.attempts = MailState.PENDING, None, now(), now(), 0


def _of(key: MailKey) -> dict[str, object]:
    return {"of_checkout": key.checkout_id, "of_milestone": key.milestone, "of_part": key.part}
