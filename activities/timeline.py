"""A person's act in an order's timeline, written once."""

from sqlalchemy.ext.asyncio import AsyncSession

from domain.orders import NoteOrder
from models import events
from models.orders import Order


async def write_once(session: AsyncSession, order: Order, line: NoteOrder) -> None:
    """A line of the timeline, if it is not there."""
    if not await events.is_told(session, order.checkout_id, line.kind, line.place, line.about):
        told = {"place": line.place} | ({"about": line.about} if line.about else {})
        events.record(session, line.tenant, order.checkout_id, line.kind, line.message, **told)
