"""Refunds that somebody asked for by hand: who, how much, why, and who else allowed it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.refunds import RefundCause
from domain.states import OperationKind, OperationState, RefundRequestState
from models.base import Base, RowMissing, TenantRow, find_one, now, one_at_a_time
from models.payments import PaymentOperation

DAY = timedelta(hours=24)
COUNTS = (RefundRequestState.AWAITING_APPROVAL, RefundRequestState.APPROVED)
"""What is asked for in one of these is spoken for."""


class RefundRequest(TenantRow, Base):
    """A refund that somebody asked for, of `amount_minor` in minor units; once allowed, the operation under the same id
    moves the money. `needs_second`: nobody but a second person may allow it, until `due_at`."""

    __tablename__ = "refund_requests"

    refund_id: Mapped[str] = mapped_column(primary_key=True)
    order_number: Mapped[str]
    payment_id: Mapped[str]
    fingerprint: Mapped[str]
    state: Mapped[RefundRequestState]
    cause: Mapped[RefundCause]
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor > 0", name="amount"))
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    actor: Mapped[str]
    note: Mapped[str]
    needs_second: Mapped[bool]
    decided_by: Mapped[str | None]
    decision_note: Mapped[str | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "order_number"], ["orders.tenant_id", "orders.order_number"]),
        sa.ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.payment_id"]),
        sa.CheckConstraint(
            "NOT needs_second OR state IN ('awaiting_approval', 'declined', 'expired')"
            " OR (decided_by IS NOT NULL AND decided_by <> actor)",
            name="second_person",
        ),
        sa.Index("ix_refund_requests_order", "tenant_id", "order_number"),
        sa.Index("ix_refund_requests_actor", "tenant_id", "actor", "created_at"),
        sa.Index(
            "ix_refund_requests_waiting",
            "tenant_id",
            "created_at",
            "refund_id",
            postgresql_where=sa.text("state = 'awaiting_approval'"),
        ),
    )


async def find(session: AsyncSession, refund_id: str, *, lock: bool = False) -> RefundRequest | None:
    """What was asked for under this id, locked until the transaction's end if asked."""
    return await find_one(session, RefundRequest, RefundRequest.refund_id, refund_id, lock=lock)


async def get(session: AsyncSession, refund_id: str) -> RefundRequest:
    """As `find`, locked; raises `RowMissing` when there is none."""
    if row := await find(session, refund_id, lock=True):
        return row
    raise RowMissing(f"no refund {refund_id} was asked for")


async def of_order(session: AsyncSession, order_number: str) -> Sequence[RefundRequest]:
    """All that was asked for of an order, oldest first."""
    query = sa.select(RefundRequest).where(RefundRequest.order_number == order_number)
    return (await session.scalars(query.order_by(RefundRequest.created_at, RefundRequest.refund_id))).all()


async def waiting(session: AsyncSession, *, after: tuple[datetime, str] | None, most: int) -> Sequence[RefundRequest]:
    """What waits for a second person, oldest first; `after` a place."""
    query = (
        sa.select(RefundRequest)
        .where(RefundRequest.state == RefundRequestState.AWAITING_APPROVAL)
        .order_by(RefundRequest.created_at, RefundRequest.refund_id)
        .limit(most)
    )
    if after is not None:
        place = sa.tuple_(RefundRequest.created_at, RefundRequest.refund_id)
        query = query.where(place > sa.tuple_(*map(sa.literal, after)))
    return (await session.scalars(query)).all()


async def not_begun_minor(session: AsyncSession, payment_id: str) -> int:
    """What is spoken for of a payment, in minor units, and not set aside by an operation yet. It must be locked."""
    begun = sa.exists().where(
        PaymentOperation.tenant_id == RefundRequest.tenant_id,
        PaymentOperation.payment_id == RefundRequest.payment_id,
        PaymentOperation.kind == OperationKind.REFUND,
        PaymentOperation.reference == RefundRequest.refund_id,
    )
    return await _sum(session, RefundRequest.payment_id == payment_id, ~begun)


async def of_order_minor(session: AsyncSession, order_number: str) -> int:
    """All that was asked for of an order by hand and counts, in minor units. Its payment must be locked."""
    return await _sum(session, RefundRequest.order_number == order_number, ~_BOUNCED)


async def by_actor_minor(session: AsyncSession, actor: str, currency: str) -> int:
    """What somebody asked for in a currency in the last 24 hours; nobody else counts it until the transaction ends."""
    await one_at_a_time(session, f"refunds of {actor}")
    return await _sum(
        session,
        RefundRequest.actor == actor,
        RefundRequest.currency == currency,
        RefundRequest.created_at > now() - DAY,
        ~_BOUNCED,
    )


_BOUNCED = sa.exists().where(
    PaymentOperation.tenant_id == RefundRequest.tenant_id,
    PaymentOperation.payment_id == RefundRequest.payment_id,
    PaymentOperation.kind == OperationKind.REFUND,
    PaymentOperation.reference == RefundRequest.refund_id,
    PaymentOperation.state == OperationState.REVERSED,
)


async def _sum(session: AsyncSession, *which: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.coalesce(sa.func.sum(RefundRequest.amount_minor), 0))
    return int(await session.scalar(query.where(RefundRequest.state.in_(COUNTS), *which)) or 0)
