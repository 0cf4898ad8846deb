"""Scans of parcels: which parcel one is of, which are known, and what the timeline says of a new one."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.tracking import Scan
from models import events, shipments
from models.shipments import Shipment, TrackingEvent, find

_EARLY = timedelta(days=1)
"""A scan may be older than our row of its parcel by the clocks of two systems and a zone that was left out."""

_LATE = timedelta(days=60)
"""Scans come this long after a parcel's end: it is returned, or its carrier writes things down late."""


async def matching(session: AsyncSession, scan: Scan, *, bought_elsewhere: bool = False) -> Shipment | None:
    """The parcel a scan is of, locked: by our reference, by the carrier's ids, or else by its number.

    Numbers are used again after some months, so a number counts only within the life of a parcel. A tracker of labels
    that were `bought_elsewhere` has numbers only, of whichever carrier.
    """
    if scan.reference:
        found = await find(session, scan.reference, lock=True)
        ours = found is not None and found.carrier_shipment_id in (None, scan.carrier_shipment_id)
        return found if ours else None
    of_account = sa.true() if bought_elsewhere else Shipment.carrier == scan.carrier
    query = sa.select(Shipment).where(of_account).order_by(Shipment.created_at.desc()).limit(1).with_for_update()
    if scan.carrier_shipment_id:
        query = query.where(Shipment.carrier_shipment_id == scan.carrier_shipment_id)
    elif scan.label_id:
        query = query.where(Shipment.label_id == scan.label_id)
    else:
        query = query.where(
            Shipment.tracking_number == scan.tracking_number,
            Shipment.created_at <= scan.occurred_at + _EARLY,
            sa.or_(Shipment.ended_at.is_(None), Shipment.ended_at >= scan.occurred_at - _LATE),
        )
    row: Shipment | None = await session.scalar(query)
    return row


async def told(session: AsyncSession, shipment: Shipment, carrier: str) -> dict[str, str | None]:
    """Scans of a parcel that are known: event id → what each first came with."""
    query = sa.select(TrackingEvent.event_id, TrackingEvent.told_by).where(
        TrackingEvent.shipment_id == shipment.shipment_id, TrackingEvent.carrier == carrier
    )
    return {row.event_id: row.told_by for row in await session.execute(query)}


async def last_word_at(session: AsyncSession, shipment: Shipment) -> datetime | None:
    """When the parcel's newest scan happened; None before the first. A scan cannot be newer than when it came."""
    query = sa.select(sa.func.max(sa.func.least(TrackingEvent.occurred_at, TrackingEvent.received_at))).where(
        TrackingEvent.shipment_id == shipment.shipment_id
    )
    found: datetime | None = await session.scalar(query)
    return found


async def keep(session: AsyncSession, shipment: Shipment, scan: Scan, told_by: str) -> None:
    """Record a scan, and put it in the timeline; nothing for one that was here before."""
    verdict = await shipments.record_scan(session, shipment, scan, told_by)
    if verdict is None:
        return
    kind = "shipment.odd_scan" if verdict.flagged else "shipment.scan"
    where = f" ({scan.location})" if scan.location else ""
    text = f"{scan.description or scan.status}{where}"
    order = await shipments.checkout_of(session, shipment)
    events.record(
        session, shipment.tenant_id, order, kind, text,
        code=scan.carrier_code, status=scan.status, parcel=shipment.shipment_id,
    )  # fmt: skip
