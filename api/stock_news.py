"""Who is told of units that came for an order: the parcels that wait for them."""

import json

from sqlalchemy.ext.asyncio import AsyncSession

from api.decisions import Decision, Signal
from domain.ids import shipment_workflow
from domain.shipments import StockNews
from models import parcels
from models.inbox import InboxMessage, Outcome

SOURCE = "stock.covered"
"""Written by `cover_stock` in the database, in the transaction that gave the units away. No carrier's account can be
called this."""


async def about_stock(session: AsyncSession, message: InboxMessage) -> Decision:
    """The parcels of the order at this place; a parcel that waits no more is not told."""
    told = json.loads(message.body)
    waiting = await parcels.waiting(session, told["checkout"], told["location"])
    signals = [Signal(shipment_workflow(message.tenant_id, one), "stock_news", StockNews()) for one in waiting]
    return tuple(signals) or Outcome.NO_NEWS
