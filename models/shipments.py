"""Parcels, and what their carriers said of them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.states import ShipmentState
from domain.tracking import Scan, TrackingStatus, Verdict, advance
from models.base import Base, RowMissing, TenantRow, now


class Shipment(TenantRow, Base):
    """One parcel of an order. `state` is our process's; `tracking_status` is the carrier's last word by scan time."""

    __tablename__ = "shipments"

    shipment_id: Mapped[str] = mapped_column(primary_key=True)
    order_number: Mapped[str]
    location_id: Mapped[str]
    state: Mapped[ShipmentState]
    carrier: Mapped[str | None]
    carrier_shipment_id: Mapped[str | None]
    tracking_number: Mapped[str | None]
    tracking_url: Mapped[str | None]
    label_url: Mapped[str | None]
    label_cost_minor: Mapped[int | None]
    label_currency: Mapped[str | None] = mapped_column(sa.CHAR(3))
    tracking_status: Mapped[TrackingStatus] = mapped_column(server_default="pending")
    last_scan_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "order_number"], ["orders.tenant_id", "orders.order_number"]),
        sa.ForeignKeyConstraint(["tenant_id", "location_id"], ["locations.tenant_id", "locations.location_id"]),
        sa.Index("ix_shipments_order", "tenant_id", "order_number"),
    )


class TrackingEvent(TenantRow, Base):
    """One scan, kept with the carrier's own code; the same scan comes in once."""

    __tablename__ = "tracking_events"

    carrier: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    shipment_id: Mapped[str]
    status: Mapped[TrackingStatus]
    carrier_code: Mapped[str]
    description: Mapped[str]
    location: Mapped[str | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "shipment_id"], ["shipments.tenant_id", "shipments.shipment_id"]),
        sa.Index("ix_tracking_events_shipment", "tenant_id", "shipment_id", "occurred_at"),
    )


async def find(session: AsyncSession, shipment_id: str, *, lock: bool = False) -> Shipment | None:
    """A parcel of this transaction's tenant, locked until its end if asked."""
    query = sa.select(Shipment).where(Shipment.shipment_id == shipment_id)
    row: Shipment | None = await session.scalar(query.with_for_update() if lock else query)
    return row


async def get(session: AsyncSession, shipment_id: str) -> Shipment:
    """As `find`, locked; raises `RowMissing` when there is none."""
    if row := await find(session, shipment_id, lock=True):
        return row
    raise RowMissing(f"no shipment {shipment_id}")


async def of_order(session: AsyncSession, order_number: str) -> Sequence[Shipment]:
    """An order's parcels, first planned first."""
    query = (
        sa.select(Shipment)
        .where(Shipment.order_number == order_number)
        .order_by(Shipment.created_at, Shipment.shipment_id)
    )
    return (await session.scalars(query)).all()


async def scans(session: AsyncSession, shipment_ids: Sequence[str]) -> Sequence[TrackingEvent]:
    """All scans of these parcels in the order they happened."""
    query = (
        sa.select(TrackingEvent)
        .where(TrackingEvent.shipment_id.in_(shipment_ids))
        .order_by(TrackingEvent.occurred_at, TrackingEvent.event_id)
    )
    return (await session.scalars(query)).all()


async def record_scan(session: AsyncSession, shipment: Shipment, scan: Scan) -> Verdict | None:
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
