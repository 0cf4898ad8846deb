"""Disputes: a customer's bank questions a charge. The money withheld, won back or lost is posted to the ledger."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.disputes import DisputeFact
from domain.ledger import PostingKind
from domain.states import DISPUTE_MOVES, DisputeState, is_terminal
from models import ledger
from models.base import Base, TenantRow, now
from models.payments import Payment


class Dispute(TenantRow, Base):
    """One dispute under the provider's id, in minor units of `currency`."""

    __tablename__ = "disputes"

    dispute_id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str]
    state: Mapped[DisputeState]
    reason: Mapped[str]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor > 0", name="amount"))
    evidence_due_at: Mapped[datetime | None]
    opened_at: Mapped[datetime] = mapped_column(server_default=now())
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.payment_id"]),
        sa.Index("ix_disputes_payment", "tenant_id", "payment_id"),
    )


async def record(session: AsyncSession, payment: Payment, fact: DisputeFact) -> bool:
    """Write down what is true of a dispute, with its postings. False: nothing changed. The payment must be locked.

    A state that cannot follow the one we have is left alone: the provider's word came late.
    """
    row = await session.get(Dispute, (payment.tenant_id, fact.dispute_id))
    changed = row is None or row.state is not fact.state
    if row is None:
        row = Dispute(
            tenant_id=payment.tenant_id,
            dispute_id=fact.dispute_id,
            payment_id=payment.payment_id,
            state=fact.state,
            reason=fact.reason,
            currency=fact.currency,
            amount_minor=fact.amount_minor,
        )
        session.add(row)
    elif changed:
        if fact.state not in DISPUTE_MOVES.get(row.state, frozenset()):
            return False
        row.state = fact.state
    row.evidence_due_at = fact.evidence_due_at
    if changed and is_terminal(DISPUTE_MOVES, fact.state):
        row.ended_at = now()
    await session.flush()
    await _post(session, payment, fact)
    return changed


async def _post(session: AsyncSession, payment: Payment, fact: DisputeFact) -> None:
    name = f"dispute/{fact.dispute_id}"
    if fact.withdrawn:
        await ledger.post(session, payment, PostingKind.DISPUTE_OPENED, f"{name}/opened", fact.amount_minor)
    if fact.withdrawn and fact.state is DisputeState.WON:
        await ledger.post(session, payment, PostingKind.DISPUTE_WON, f"{name}/won", fact.amount_minor)
    if fact.withdrawn and fact.state is DisputeState.LOST:
        await ledger.post(session, payment, PostingKind.DISPUTE_LOST, f"{name}/lost", fact.amount_minor)
    for fee in fact.fees:
        await ledger.post_fee(session, payment, fee)


async def lost_minor(session: AsyncSession, payment_id: str) -> int:
    """What banks have given back to the customer of a payment, in minor units: it cannot be refunded once more."""
    query = sa.select(sa.func.coalesce(sa.func.sum(Dispute.amount_minor), 0)).where(
        Dispute.payment_id == payment_id, Dispute.state == DisputeState.LOST
    )
    return int(await session.scalar(query) or 0)


async def of_payment(session: AsyncSession, payment_id: str) -> Sequence[Dispute]:
    """A payment's disputes, oldest first."""
    query = sa.select(Dispute).where(Dispute.payment_id == payment_id).order_by(Dispute.opened_at)
    return (await session.scalars(query)).all()
