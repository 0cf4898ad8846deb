"""How parcels bought their labels before `labels.buy`: an activity a step. It goes when the last of them has ended."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.carriers import CarrierActivities, TrackingActivities
from activities.shipping import ShippingActivities
from domain.carriage import Consignment, NoRate, as_route, rate_of
from domain.parcels import Label
from domain.shipments import Booking, CreateShipment, RecordCreated, RecordLabel
from domain.support import Trouble
from workflows.parcel import Parcel
from workflows.policies import WHILE_SHOPPER_WAITS, in_database, is_final, outside


async def buy_by_steps(parcel: Parcel) -> Label | None:
    """A label, whatever it takes; none when the parcel is to stay before there is one.

    What was created is kept until the carrier refuses it for good: only then is another one created.
    """
    anew = False
    while not parcel.stay:
        asked = await in_database(ShippingActivities.prepare, parcel.input, "Address, weight and carrier")
        parcel.silence = asked.silence
        try:
            if parcel.booking is not None and parcel.booked_for != asked.address_version:
                await _give_up(parcel, parcel.booking)
                anew = True
            booking = parcel.booking or await _create(parcel, asked, anew=anew)
            label = await outside(CarrierActivities.buy, booking, f"Buy a label from {booking.carrier}")
        except (ActivityError, NoRate) as failed:
            if isinstance(failed, NoRate) or is_final(failed):
                parcel.booking, anew = None, True
            await parcel.call_person(f"no label could be bought: {failed.__cause__ or failed}", Trouble.LABEL)
            while not await parcel.wait_for_retry(parcel.until_authorization_is_due):
                parcel.show(await parcel.watch.act(parcel, workflow.now()))
            continue
        parcel.retry = False
        record = RecordLabel(parcel.input.tenant, parcel.input.shipment_id, label, asked.address_version)
        ours = await in_database(ShippingActivities.record_label, record, f"Label {label.tracking_number}")
        if ours is not False:
            return label
        parcel.show("The address has changed: the label is given back")
    return None


async def _give_up(parcel: Parcel, booking: Booking) -> None:
    """What was created at the carrier for another address, label or not, is of no use."""
    await outside(CarrierActivities.void, booking, "Give back what was for another address", WHILE_SHOPPER_WAITS)
    parcel.booking = None


async def _create(parcel: Parcel, asked: Consignment, *, anew: bool) -> Booking:
    """In the carrier's books, with the rate that is to be bought; both written down."""
    route = asked.route
    create = CreateShipment(parcel.input.tenant, route.carrier, as_route(asked), anew)
    created = await outside(CarrierActivities.create, create, f"Ask {route.carrier} to carry it")
    rate_id = rate_of(created, route)
    booking = Booking(parcel.input.tenant, route.carrier, created.carrier_shipment_id, rate_id)
    await in_database(
        TrackingActivities.record_created,
        RecordCreated(parcel.input.tenant, parcel.input.shipment_id, booking, asked.address_version),
        "Write down what is bought",
    )
    parcel.booking, parcel.booked_for = booking, asked.address_version
    return booking
