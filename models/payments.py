"""Payments and the journal of operations: what was asked of the provider is written before the call leaves."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ids import operation_key
from domain.payments import PaymentAuthorized, PaymentCaptured
from domain.states import OperationKind, OperationState, PaymentState
from models.base import Base, RowMissing, TenantRow, now


class Payment(TenantRow, Base):
    """A checkout's payment, in minor units of `currency`. The database keeps captured within authorized."""

    __tablename__ = "payments"

    payment_id: Mapped[str] = mapped_column(primary_key=True)
    checkout_id: Mapped[str]
    intent_id: Mapped[str | None]
    client_secret: Mapped[str | None]
    action_url: Mapped[str | None]
    state: Mapped[PaymentState]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor > 0", name="amount"))
    authorized_minor: Mapped[int] = mapped_column(server_default="0")
    captured_minor: Mapped[int] = mapped_column(server_default="0")
    capture_before: Mapped[datetime | None]
    card: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "checkout_id"], ["checkouts.tenant_id", "checkouts.checkout_id"]),
        sa.CheckConstraint("authorized_minor BETWEEN 0 AND amount_minor", name="authorized"),
        sa.CheckConstraint("captured_minor BETWEEN 0 AND authorized_minor", name="captured"),
        sa.CheckConstraint("state <> 'captured' OR captured_minor > 0", name="captured_something"),
        sa.UniqueConstraint("tenant_id", "checkout_id"),
        sa.UniqueConstraint("tenant_id", "intent_id"),
    )


class PaymentOperation(TenantRow, Base):
    """One thing asked of the provider: journaled as pending before the call, its outcome after."""

    __tablename__ = "payment_operations"

    payment_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[OperationKind] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))
    state: Mapped[OperationState]
    provider_id: Mapped[str | None]
    error_code: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.payment_id"]),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
        # Two operations that move money on one payment cannot both be under way. An authorization may be pending
        # beside the void that ends it: the void is what settles its unknown outcome.
        sa.Index(
            "uq_payment_operations_pending",
            "tenant_id",
            "payment_id",
            unique=True,
            postgresql_where=sa.text("state = 'pending' AND kind <> 'authorize'"),
        ),
    )


async def get(session: AsyncSession, payment_id: str) -> Payment:
    """A payment, locked until the transaction ends. Raises `RowMissing` when there is none."""
    row = await session.scalar(sa.select(Payment).where(Payment.payment_id == payment_id).with_for_update())
    if row is None:
        raise RowMissing(f"no payment {payment_id}")
    return row


async def begin(session: AsyncSession, payment: Payment, kind: OperationKind, amount_minor: int) -> PaymentOperation:
    """Journal an operation before its call leaves; the one already pending is found again.

    A failed operation is followed by a new one under a new key, because the provider replays a saved failure.
    """
    query = (
        sa.select(PaymentOperation)
        .where(PaymentOperation.payment_id == payment.payment_id, PaymentOperation.kind == kind)
        .order_by(PaymentOperation.sequence.desc())
        .limit(1)
    )
    last = await session.scalar(query)
    if last is not None and last.state is not OperationState.FAILED:
        return last
    sequence = last.sequence + 1 if last else 1
    operation = PaymentOperation(
        tenant_id=payment.tenant_id,
        payment_id=payment.payment_id,
        kind=kind,
        sequence=sequence,
        idempotency_key=operation_key(payment.tenant_id, payment.payment_id, kind, sequence),
        amount_minor=amount_minor,
        state=OperationState.PENDING,
    )
    session.add(operation)
    await session.flush()
    return operation


async def finish(
    session: AsyncSession,
    payment_id: str,
    kind: OperationKind,
    *,
    provider_id: str | None = None,
    error_code: str | None = None,
) -> None:
    """Write down the outcome of what is pending of this kind; with an error code it failed. Repeatable."""
    await session.execute(
        sa.update(PaymentOperation)
        .where(
            PaymentOperation.payment_id == payment_id,
            PaymentOperation.kind == kind,
            PaymentOperation.state == OperationState.PENDING,
        )
        .values(
            state=OperationState.FAILED if error_code else OperationState.SUCCEEDED,
            provider_id=provider_id,
            error_code=error_code,
            finished_at=now(),
        )
    )


async def mark_authorized(session: AsyncSession, payment: Payment, fact: PaymentAuthorized) -> None:
    """The provider holds the money."""
    payment.state = PaymentState.AUTHORIZED
    payment.intent_id = fact.intent_id
    payment.authorized_minor = fact.amount_minor
    payment.capture_before = fact.capture_before
    payment.card = fact.card
    payment.client_secret = payment.action_url = None
    await finish(session, payment.payment_id, OperationKind.AUTHORIZE, provider_id=fact.intent_id)


async def mark_captured(session: AsyncSession, payment: Payment, fact: PaymentCaptured) -> None:
    """The money is ours."""
    payment.state = PaymentState.CAPTURED
    payment.captured_minor = fact.amount_minor
    await finish(session, payment.payment_id, OperationKind.CAPTURE, provider_id=fact.charge_id or fact.intent_id)


async def mark_voided(session: AsyncSession, payment: Payment, intent_id: str | None) -> None:
    """Nothing is held any more. An authorization whose outcome was unknown is settled by this."""
    payment.state = PaymentState.VOIDED
    payment.intent_id = intent_id or payment.intent_id
    payment.client_secret = payment.action_url = None
    await finish(session, payment.payment_id, OperationKind.AUTHORIZE, error_code="voided")
    await finish(session, payment.payment_id, OperationKind.VOID, provider_id=intent_id or "none")
