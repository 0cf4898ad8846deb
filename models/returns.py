"""Returns: what comes back out of which parcel, in which state it was, and what was paid back for it."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.returns import Delivered, ExchangeState, ReturnReason
from domain.states import ReturnState
from domain.support import Resolution
from domain.tracking import Scan
from models.base import Base, RowMissing, TenantRow, find_one, now
from models.parcels import ShipmentLine
from models.shipments import Shipment

ENDED = (ReturnState.REFUNDED, ReturnState.EXCHANGED, ReturnState.REJECTED, ReturnState.EXPIRED, ReturnState.CANCELLED)
NEVER_CAME = (ReturnState.EXPIRED, ReturnState.CANCELLED)
"""Its pieces may be asked for again. Those of one that was rejected may be too, unless they were inspected."""


class Return(TenantRow, Base):
    """One return of an order. In minor units of the order's currency: `goods_minor` and `shipping_minor` went back for
    it, less `label_charge_minor`; None until that is worked out.

    `exchange_state`: where what the customer wants instead is, None: they want their money. It is set aside at
    `exchange_location_id` under the id of the parcel in which it goes out (`domain.ids.exchange_shipment_id`).

    `carrier` to `label_currency` are those of the label with which it comes back. `due_at`: when the next thing is to
    have happened (sent by then, inspected by then).
    """

    __tablename__ = "returns"

    return_id: Mapped[str] = mapped_column(primary_key=True)
    order_number: Mapped[str]
    fingerprint: Mapped[str]
    state: Mapped[ReturnState]
    location_id: Mapped[str]
    actor: Mapped[str]
    note: Mapped[str]
    decided_by: Mapped[str | None]
    decision_note: Mapped[str | None]
    inspected_by: Mapped[str | None]
    due_at: Mapped[datetime | None]
    refund_id: Mapped[str | None]
    goods_minor: Mapped[int | None]
    shipping_minor: Mapped[int | None]
    label_charge_minor: Mapped[int | None]
    exchange_state: Mapped[ExchangeState | None]
    exchange_location_id: Mapped[str | None]
    carrier: Mapped[str | None]
    carrier_shipment_id: Mapped[str | None]
    rate_id: Mapped[str | None]
    label_id: Mapped[str | None]
    tracking_number: Mapped[str | None]
    tracking_url: Mapped[str | None]
    label_url: Mapped[str | None]
    label_cost_minor: Mapped[int | None]
    label_currency: Mapped[str | None] = mapped_column(sa.CHAR(3))
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    received_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "order_number"], ["orders.tenant_id", "orders.order_number"]),
        sa.ForeignKeyConstraint(["tenant_id", "location_id"], ["locations.tenant_id", "locations.location_id"]),
        sa.CheckConstraint(
            "(refund_id IS NULL) = (goods_minor IS NULL) AND (goods_minor IS NULL) = (shipping_minor IS NULL)"
            " AND (goods_minor IS NULL) = (label_charge_minor IS NULL) AND goods_minor >= 0 AND shipping_minor >= 0"
            " AND label_charge_minor >= 0 AND label_charge_minor <= goods_minor + shipping_minor",
            name="money",
        ),
        sa.CheckConstraint("state <> 'refunded' OR refund_id IS NOT NULL", name="refunded_has_refund"),
        sa.CheckConstraint("state <> 'exchanged' OR exchange_state = 'sent'", name="exchanged_is_sent"),
        sa.Index("ix_returns_order", "tenant_id", "order_number"),
        sa.Index("ix_returns_carrier", "tenant_id", "carrier", "carrier_shipment_id"),
    )

    @property
    def refund_minor(self) -> int | None:
        """What goes back, in minor units."""
        if self.goods_minor is None:
            return None
        return self.goods_minor + (self.shipping_minor or 0) - (self.label_charge_minor or 0)


class ReturnedLine(TenantRow, Base):
    """So many pieces of a SKU out of a parcel. After the inspection they are `restocked`, `damaged` (accepted, not for
    sale again) or `rejected`; before, all three are 0. The accepted ones are worth `gross_minor`, tax in it.

    `exchange_for`: what is wanted instead, at `exchange_gross_minor` for all pieces, fixed as it was asked for. Then
    `exchanged` pieces of it went out, for `exchanged_minor` of what came back.
    """

    __tablename__ = "return_lines"

    return_id: Mapped[str] = mapped_column(primary_key=True)
    shipment_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(sa.CheckConstraint("quantity > 0", name="quantity"))
    reason: Mapped[ReturnReason]
    restocked: Mapped[int] = mapped_column(server_default="0")
    damaged: Mapped[int] = mapped_column(server_default="0")
    rejected: Mapped[int] = mapped_column(server_default="0")
    gross_minor: Mapped[int | None]
    tax_minor: Mapped[int | None]
    exchange_for: Mapped[str | None]
    exchange_gross_minor: Mapped[int | None]
    exchange_tax_minor: Mapped[int | None]
    exchanged: Mapped[int] = mapped_column(server_default="0")
    exchanged_minor: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "return_id"], ["returns.tenant_id", "returns.return_id"]),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shipment_id", "sku"],
            ["shipment_lines.tenant_id", "shipment_lines.shipment_id", "shipment_lines.sku"],
        ),
        sa.CheckConstraint(
            "restocked >= 0 AND damaged >= 0 AND rejected >= 0 AND restocked + damaged + rejected IN (0, quantity)",
            name="inspected",
        ),
        sa.CheckConstraint(
            "(gross_minor IS NULL) = (tax_minor IS NULL) AND 0 <= tax_minor AND tax_minor <= gross_minor", name="money"
        ),
        sa.CheckConstraint(
            "(exchange_for IS NULL) = (exchange_gross_minor IS NULL)"
            " AND (exchange_for IS NULL) = (exchange_tax_minor IS NULL)"
            " AND 0 <= exchange_tax_minor AND exchange_tax_minor <= exchange_gross_minor",
            name="exchange",
        ),
        sa.CheckConstraint(
            "exchanged BETWEEN 0 AND restocked + damaged AND exchanged_minor BETWEEN 0 AND coalesce(gross_minor, 0)"
            " AND (exchange_for IS NOT NULL OR exchanged = 0) AND (exchanged > 0 OR exchanged_minor = 0)",
            name="exchanged",
        ),
        sa.Index("ix_return_lines_parcel", "tenant_id", "shipment_id", "sku"),
    )

    @property
    def accepted(self) -> int:
        """Pieces that are paid back."""
        return self.restocked + self.damaged


class ReturnStep(TenantRow, Base):
    """Who moved a return to where, when and why. Append-only."""

    __tablename__ = "return_steps"

    step_id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True)
    return_id: Mapped[str]
    reached: Mapped[ReturnState]
    actor: Mapped[str]
    note: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "return_id"], ["returns.tenant_id", "returns.return_id"]),
        sa.Index("ix_return_steps_return", "tenant_id", "return_id", "step_id"),
    )


async def find(session: AsyncSession, return_id: str, *, lock: bool = False) -> Return | None:
    """A return of this transaction's tenant, locked until its end if asked."""
    return await find_one(session, Return, Return.return_id, return_id, lock=lock)


async def get(session: AsyncSession, return_id: str) -> Return:
    """As `find`, locked; raises `RowMissing` when there is none."""
    if row := await find(session, return_id, lock=True):
        return row
    raise RowMissing(f"no return {return_id}")


async def lines(session: AsyncSession, return_id: str) -> Sequence[ReturnedLine]:
    """What comes back with it."""
    query = (
        sa.select(ReturnedLine)
        .where(ReturnedLine.return_id == return_id)
        .order_by(ReturnedLine.shipment_id, ReturnedLine.sku)
    )
    return (await session.scalars(query)).all()


async def steps(session: AsyncSession, return_id: str) -> Sequence[ReturnStep]:
    """Who did what, oldest first."""
    query = sa.select(ReturnStep).where(ReturnStep.return_id == return_id).order_by(ReturnStep.step_id)
    return (await session.scalars(query)).all()


async def page(
    session: AsyncSession, order_number: str, *, after: tuple[datetime, str] | None, most: int
) -> Sequence[Return]:
    """An order's returns, oldest first; `after` a place."""
    query = (
        sa.select(Return)
        .where(Return.order_number == order_number)
        .order_by(Return.created_at, Return.return_id)
        .limit(most)
    )
    if after is not None:
        query = query.where(sa.tuple_(Return.created_at, Return.return_id) > sa.tuple_(*map(sa.literal, after)))
    return (await session.scalars(query)).all()


async def is_open(session: AsyncSession, order_number: str) -> bool:
    """Whether something of an order is still to come back, or to be paid back."""
    query = sa.select(Return.return_id).where(Return.order_number == order_number, Return.state.not_in(ENDED)).limit(1)
    return await session.scalar(query) is not None


async def delivered(session: AsyncSession, order_number: str) -> list[Delivered]:
    """Each line of each parcel of an order, with what of it was paid back by returns until now.

    But for parcels that never arrived and were sent again, or paid back. What rounding gives goes with the pieces that
    were paid back before: the order must be locked.
    """
    accepted = sa.func.coalesce(sa.func.sum(ReturnedLine.restocked + ReturnedLine.damaged), 0)
    back = (
        sa.select(ReturnedLine.shipment_id, ReturnedLine.sku, accepted.label("pieces"))
        .join(Return, (Return.tenant_id == ReturnedLine.tenant_id) & (Return.return_id == ReturnedLine.return_id))
        .where(Return.order_number == order_number, Return.refund_id.is_not(None))
        .group_by(ReturnedLine.shipment_id, ReturnedLine.sku)
        .subquery()
    )
    query = (
        sa.select(ShipmentLine, sa.func.coalesce(back.c.pieces, 0))
        .outerjoin(back, (back.c.shipment_id == ShipmentLine.shipment_id) & (back.c.sku == ShipmentLine.sku))
        .join(
            Shipment,
            (Shipment.tenant_id == ShipmentLine.tenant_id) & (Shipment.shipment_id == ShipmentLine.shipment_id),
        )
        .where(
            ShipmentLine.order_number == order_number,
            sa.func.coalesce(Shipment.resolution, Resolution.WAIT) == Resolution.WAIT,
        )
        .order_by(ShipmentLine.shipment_id, ShipmentLine.sku)
    )
    return [
        Delivered(row.shipment_id, row.sku, row.quantity, row.gross_minor, row.tax_minor, row.cancelled, int(pieces))
        for row, pieces in (await session.execute(query)).tuples().all()
    ]


async def asked_for(session: AsyncSession, order_number: str) -> dict[tuple[str, str], int]:
    """Pieces of an order that have come back, or are to: (parcel, SKU) → how many. One that never came is let go."""
    counts = Return.state.not_in(NEVER_CAME) & sa.or_(
        Return.state != ReturnState.REJECTED, Return.received_at.is_not(None)
    )
    query = (
        sa.select(ReturnedLine.shipment_id, ReturnedLine.sku, sa.func.sum(ReturnedLine.quantity))
        .join(Return, (Return.tenant_id == ReturnedLine.tenant_id) & (Return.return_id == ReturnedLine.return_id))
        .where(Return.order_number == order_number, counts)
        .group_by(ReturnedLine.shipment_id, ReturnedLine.sku)
    )
    return {(parcel, sku): int(pieces) for parcel, sku, pieces in (await session.execute(query)).tuples().all()}


async def matching(session: AsyncSession, scan: Scan) -> str | None:
    """The return whose parcel a scan is of: by our reference, else by the carrier's own id of it."""
    query = sa.select(Return.return_id)
    if scan.reference:
        query = query.where(Return.return_id == scan.reference)
    elif scan.carrier_shipment_id:
        query = query.where(Return.carrier == scan.carrier, Return.carrier_shipment_id == scan.carrier_shipment_id)
    else:
        query = query.where(
            Return.carrier == scan.carrier, Return.tracking_number == scan.tracking_number, Return.state.not_in(ENDED)
        )
    found: str | None = await session.scalar(query.limit(1))
    return found
