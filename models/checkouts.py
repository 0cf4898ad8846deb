"""Checkouts: one row each, with the price that was fixed, how it stands and why it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.checkouts import CheckoutAnswer
from domain.payments import PaymentMode
from domain.pricing import Quote
from domain.refusals import Refusal, RefusalCode
from domain.shares import Reserved
from domain.states import CheckoutState, OperationKind
from domain.sweeping import OverdueCheckout
from models.base import Base, RowMissing, TenantRow, find_one, now
from models.payments import CHECKOUT, Payment, PaymentOperation
from models.stock import Reservation

_QUOTE: TypeAdapter[Quote] = TypeAdapter(Quote)


class Checkout(TenantRow, Base):
    """A shopper's attempt to buy. `quote` is the price as fixed; the address and customer are as given."""

    __tablename__ = "checkouts"

    checkout_id: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    state: Mapped[CheckoutState]
    payment_mode: Mapped[PaymentMode]
    reason: Mapped[str | None]
    reason_message: Mapped[str | None]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    total_minor: Mapped[int | None] = mapped_column(sa.CheckConstraint("total_minor >= 0", name="total"))
    quote: Mapped[dict[str, Any] | None]
    customer_id: Mapped[str]
    customer: Mapped[dict[str, Any]]
    address: Mapped[dict[str, Any]]
    shipping_method: Mapped[str]
    order_number: Mapped[str | None]
    given_number: Mapped[str | None]
    """Of the order that is about to be placed."""
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.CheckConstraint("(state = 'completed') = (order_number IS NOT NULL)", name="completed_has_order"),
        sa.CheckConstraint(
            "(state IN ('failed', 'expired', 'cancelled')) = (reason IS NOT NULL)", name="ended_has_reason"
        ),
        sa.CheckConstraint("state = 'failed' OR total_minor IS NOT NULL", name="open_has_total"),
        sa.Index(
            "ix_checkouts_unfinished",
            "tenant_id",
            "checkout_id",
            postgresql_where=sa.text("state IN ('open', 'awaiting_payment')"),
        ),
    )


def dump_quote(quote: Quote) -> dict[str, Any]:
    """A quote as it is kept."""
    dumped: dict[str, Any] = _QUOTE.dump_python(quote, mode="json")
    return dumped


def read_quote(row: Checkout) -> Quote:
    """The price that was fixed when the checkout began. Raises `RowMissing` when it never had one."""
    if row.quote is None:
        raise RowMissing(f"checkout {row.checkout_id} ended before it had a price")
    return _QUOTE.validate_python(row.quote)


async def find(session: AsyncSession, checkout_id: str, *, lock: bool = False) -> Checkout | None:
    """A checkout of this transaction's tenant, locked until its end if asked."""
    return await find_one(session, Checkout, Checkout.checkout_id, checkout_id, lock=lock)


async def get(session: AsyncSession, checkout_id: str) -> Checkout:
    """As `find`, locked; raises `RowMissing` when there is none."""
    if row := await find(session, checkout_id, lock=True):
        return row
    raise RowMissing(f"no checkout {checkout_id}")


@dataclass(frozen=True, slots=True)
class Authorized:
    """What becomes an order: a checkout and its payment, both locked, and what is reserved for it."""

    checkout: Checkout
    payment: Payment
    reserved: list[Reserved]
    at: datetime
    """The transaction's clock."""


_RESERVED = (
    sa.select(
        sa.func.json_agg(
            sa.func.json_build_array(
                Reservation.location_id, Reservation.sku, Reservation.quantity, Reservation.backordered
            )
        )
    )
    .where(Reservation.tenant_id == Checkout.tenant_id, Reservation.checkout_id == Checkout.checkout_id)
    .correlate(Checkout)
    .scalar_subquery()
)


_TO_PLACE = (
    sa.select(Checkout, Payment, _RESERVED, now())
    .join(Payment, (Payment.tenant_id == Checkout.tenant_id) & (Payment.checkout_id == Checkout.checkout_id))
    .where(Checkout.checkout_id == sa.bindparam("checkout"))
    .with_for_update(of=[Checkout, Payment])
)


async def to_place(session: AsyncSession, checkout_id: str) -> Authorized:
    """All that placing an order looks at, with one statement. Raises `RowMissing` without checkout or payment."""
    found = (await session.execute(_TO_PLACE, {"checkout": checkout_id})).one_or_none()
    if found is None:
        raise RowMissing(f"no checkout {checkout_id} with a payment")
    checkout, payment, reserved, at = found
    return Authorized(checkout, payment, [Reserved(*one) for one in reserved or ()], at)


async def overdue(session: AsyncSession, by: timedelta, *, after: str, most: int) -> list[OverdueCheckout]:
    """Checkouts that have not ended though their time has been up for that long, by id, from behind `after` on."""
    authorization = (
        (PaymentOperation.tenant_id == Payment.tenant_id)
        & (PaymentOperation.payment_id == Payment.payment_id)
        & (PaymentOperation.kind == OperationKind.AUTHORIZE)
        & (PaymentOperation.reference == CHECKOUT)
    )
    query = (
        sa.select(Checkout, Payment, PaymentOperation)
        .join(Payment, (Payment.tenant_id == Checkout.tenant_id) & (Payment.checkout_id == Checkout.checkout_id))
        .join(PaymentOperation, authorization)
        .where(
            sa.text("checkouts.state IN ('open', 'awaiting_payment')"),  # as the index has it
            Checkout.expires_at < now() - by,
            Checkout.checkout_id > after,
        )
        .distinct(Checkout.checkout_id)
        .order_by(Checkout.checkout_id, PaymentOperation.sequence.desc())
        .limit(most)
    )
    return [
        OverdueCheckout(
            tenant=row.tenant_id,
            checkout_id=row.checkout_id,
            payment_id=payment.payment_id,
            intent_id=payment.intent_id,
            captured=payment.captured_minor > 0,
            authorization_key=authorization.idempotency_key,
            begun_at=authorization.created_at,
        )
        for row, payment, authorization in (await session.execute(query)).tuples()
    ]


async def answer(session: AsyncSession, checkout_id: str) -> CheckoutAnswer | None:
    """Where a checkout stands, as its storefront is told; None for an unknown one."""
    return (await answers(session, [checkout_id])).get(checkout_id)


async def answers(session: AsyncSession, checkout_ids: Sequence[str]) -> dict[str, CheckoutAnswer]:
    """Where each of these checkouts stands; unknown ones are left out."""
    query = (
        sa.select(Checkout, Payment)
        .outerjoin(
            Payment,
            (Payment.tenant_id == Checkout.tenant_id) & (Payment.checkout_id == Checkout.checkout_id),
        )
        .where(Checkout.checkout_id.in_(checkout_ids))
    )
    return {row.Checkout.checkout_id: _answer(row.Checkout, row.Payment) for row in await session.execute(query)}


def _answer(row: Checkout, payment: Payment | None) -> CheckoutAnswer:
    waits_for = payment if row.state is CheckoutState.AWAITING_PAYMENT else None
    refusal = Refusal(RefusalCode(row.reason), row.reason_message or "") if row.reason else None
    return CheckoutAnswer(
        checkout_id=row.checkout_id,
        fingerprint=row.fingerprint,
        state=row.state,
        total_minor=row.total_minor,
        order_number=row.order_number,
        client_secret=waits_for.client_secret if waits_for else None,
        action_url=waits_for.action_url if waits_for else None,
        expires_at=row.expires_at if row.state in (CheckoutState.OPEN, CheckoutState.AWAITING_PAYMENT) else None,
        refusal=refusal,
        backordered=read_quote(row).backordered if row.quote and not refusal else (),
    )
