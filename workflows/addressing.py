"""The act `change_address`: it is written down first, then its parcels hear of it."""

from temporalio.exceptions import ApplicationError

from activities.addresses import AddressActivities
from domain.addresses import ChangeAddress, WriteAddress
from workflows.order_page import OrderPage
from workflows.policies import in_database
from workflows.shipment import ShipmentWorkflow


async def change_address(page: OrderPage, asked: ChangeAddress) -> None:
    """It goes there from now on. Raises why not, when that shows only in the tables. The address is told to nobody."""
    line = page.line("order.address_changed", f"Address changed by {asked.actor}: {asked.reason}")
    written = await in_database(AddressActivities.write, WriteAddress(line, asked.address), "Write another address")
    if written.refusal is not None:
        raise ApplicationError(written.refusal.message, type=written.refusal.code)
    page.show(line.message)
    for shipment in page.here:
        await page.tell(shipment, ShipmentWorkflow.address_changed)
