"""A parcel's label: bought, whatever it takes; and given back when the parcel stays."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.carriers import CarrierActivities
from activities.labels import LabelActivities
from domain.parcels import Label
from domain.shipments import BuyLabel
from domain.states import ShipmentState
from domain.support import Trouble
from workflows import attributes
from workflows.labelling_by_steps import buy_by_steps
from workflows.parcel import Parcel
from workflows.policies import BUYING_A_LABEL, WHILE_SHOPPER_WAITS, in_database, is_final, outside


async def buy_label(parcel: Parcel) -> None:
    """Until there is one, or the parcel is to stay before there is."""
    label = await (buy_by_steps(parcel) if parcel.by_steps else _buy(parcel))
    if label is None:
        return
    workflow.upsert_search_attributes(
        [
            attributes.STAGE.value_set(parcel.stage or "ready"),
            attributes.CARRIER.value_set(label.carrier),
            attributes.TRACKING_NUMBER.value_set(label.tracking_number),
        ]
    )
    parcel.state, parcel.label = ShipmentState.LABEL_BOUGHT, label
    parcel.show(f"Label {label.tracking_number} bought from {label.carrier}")
    await parcel.calm()


async def _buy(parcel: Parcel) -> Label | None:
    """None: it is to stay. What the carrier refused for good is left in its books, and another one is created."""
    useless: str | None = None
    while not parcel.stay:
        asked = BuyLabel(parcel.input, useless)
        try:
            bought = await outside(LabelActivities.buy, asked, "Buy a label", BUYING_A_LABEL)
        except ActivityError as failed:
            parcel.booking = await in_database(LabelActivities.booked, parcel.input, "What has the carrier of it?")
            if is_final(failed):
                useless, parcel.booking = _refused(parcel, failed) or useless, None
            await _wait_for_person(parcel, failed)
            continue
        parcel.retry = False
        parcel.silence, parcel.booking = bought.silence, bought.booking
        if bought.label is not None:
            return bought.label
        parcel.show("The address has changed: the label is given back")
    return None


def _refused(parcel: Parcel, failed: ActivityError) -> str | None:
    """The carrier's id of what it does not sell a label for."""
    cause = failed.cause
    told = cause.details if isinstance(cause, ApplicationError) else ()
    if told:
        return str(told[0])
    return parcel.booking.carrier_shipment_id if parcel.booking else None


async def _wait_for_person(parcel: Parcel, failed: ActivityError) -> None:
    """Until somebody says `retry`; meanwhile the authorization is kept from lapsing."""
    cause = failed.cause
    why = cause.message if isinstance(cause, ApplicationError) and cause.type == "NoRate" else cause
    await parcel.call_person(f"no label could be bought: {why or failed}", Trouble.LABEL)
    while not await parcel.wait_for_retry(parcel.until_authorization_is_due):
        parcel.show(await parcel.watch.act(parcel, workflow.now()))


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
