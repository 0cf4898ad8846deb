"""Who is told of a scan: each is recorded, and the parcel's workflow hears of those that decide something."""

from sqlalchemy.ext.asyncio import AsyncSession

from api.decisions import MOST_WAITS, Decision, Later, Signal
from domain.ids import shipment_workflow
from domain.shipments import TrackingNews
from domain.states import ShipmentState
from domain.tracking import Scan, decides
from models import events, shipments
from models.inbox import InboxMessage, Outcome


async def about_parcel(session: AsyncSession, message: InboxMessage, scan: Scan) -> Decision:
    """Every scan is recorded; the workflow hears of those that decide something."""
    shipment = await shipments.find(session, scan.reference, lock=True)
    if shipment is None:
        return Outcome.UNKNOWN_OBJECT
    if shipment.carrier_shipment_id is None and message.attempts < MOST_WAITS:
        return Later(1.0)  # the label was bought a moment ago and is being written down
    if shipment.carrier_shipment_id != scan.carrier_shipment_id:
        return Outcome.UNKNOWN_OBJECT
    verdict = await shipments.record_scan(session, shipment, scan)
    if verdict is not None:
        order = await shipments.checkout_of(session, shipment)
        kind = "shipment.odd_scan" if verdict.flagged else "shipment.scan"
        where = f" ({scan.location})" if scan.location else ""
        text = f"{scan.description or scan.status}{where}"
        events.record(session, message.tenant_id, order, kind, text, code=scan.carrier_code, status=scan.status)
    handed_over = shipment.state not in (ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT)
    if not decides(scan, handed_over=handed_over):
        return Outcome.NO_NEWS
    news = TrackingNews(scan.event_id, scan.status, scan.occurred_at.isoformat(), scan.description)
    return Signal(shipment_workflow(message.tenant_id, shipment.shipment_id), "tracking", news)
