"""The label with which a customer sends something back: created, written down, bought; and given back unused."""

from collections.abc import Callable
from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.carriers import CarrierActivities
from activities.returns import ReturnActivities
from domain.carriage import Consignment, NoRate, as_route, rate_of
from domain.returns import AboutReturn, RecordReturnBooking, RecordReturnLabel, ReturnInput
from domain.shipments import Booking, CreateShipment
from workflows import attributes
from workflows.desk import Desk
from workflows.policies import WHILE_SHOPPER_WAITS, in_database, is_final, outside


class Labelled(Desk, Protocol):
    """The return, as far as its label is concerned."""

    input: ReturnInput
    booking: Booking | None

    def be_labelled(self, line: str) -> None:
        """The label is bought and written down."""


async def buy_return_label(back: Labelled, is_wanted: Callable[[], bool]) -> None:
    """A label, whatever it takes; none when somebody acts (`is_wanted`) before there is one."""
    anew = False
    while not is_wanted():
        about = AboutReturn(back.input.tenant, back.input.return_id)
        asked = await in_database(ReturnActivities.prepare, about, "Addresses, weight and carrier")
        try:
            booking = back.booking or await _create(back, asked, anew=anew)
            label = await outside(CarrierActivities.buy, booking, f"Buy a return label from {booking.carrier}")
        except (ActivityError, NoRate) as failed:
            if isinstance(failed, NoRate) or is_final(failed):
                back.booking, anew = None, True
            await back.call_person(f"no return label could be bought: {failed.__cause__ or failed}")
            await back.wait_for_person()
            continue
        await in_database(
            ReturnActivities.record_label,
            RecordReturnLabel(back.input.tenant, back.input.return_id, label),
            f"Label {label.tracking_number}",
        )
        workflow.upsert_search_attributes(
            [
                attributes.CARRIER.value_set(label.carrier),
                attributes.TRACKING_NUMBER.value_set(label.tracking_number),
            ]
        )
        back.be_labelled(f"Label {label.tracking_number} bought from {label.carrier}")
        await back.calm()
        return


async def _create(back: Labelled, asked: Consignment, *, anew: bool) -> Booking:
    route = asked.route
    create = CreateShipment(back.input.tenant, route.carrier, as_route(asked), anew)
    created = await outside(CarrierActivities.create, create, f"Ask {route.carrier} to carry it back")
    booking = Booking(back.input.tenant, route.carrier, created.carrier_shipment_id, rate_of(created, route))
    await in_database(
        ReturnActivities.record_booking,
        RecordReturnBooking(back.input.tenant, back.input.return_id, booking),
        "Write down what is bought",
    )
    back.booking = booking
    return booking


async def give_return_label_back(back: Labelled) -> None:
    """Nobody will use it. What the carrier does not take back is claimed by a person."""
    if back.booking is None:
        return
    try:
        result = await outside(CarrierActivities.void, back.booking, "Void the return label", WHILE_SHOPPER_WAITS)
    except ActivityError as failed:
        await back.call_person(f"the label of a return could not be given back, claim it: {failed.cause}")
        return
    if not result.is_void:
        await back.call_person("a return that has ended is on its way: its carrier has it")
