"""`/v1/unknown-parcels`: what carriers told of parcels that nobody here knows, for support to look into."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter

from api.cursors import Cursors, CursorText, PageSize
from api.resources import Resources, Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.shipments import UnknownParcelOut, UnknownParcelsOut
from models import inbox
from models.inbox import InboxMessage

router = APIRouter(prefix="/v1/unknown-parcels", tags=["shipments"])

_QUESTION = {"list": "unknown-parcels"}


@router.get("", response_model=UnknownParcelsOut, responses={400: {"model": ProblemOut}})
async def listed(
    tenant: Annotated[str, needs("orders:read")], shared: Shared, limit: PageSize = 50, cursor: CursorText = None
) -> UnknownParcelsOut:
    """Webhooks of carriers that named no parcel of ours, the newest first: a wrong account, a label bought by hand."""
    cursors, before = Cursors.of(shared.settings), None
    if cursor:
        at, event = cursors.read(tenant, _QUESTION, cursor)
        before = datetime.fromisoformat(str(at)), str(event)
    async with shared.database.transaction(tenant) as session:
        found = await inbox.of_unknown_parcels(session, before=before, most=limit + 1)
    page = found[:limit]
    place = [page[-1].received_at.isoformat(), page[-1].event_id] if len(found) > limit else None
    return UnknownParcelsOut(
        parcels=[_out(shared, one) for one in page],
        next_cursor=cursors.make(tenant, _QUESTION, place) if place else None,
    )


def _out(shared: Resources, message: InboxMessage) -> UnknownParcelOut:
    """As its carrier's adapter reads it now; an account that is gone leaves when it came, and from whom."""
    found = shared.carriers.teller(message.tenant_id, message.source)
    said = found[0].parse(message.body).scans[-1] if found else None
    return UnknownParcelOut(
        account=message.source,
        event_id=message.event_id,
        received_at=message.received_at,
        tracking_number=said.tracking_number if said else None,
        reference=(said.reference or None) if said else None,
        status=said.status if said else None,
        description=said.description if said else None,
        occurred_at=said.occurred_at if said else None,
    )
