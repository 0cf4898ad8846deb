"""The database's part of another address for an order."""

from dataclasses import asdict

from temporalio import activity

from activities.timeline import write_once
from domain.addresses import AddressWritten, WriteAddress, refuse_another_price
from domain.parcels import PostalAddress
from domain.support import ORDER_ACTS, refusal_of
from models import acting, events, orders, shipments
from models.database import Database


class AddressActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="addresses.write")
    async def write(self, asked: WriteAddress) -> AddressWritten:
        """Where the order goes from now on; a label that is bought for another address is not taken any more."""
        note = asked.note
        async with self._database.transaction(note.tenant) as session:
            order = await orders.get(session, note.order_number)
            if await events.is_told(session, order.checkout_id, note.kind, note.place):
                return AddressWritten()
            packed = await shipments.of_order(session, note.order_number)
            why = refusal_of(ORDER_ACTS, "change_address", acting.order_facts(order, packed))
            if why := why or refuse_another_price(PostalAddress(**order.address), asked.address):
                return AddressWritten(why)
            order.address, order.address_version = asdict(asked.address), order.address_version + 1
            await write_once(session, order, note)
            return AddressWritten()
