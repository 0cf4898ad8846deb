"""A parcel's label, in two steps: created and written down, then bought; and given back when the parcel stays."""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.carriers import CarrierActivities, TrackingActivities
from activities.shipping import ShippingActivities
from domain.carriage import Consignment, Route, choose
from domain.parcels import CarrierShipment, Label, ParcelRequest
from domain.shipments import Booking, CreateShipment, RecordCreated, RecordLabel
from domain.states import ShipmentState
from domain.support import Trouble
from workflows import attributes
from workflows.parcel import Parcel
from workflows.policies import WHILE_SHOPPER_WAITS, in_database, outside


class NoRate(Exception):
    """Nothing that the carrier offers keeps the promise of the shipping method."""


async def buy_label(parcel: Parcel) -> None:
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
            if is_final(failed):
                parcel.booking, anew = None, True
            await parcel.call_person(f"no label could be bought: {failed.__cause__ or failed}", Trouble.LABEL)
            while not await parcel.wait_for_retry(parcel.until_authorization_is_due):
                parcel.show(await parcel.watch.act(parcel, workflow.now()))
            continue
        parcel.retry = False
        if not await _record(parcel, label, asked.address_version):
            parcel.show("The address has changed: the label is given back")
            continue
        await parcel.calm()
        return


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
        RecordCreated(parcel.input.tenant, parcel.input.shipment_id, booking),
        "Write down what is bought",
    )
    parcel.booking, parcel.booked_for = booking, asked.address_version
    return booking


def as_route(asked: Consignment) -> ParcelRequest:
    """The parcel under the carrier's name of the product, where its route has one."""
    route = asked.route
    return replace(asked.parcel, service=route.services[0]) if route.services else asked.parcel


def rate_of(created: CarrierShipment, route: Route) -> str:
    """The rate to buy; empty where the carrier quotes none. Raises `NoRate`."""
    if created.rates is None or created.label is not None:
        return ""
    rate = choose(created.rates, route)
    if isinstance(rate, str):
        raise NoRate(rate)
    return rate.rate_id


def is_final(failed: Exception) -> bool:
    """The carrier said no, so that nothing was bought: another parcel must be created."""
    cause = failed.__cause__
    return isinstance(failed, NoRate) or (isinstance(cause, ApplicationError) and cause.type == "CarrierRejected")


async def _record(parcel: Parcel, label: Label, address_version: int) -> bool:
    """False: it is for an address to which the order does not go any more."""
    ours = await in_database(
        ShippingActivities.record_label,
        RecordLabel(parcel.input.tenant, parcel.input.shipment_id, label, address_version),
        f"Label {label.tracking_number}",
    )
    if ours is False:
        return False
    workflow.upsert_search_attributes(
        [
            attributes.STAGE.value_set(parcel.stage or "ready"),
            attributes.CARRIER.value_set(label.carrier),
            attributes.TRACKING_NUMBER.value_set(label.tracking_number),
        ]
    )
    parcel.state, parcel.label = ShipmentState.LABEL_BOUGHT, label
    parcel.show(f"Label {label.tracking_number} bought from {label.carrier}")
    return True


async def give_label_back(parcel: Parcel) -> None:
    """It stays; unless the carrier has it already: then it is too late, and it is followed like any other.

    A label may have been bought although nobody heard of it, so what was created is looked up, label or not.
    """
    booking, lost = parcel.booking, None
    if booking is not None:
        name = f"label {parcel.label.tracking_number}" if parcel.label else "a label nobody heard of"
        try:
            result = await outside(CarrierActivities.void, booking, f"Void {name}", WHILE_SHOPPER_WAITS)
        except ActivityError as failed:
            lost = f"{name} could not be given back, claim it: {failed.cause}"
        else:
            if not result.is_void:
                parcel.stay, parcel.leaving, parcel.left = False, True, True
                await parcel.tell_order(cancel_refused=True)
                return
    await parcel.close(ShipmentState.CANCELLED, "it stays with us")
    workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(lost is not None)])
    parcel.attention = lost
    parcel.show(lost or "The label is given back")
