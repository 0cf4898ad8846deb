"""Who cancelled what of an order, why, and what of the captured money goes back for it: once for each wish."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.ids import cancellation_id
from domain.orders import CancelOrder
from models.base import Base, TenantRow, now
from models.orders import Order
from models.payments import Payment


class OrderCancellation(TenantRow, Base):
    """One cancellation, of all that was left or of some pieces (`lines`: SKU → pieces). Append-only.

    `amount_minor` is what the pieces cost, shipping included if nothing is left to be sent; `refund_minor` is as much
    of it as had been captured.
    """

    __tablename__ = "order_cancellations"

    cancellation_id: Mapped[str] = mapped_column(primary_key=True)
    order_number: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    fingerprint: Mapped[str]
    lines: Mapped[dict[str, Any]]
    amount_minor: Mapped[int]
    refund_minor: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "order_number"], ["orders.tenant_id", "orders.order_number"]),
        sa.CheckConstraint("0 <= refund_minor AND refund_minor <= amount_minor", name="money"),
        sa.Index("ix_order_cancellations_order", "tenant_id", "order_number"),
    )


async def cancel_rest(
    session: AsyncSession, order: Order, payment: Payment, asked: CancelOrder, lines: dict[str, int]
) -> None:
    """All that was left of an order is cancelled, its shipping too."""
    before = await of_order(session, order.order_number)
    session.add(
        OrderCancellation(
            tenant_id=order.tenant_id,
            cancellation_id=asked.cancellation_id or cancellation_id(order.tenant_id, order.order_number, ""),
            order_number=order.order_number,
            actor=asked.actor,
            reason=asked.reason,
            fingerprint=asked.fingerprint,
            lines=lines,
            amount_minor=order.total_minor - sum(one.amount_minor for one in before),
            refund_minor=payment.captured_minor - sum(one.refund_minor for one in before),
        )
    )


async def find(session: AsyncSession, cancellation_id: str) -> OrderCancellation | None:
    """A cancellation that was carried out."""
    query = sa.select(OrderCancellation).where(OrderCancellation.cancellation_id == cancellation_id)
    found: OrderCancellation | None = await session.scalar(query)
    return found


async def of_order(session: AsyncSession, order_number: str) -> Sequence[OrderCancellation]:
    """An order's cancellations, oldest first."""
    query = (
        sa.select(OrderCancellation)
        .where(OrderCancellation.order_number == order_number)
        .order_by(OrderCancellation.at, OrderCancellation.cancellation_id)
    )
    return (await session.scalars(query)).all()
