"""Who is told of scans: each is recorded once, and the parcel's workflow hears of those that decide something."""

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from api.decisions import MOST_WAITS, Decision, Later, Signal
from domain.ids import return_workflow, shipment_workflow
from domain.shipments import TrackingNews
from domain.states import ShipmentState
from domain.tracking import POSSESSION, Scan, TrackingMessage, decides
from models import returns, scans
from models.inbox import InboxMessage, Outcome
from models.shipments import Shipment

log = structlog.get_logger()


async def about_parcels(
    session: AsyncSession, message: InboxMessage, told: TrackingMessage, *, bought_elsewhere: bool
) -> Decision:
    """A webhook's scans, of one parcel: each is recorded once, whichever webhook brings it first."""
    if not told.scans:
        return Outcome.NOT_FOR_US
    newest = told.scans[-1]
    coming_back = await returns.matching(session, newest)
    if coming_back is not None:
        return _tell_return(message, coming_back, told.scans)
    shipment = await scans.matching(session, newest, bought_elsewhere=bought_elsewhere)
    waited = message.attempts >= MOST_WAITS
    if shipment is None:
        if not waited and not newest.reference:
            return Later(1.0)  # its number may be that of a label which is being written down
        log.warning("webhook of an unknown parcel", tenant=message.tenant_id, source=message.source)
        return Outcome.UNKNOWN_OBJECT
    if shipment.state is ShipmentState.PENDING and not waited:
        return Later(1.0)  # the label was bought a moment ago and is being written down
    return await _record(session, message, shipment, told.scans) or Outcome.NO_NEWS


async def _record(
    session: AsyncSession, message: InboxMessage, shipment: Shipment, said: tuple[Scan, ...]
) -> tuple[Signal, ...]:
    """What the workflow is to hear: of scans that this message brought, so that a message in hand again tells alike."""
    known = await scans.told(session, shipment, said[0].carrier)
    handed_over = shipment.state not in (ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT)
    signals = []
    for scan in said:
        if scan.event_id not in known:
            await scans.keep(session, shipment, scan, message.event_id)
        elif known[scan.event_id] != message.event_id:
            continue
        if decides(scan, handed_over=handed_over, silent=shipment.silent_since is not None):
            news = TrackingNews(scan.event_id, scan.status, scan.occurred_at.isoformat(), scan.description)
            workflow = shipment_workflow(message.tenant_id, shipment.shipment_id)
            signals.append(Signal(workflow, "tracking", news))
            handed_over = handed_over or scan.status in POSSESSION
    return tuple(signals)


def _tell_return(message: InboxMessage, return_id: str, said: tuple[Scan, ...]) -> tuple[Signal, ...] | Outcome:
    """A return's workflow hears all that tells who has the parcel; the inbox keeps what the carrier said."""
    workflow = return_workflow(message.tenant_id, return_id)
    signals = tuple(
        Signal(
            workflow, "tracking", TrackingNews(one.event_id, one.status, one.occurred_at.isoformat(), one.description)
        )
        for one in said
        if decides(one, handed_over=False)
    )
    return signals or Outcome.NO_NEWS
