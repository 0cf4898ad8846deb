"""Payments and the journal of operations: what is asked of the provider is written before the call leaves."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ids import operation_key
from domain.ledger import PostingKind
from domain.payments import PaymentAuthorized, PaymentCaptured, SavedCard
from domain.states import OperationKind, OperationState, PaymentState
from models import ledger, memberships
from models.base import Base, RowMissing, TenantRow, find_one, now
from models.driver import Statement, ask

CHECKOUT = "checkout"
PERIOD = "period"
VOID = "void"
"""References of the operations there is one of a payment; a capture's is its shipment, a refund's its refund id."""


_OWNERS = (memberships.Membership,)
"""Tables that a payment refers to must be known wherever payments are written."""

HAPPENED = (OperationState.SUCCEEDED, OperationState.REVERSED)


class OperationUnderWay(Exception):
    """Another operation of this payment is out, and its outcome not known: wait for it."""


class Payment(TenantRow, Base):
    """A checkout's payment, or that of a membership's period, in minor units of `currency`.

    The database keeps refunded ≤ captured ≤ authorized.
    `refunded_minor` counts what has been promised back: it is raised before a refund leaves, and lowered if it fails.
    """

    __tablename__ = "payments"

    payment_id: Mapped[str] = mapped_column(primary_key=True)
    checkout_id: Mapped[str | None]
    membership_id: Mapped[str | None]
    membership_period: Mapped[int | None]
    intent_id: Mapped[str | None]
    charge_id: Mapped[str | None]
    client_secret: Mapped[str | None]
    action_url: Mapped[str | None]
    state: Mapped[PaymentState]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor > 0", name="amount"))
    authorized_minor: Mapped[int] = mapped_column(server_default="0")
    captured_minor: Mapped[int] = mapped_column(server_default="0")
    refunded_minor: Mapped[int] = mapped_column(server_default="0")
    multicapture: Mapped[bool] = mapped_column(server_default=sa.false())
    capture_before: Mapped[datetime | None]
    card: Mapped[str | None]
    saved_customer: Mapped[str | None]
    saved_method: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "checkout_id"], ["checkouts.tenant_id", "checkouts.checkout_id"]),
        sa.ForeignKeyConstraint(["tenant_id", "membership_id"], ["memberships.tenant_id", "memberships.membership_id"]),
        # Somebody's, and of one thing only.
        sa.CheckConstraint("(checkout_id IS NULL) <> (membership_id IS NULL)", name="owner"),
        sa.CheckConstraint("(membership_id IS NULL) = (membership_period IS NULL)", name="period"),
        sa.CheckConstraint("authorized_minor BETWEEN 0 AND amount_minor", name="authorized"),
        sa.CheckConstraint("captured_minor BETWEEN 0 AND authorized_minor", name="captured"),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND captured_minor", name="refunded"),
        sa.CheckConstraint("state NOT IN ('captured', 'refunded') OR captured_minor > 0", name="captured_something"),
        sa.UniqueConstraint("tenant_id", "checkout_id"),
        sa.UniqueConstraint("tenant_id", "membership_id", "membership_period"),
        sa.UniqueConstraint("tenant_id", "intent_id"),
    )

    @property
    def subject(self) -> str:
        """Whose payment it is: the checkout's or the membership's id, under which its events are found."""
        return self.checkout_id or self.membership_id or ""

    @property
    def saved(self) -> SavedCard | None:
        """The card to charge when the shopper is not there, if they let us keep it."""
        if self.saved_customer is None or self.saved_method is None:
            return None
        return SavedCard(self.saved_customer, self.saved_method)


class PaymentOperation(TenantRow, Base):
    """One thing asked of the provider: journaled as pending before the call, its outcome after.

    `reference` says what it is for, so that asking for the same thing again finds it.
    """

    __tablename__ = "payment_operations"
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012  # as SQLAlchemy asks

    payment_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[OperationKind] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str]
    reference: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))
    state: Mapped[OperationState]
    provider_id: Mapped[str | None]
    error_code: Mapped[str | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.payment_id"]),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
        # What is asked for once is out at most once; only a failure makes room for another try.
        sa.Index(
            "uq_payment_operations_reference",
            "tenant_id",
            "payment_id",
            "kind",
            "reference",
            unique=True,
            postgresql_where=sa.text("state <> 'failed'"),
        ),
        # Two operations on one payment cannot both be out. An authorization that a customer must confirm may be pending
        # beside the void that ends it: the void is what settles its unknown outcome.
        sa.Index(
            "uq_payment_operations_pending",
            "tenant_id",
            "payment_id",
            unique=True,
            postgresql_where=sa.text(
                "state = 'pending' AND NOT (kind = 'authorize' AND reference IN ('checkout', 'period'))"
            ),
        ),
    )


class ProviderCustomer(TenantRow, Base):
    """A customer at the payment provider, made when they first let us keep a card."""

    __tablename__ = "provider_customers"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[str]


async def get(session: AsyncSession, payment_id: str) -> Payment:
    """A payment, locked until the transaction ends. Raises `RowMissing` when there is none."""
    row = await find_one(session, Payment, Payment.payment_id, payment_id, lock=True)
    if row is None:
        raise RowMissing(f"no payment {payment_id}")
    return row


async def of_order(session: AsyncSession, order_number: str) -> Payment:
    """The payment of an order. Raises `RowMissing` when there is none."""
    orders = sa.table("orders", sa.column("order_number", sa.Text()), sa.column("payment_id", sa.Text()))
    query = sa.select(Payment).join(orders, orders.c.payment_id == Payment.payment_id)
    row: Payment | None = await session.scalar(query.where(orders.c.order_number == order_number))
    if row is None:
        raise RowMissing(f"no payment of order {order_number}")
    return row


async def of_intent(session: AsyncSession, intent_id: str) -> Payment | None:
    """The payment an intent at the provider is for."""
    row: Payment | None = await session.scalar(sa.select(Payment).where(Payment.intent_id == intent_id))
    return row


_NEWEST = (
    sa.select(PaymentOperation)
    .where(
        PaymentOperation.payment_id == sa.bindparam("payment"),
        PaymentOperation.kind == sa.bindparam("kind"),
        PaymentOperation.reference == sa.bindparam("reference"),
    )
    .order_by(PaymentOperation.sequence.desc())
    .limit(1)
)


async def operation(
    session: AsyncSession, payment_id: str, kind: OperationKind, reference: str
) -> PaymentOperation | None:
    """The newest operation of a payment for this purpose."""
    found: PaymentOperation | None = await session.scalar(
        _NEWEST, {"payment": payment_id, "kind": kind, "reference": reference}
    )
    return found


async def begin(
    session: AsyncSession,
    payment: Payment,
    kind: OperationKind,
    reference: str,
    amount_minor: int,
    *,
    note: str | None = None,
) -> PaymentOperation:
    """Journal an operation before its call leaves; the one that is there already is found again.

    A failed operation is followed by a new one under a new key, because the provider replays a saved failure. The
    payment must be locked. Raises `OperationUnderWay` while another one is out.
    """
    known = await operation(session, payment.payment_id, kind, reference)
    if known is not None and known.state is not OperationState.FAILED:
        return known
    last, out = (await session.execute(_LAST_AND_OUT, {"payment": payment.payment_id, "kind": kind.value})).one()
    if out is not None:
        raise OperationUnderWay(f"{out} of payment {payment.payment_id} is under way")
    sequence = last + 1
    begun = PaymentOperation(
        tenant_id=payment.tenant_id,
        payment_id=payment.payment_id,
        kind=kind,
        sequence=sequence,
        idempotency_key=operation_key(payment.tenant_id, payment.payment_id, kind, sequence),
        reference=reference,
        amount_minor=amount_minor,
        note=note,
        state=OperationState.PENDING,
    )
    session.add(begun)
    await session.flush()
    return begun


async def capture_is_out(session: AsyncSession, payment_id: str, reference: str | None = None) -> bool:
    """Whether a capture was asked for and its outcome is not known: of this parcel, or any."""
    query = sa.select(PaymentOperation.sequence).where(
        PaymentOperation.payment_id == payment_id,
        PaymentOperation.kind == OperationKind.CAPTURE,
        PaymentOperation.state == OperationState.PENDING,
    )
    if reference is not None:
        query = query.where(PaymentOperation.reference == reference)
    return await session.scalar(query.limit(1)) is not None


_LAST_AND_OUT = sa.text(
    "SELECT coalesce(max(sequence) FILTER (WHERE kind = :kind), 0),"
    " min(kind) FILTER (WHERE state = 'pending' AND NOT (kind = 'authorize' AND reference IN ('checkout', 'period')))"
    " FROM payment_operations WHERE payment_id = :payment"
)


async def spend(session: AsyncSession, idempotency_key: str) -> PaymentOperation | None:
    """The operation of a spent key has failed. None: it was not pending (any more)."""
    query = sa.select(PaymentOperation).where(
        PaymentOperation.idempotency_key == idempotency_key, PaymentOperation.state == OperationState.PENDING
    )
    pending: PaymentOperation | None = await session.scalar(query)
    if pending is not None:
        pending.state, pending.error_code, pending.finished_at = OperationState.FAILED, "key_spent", now()
        await session.flush()
    return pending


async def finish(
    session: AsyncSession,
    payment_id: str,
    kind: OperationKind,
    *,
    reference: str | None = None,
    provider_id: str | None = None,
    error_code: str | None = None,
) -> str | None:
    """Write down the outcome of what is pending of this kind; with an error code it failed.

    Of that reference, or of the newest one. Answers with its reference; None: nothing was pending.
    """
    values = {
        "payment": payment_id,
        "kind": kind.value,
        "reference": reference,
        "state": OperationState.FAILED.value if error_code else OperationState.SUCCEEDED.value,
        "provider_id": provider_id,
        "error_code": error_code,
    }
    ended = await ask(session, Statement(_FINISH, values))
    return ended[0].reference if ended else None


_FINISH = """
    UPDATE payment_operations
    SET state = %(state)s, provider_id = %(provider_id)s, error_code = %(error_code)s, finished_at = now()
    WHERE payment_id = %(payment)s AND kind = %(kind)s AND sequence = (
      SELECT max(sequence) FROM payment_operations WHERE payment_id = %(payment)s AND kind = %(kind)s
        AND state = 'pending' AND reference = coalesce(%(reference)s, reference))
    RETURNING reference"""


async def mark_authorized(session: AsyncSession, payment: Payment, fact: PaymentAuthorized) -> None:
    """The provider holds the money, or has taken it already where it was to be taken at once."""
    payment.state = PaymentState.AUTHORIZED
    payment.intent_id = fact.intent_id
    payment.charge_id = fact.charge_id
    payment.authorized_minor = fact.amount_minor
    payment.capture_before = fact.capture_before
    payment.multicapture = fact.multicapture
    payment.card = fact.card
    payment.client_secret = payment.action_url = None
    if fact.saved is not None:
        payment.saved_customer, payment.saved_method = fact.saved.customer, fact.saved.payment_method
    await finish(session, payment.payment_id, OperationKind.AUTHORIZE, provider_id=fact.intent_id)
    if fact.captured is not None:
        await mark_captured(session, payment, fact.captured)


async def mark_captured(
    session: AsyncSession, payment: Payment, fact: PaymentCaptured, reference: str | None = None
) -> None:
    """The money is ours: what is new of it is posted to the ledger. Repeatable. `reference`: whose it was.

    A payment that was not written down as authorized (it was to be given back, and had been taken) is so by this.
    """
    taken = fact.amount_minor - payment.captured_minor
    payment.authorized_minor = max(payment.authorized_minor, fact.amount_minor)
    payment.captured_minor = max(payment.captured_minor, fact.amount_minor)
    payment.intent_id = fact.intent_id
    payment.charge_id = fact.charge_id or payment.charge_id
    if payment.state is not PaymentState.REFUNDED:
        payment.state = PaymentState.CAPTURED if fact.final else PaymentState.AUTHORIZED
    await session.flush()
    provider_id = fact.charge_id or fact.intent_id
    await finish(session, payment.payment_id, OperationKind.CAPTURE, reference=reference, provider_id=provider_id)
    if taken > 0:
        posting = f"capture/{fact.intent_id}/{fact.amount_minor}"
        await ledger.post(session, payment, PostingKind.CAPTURE, posting, taken)
    if fact.fee is not None:
        await ledger.post_fee(session, payment, fact.fee)


async def mark_voided(session: AsyncSession, payment: Payment, intent_id: str | None) -> None:
    """Nothing is held any more. An authorization whose outcome was unknown is settled by this."""
    payment.state = PaymentState.VOIDED
    payment.intent_id = intent_id or payment.intent_id
    payment.client_secret = payment.action_url = None
    await finish(session, payment.payment_id, OperationKind.AUTHORIZE, error_code="voided")
    await finish(session, payment.payment_id, OperationKind.VOID, provider_id=intent_id or "none")


async def provider_customer(session: AsyncSession, customer_id: str) -> str | None:
    """The customer's id at the provider, if they ever let us keep a card."""
    found: str | None = await session.scalar(
        sa.select(ProviderCustomer.provider_id).where(ProviderCustomer.customer_id == customer_id)
    )
    return found


async def keep_customer(session: AsyncSession, tenant: str, customer_id: str, provider_id: str) -> None:
    """Remember a customer's id at the provider; the first one stays."""
    row = insert(ProviderCustomer).values(tenant_id=tenant, customer_id=customer_id, provider_id=provider_id)
    await session.execute(row.on_conflict_do_nothing())
