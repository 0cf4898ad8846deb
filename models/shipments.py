"""Parcels, and what their carriers said of them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.parcels import SentFor
from domain.states import ShipmentState
from domain.support import LASTING, Resolution, Trouble
from domain.tracking import Scan, TrackingStatus, Verdict, advance
from models.base import Base, RowMissing, TenantRow, find_one, now


class Shipment(TenantRow, Base):
    """One parcel of an order. `state` is our process's; `tracking_status` is the carrier's last word by scan time.

    `carrier` is the account it is bought with. `carrier_shipment_id` and `rate_id` are written down before the label is
    bought, so that it is looked for before it is bought again, and `booked_for`, the version of the order's address it
    was created for; `label_id` and what follows, after. `silent_since`: the carrier has said nothing for long, and has
    been asked. `trouble`: what it calls a person for.
    `resolution`: what a person decided for it; `replaced_by`: the parcel that counts in its place.

    `sent_for`: what was ordered, or beside that; such a parcel has stock of its own and nothing is captured for it.

    `place` counts an order's parcels from 0. In minor units: `shipping_minor` is the order's shipping if this parcel
    carries it, `waived_minor` what the dock left out, `paid_minor` what was captured for it (None: nothing yet).
    """

    __tablename__ = "shipments"

    shipment_id: Mapped[str] = mapped_column(primary_key=True)
    order_number: Mapped[str]
    location_id: Mapped[str]
    state: Mapped[ShipmentState]
    sent_for: Mapped[SentFor] = mapped_column(server_default="order")
    place: Mapped[int] = mapped_column(server_default="0")
    waits_for_stock: Mapped[bool] = mapped_column(server_default=sa.false())
    shipping_minor: Mapped[int] = mapped_column(server_default="0")
    waived_minor: Mapped[int] = mapped_column(server_default="0")
    paid_minor: Mapped[int | None]
    ship_by: Mapped[datetime | None]
    picked_at: Mapped[datetime | None]
    packed_at: Mapped[datetime | None]
    carrier: Mapped[str | None]
    carrier_shipment_id: Mapped[str | None]
    rate_id: Mapped[str | None]
    booked_for: Mapped[int | None]
    label_id: Mapped[str | None]
    tracking_number: Mapped[str | None]
    tracking_url: Mapped[str | None]
    label_url: Mapped[str | None]
    label_cost_minor: Mapped[int | None]
    label_currency: Mapped[str | None] = mapped_column(sa.CHAR(3))
    tracking_status: Mapped[TrackingStatus] = mapped_column(server_default="pending")
    last_scan_at: Mapped[datetime | None]
    silent_since: Mapped[datetime | None]
    trouble: Mapped[Trouble | None]
    resolution: Mapped[Resolution | None]
    wait_until: Mapped[datetime | None]
    replaced_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    ended_at: Mapped[datetime | None]

    def stock_of(self, checkout_id: str) -> str:
        """Under whose id its stock is set aside: its order's checkout's, or its own."""
        return checkout_id if self.sent_for is SentFor.ORDER else self.shipment_id

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "order_number"], ["orders.tenant_id", "orders.order_number"]),
        sa.ForeignKeyConstraint(["tenant_id", "location_id"], ["locations.tenant_id", "locations.location_id"]),
        sa.CheckConstraint("rate_id IS NULL OR carrier_shipment_id IS NOT NULL", name="rate"),
        sa.CheckConstraint("shipping_minor >= 0 AND waived_minor >= 0 AND paid_minor >= 0", name="money"),
        sa.Index("ix_shipments_order", "tenant_id", "order_number"),
        sa.Index("ix_shipments_carrier", "tenant_id", "carrier", "carrier_shipment_id"),
        sa.Index("ix_shipments_number", "tenant_id", "tracking_number"),
    )


class TrackingEvent(TenantRow, Base):
    """One scan, kept with the carrier's own code; the same scan comes in once. `told_by` is what it first came with:
    a webhook's event id, or one time that we asked. Whoever tells it again does not make the workflow hear it again."""

    __tablename__ = "tracking_events"

    carrier: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    shipment_id: Mapped[str]
    status: Mapped[TrackingStatus]
    carrier_code: Mapped[str]
    description: Mapped[str]
    location: Mapped[str | None]
    occurred_at: Mapped[datetime]
    told_by: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "shipment_id"], ["shipments.tenant_id", "shipments.shipment_id"]),
        sa.Index("ix_tracking_events_shipment", "tenant_id", "shipment_id", "occurred_at"),
    )


_OF_ORDER = (
    sa.select(Shipment)
    .where(Shipment.order_number == sa.bindparam("number"))
    .order_by(Shipment.place, Shipment.created_at, Shipment.shipment_id)
)


async def find(session: AsyncSession, shipment_id: str, *, lock: bool = False) -> Shipment | None:
    """A parcel of this transaction's tenant, locked until its end if asked."""
    return await find_one(session, Shipment, Shipment.shipment_id, shipment_id, lock=lock)


async def get(session: AsyncSession, shipment_id: str) -> Shipment:
    """As `find`, locked; raises `RowMissing` when there is none."""
    if row := await find(session, shipment_id, lock=True):
        return row
    raise RowMissing(f"no shipment {shipment_id}")


async def of_order(session: AsyncSession, order_number: str) -> Sequence[Shipment]:
    """An order's parcels, first planned first."""
    return (await session.scalars(_OF_ORDER, {"number": order_number})).all()


async def seen_to(session: AsyncSession, order_number: str) -> None:
    """A person has seen to an order: its parcels need nobody, but for those that wait for `retry`."""
    no_label = (Shipment.state == ShipmentState.PENDING) & ~Shipment.waits_for_stock
    mine = sa.update(Shipment).where(Shipment.order_number == order_number)
    await session.execute(mine.where(Shipment.trouble.not_in(LASTING), ~no_label).values(trouble=None))


async def scans(session: AsyncSession, shipment_ids: Sequence[str]) -> Sequence[TrackingEvent]:
    """All scans of these parcels in the order they happened."""
    query = (
        sa.select(TrackingEvent)
        .where(TrackingEvent.shipment_id.in_(shipment_ids))
        .order_by(TrackingEvent.occurred_at, TrackingEvent.event_id)
    )
    return (await session.scalars(query)).all()


async def record_scan(
    session: AsyncSession, shipment: Shipment, scan: Scan, told_by: str | None = None
) -> Verdict | None:
    """Keep a scan and move the tracking status on if it is news. None: the same scan was here before."""
    inserted = await session.scalar(
        postgresql.insert(TrackingEvent)
        .values(
            tenant_id=shipment.tenant_id,
            carrier=scan.carrier,
            event_id=scan.event_id,
            shipment_id=shipment.shipment_id,
            status=scan.status,
            carrier_code=scan.carrier_code,
            description=scan.description,
            location=scan.location,
            occurred_at=scan.occurred_at,
            told_by=told_by,
        )
        .on_conflict_do_nothing()
        .returning(TrackingEvent.event_id)
    )
    if inserted is None:
        return None
    verdict = advance(shipment.tracking_status, shipment.last_scan_at, scan)
    if verdict.changed:
        shipment.tracking_status = verdict.status
        shipment.last_scan_at = scan.occurred_at
    return verdict


async def checkout_of(session: AsyncSession, shipment: Shipment) -> str:
    """The id of the checkout a parcel came of: its timeline is the parcel's."""
    orders = sa.table("orders", sa.column("order_number", sa.Text()), sa.column("checkout_id", sa.Text()))
    query = sa.select(orders.c.checkout_id).where(orders.c.order_number == shipment.order_number)
    return str(await session.scalar(query))
