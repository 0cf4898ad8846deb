"""Orders and their lines; and how an order's state follows from its parcels."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.parcels import SentFor
from domain.states import OrderState, ShipmentState
from domain.support import Resolution
from models.base import Base, RowMissing, TenantRow, find_one, now
from models.shipments import Shipment


class Order(TenantRow, Base):
    """An accepted order, in minor units of `currency`; the price is that of its checkout, line by line."""

    __tablename__ = "orders"

    order_number: Mapped[str] = mapped_column(primary_key=True)
    checkout_id: Mapped[str]
    payment_id: Mapped[str]
    customer_id: Mapped[str]
    state: Mapped[OrderState]
    currency: Mapped[str] = mapped_column(sa.CHAR(3))
    shipping_minor: Mapped[int]
    shipping_tax_minor: Mapped[int] = mapped_column(server_default="0")
    tax_minor: Mapped[int]
    discount_minor: Mapped[int] = mapped_column(
        sa.CheckConstraint("discount_minor >= 0", name="discount"), server_default="0"
    )
    total_minor: Mapped[int] = mapped_column(sa.CheckConstraint("total_minor > 0", name="total"))
    address: Mapped[dict[str, Any]]
    address_version: Mapped[int] = mapped_column(server_default="1")
    """Which address it is: a label that was bought for an older one is given back."""
    shipping_method: Mapped[str]
    needs_attention: Mapped[bool] = mapped_column(server_default=sa.false())
    attention_reason: Mapped[str | None]
    calls: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """Who calls a person, and why: source → reason. The two columns above follow from it."""
    held_reason: Mapped[str | None]
    """Why support keeps here what has not left; None: it does not."""
    placed_at: Mapped[datetime] = mapped_column(server_default=now())
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "checkout_id"], ["checkouts.tenant_id", "checkouts.checkout_id"]),
        sa.ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.payment_id"]),
        sa.UniqueConstraint("tenant_id", "checkout_id"),
        sa.CheckConstraint("needs_attention = (attention_reason IS NOT NULL)", name="attention_has_reason"),
        sa.Index("ix_orders_placed", "tenant_id", "placed_at", "order_number"),
        sa.Index("ix_orders_customer", "tenant_id", "customer_id", "placed_at", "order_number"),
        sa.Index("ix_orders_attention", "tenant_id", postgresql_where=sa.text("needs_attention")),
    )


class OrderLine(TenantRow, Base):
    """One line of an order: `net + tax = gross`, all in minor units, also when some pieces are `cancelled`.

    `unit * quantity - discount` is the gross where the price included tax, else the net. `list_minor`: the price before
    a sale. `tax_basis_points` is not known of orders older than it.
    """

    __tablename__ = "order_lines"

    order_number: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    quantity: Mapped[int] = mapped_column(sa.CheckConstraint("quantity > 0", name="quantity"))
    cancelled: Mapped[int] = mapped_column(
        sa.CheckConstraint("cancelled BETWEEN 0 AND quantity", name="cancelled"), server_default="0"
    )
    unit_minor: Mapped[int]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    gross_minor: Mapped[int]
    discount_minor: Mapped[int] = mapped_column(
        sa.CheckConstraint("discount_minor >= 0", name="discount"), server_default="0"
    )
    list_minor: Mapped[int | None]
    tax_basis_points: Mapped[int | None]
    tax_included: Mapped[bool] = mapped_column(server_default=sa.true())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "order_number"], ["orders.tenant_id", "orders.order_number"]),
        sa.CheckConstraint("net_minor + tax_minor = gross_minor", name="adds_up"),
    )


_LINES = sa.select(OrderLine).where(OrderLine.order_number == sa.bindparam("number")).order_by(OrderLine.sku)
_STATES = sa.select(Shipment.state).where(
    Shipment.order_number == sa.bindparam("number"),
    Shipment.sent_for == SentFor.ORDER,
    sa.func.coalesce(Shipment.resolution, Resolution.WAIT) == Resolution.WAIT,
)


async def find(session: AsyncSession, order_number: str, *, lock: bool = False) -> Order | None:
    """An order of this transaction's tenant, locked until its end if asked."""
    return await find_one(session, Order, Order.order_number, order_number, lock=lock)


async def get(session: AsyncSession, order_number: str) -> Order:
    """As `find`, locked; raises `RowMissing` when there is none."""
    if row := await find(session, order_number, lock=True):
        return row
    raise RowMissing(f"no order {order_number}")


async def of_payment(session: AsyncSession, payment_id: str) -> Order | None:
    """The order a payment is for, locked; None when its checkout never came to one."""
    row: Order | None = await session.scalar(sa.select(Order).where(Order.payment_id == payment_id).with_for_update())
    return row


def call_person(order: Order, source: str, reason: str | None) -> bool:
    """A source calls a person for an order, or (`None`) takes its call back. False: nothing changed."""
    calls = {name: why for name, why in order.calls.items() if name != source}
    return _set_calls(order, calls | {source: reason} if reason else calls)


def seen_to(order: Order) -> bool:
    """A person has seen to the order, whoever called. False: nobody had."""
    return _set_calls(order, {})


def _set_calls(order: Order, calls: dict[str, str]) -> bool:
    changed = calls != order.calls
    order.calls, order.needs_attention = calls, bool(calls)
    order.attention_reason = "; ".join(calls[name] for name in sorted(calls)) or None
    return changed


async def lines(session: AsyncSession, order_number: str) -> Sequence[OrderLine]:
    """The order's lines in SKU order."""
    return (await session.scalars(_LINES, {"number": order_number})).all()


async def follow_parcels(session: AsyncSession, order: Order) -> None:
    """Move the order to where its parcels are: shipped when one has left, delivered when each has arrived.

    Cancelled parcels do not count, unless all are: such an order is ended by its cancellation. Nor do those that were
    sent again, or paid back, nor what is sent beside the order.
    """
    await session.flush()
    states = set((await session.scalars(_STATES, {"number": order.order_number})).all())
    gone = {ShipmentState.HANDED_OVER, ShipmentState.DELIVERED}
    if order.state is OrderState.PLACED and states & gone:
        order.state = OrderState.SHIPPED
        await session.flush()
    if order.state is OrderState.SHIPPED and states - {ShipmentState.CANCELLED} == {ShipmentState.DELIVERED}:
        order.state = OrderState.DELIVERED
