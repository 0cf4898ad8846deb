"""A parcel leaves: its payment is captured first, and it goes only then; refused, it waits for a person. One that left
and has ended all the same is paid for when a person says so."""

from temporalio import workflow

from activities.leaving import LeavingActivities
from activities.shipping import ShippingActivities
from domain.payments import CaptureDeclined
from domain.shipments import Leave, RecordCaptureFailure, RecordHandover
from domain.states import ShipmentState
from domain.support import Trouble
from workflows import attributes
from workflows.desk import until_known
from workflows.leaving_by_steps import UNKNOWN, leave_by_steps
from workflows.parcel import Parcel
from workflows.policies import in_database
from workflows.reauthorization import reauthorize


async def hand_over(parcel: Parcel) -> None:
    """Capture, and let the parcel go only then; one that left on its own is followed all the same."""
    while (declined := await _leave(parcel, "Capture the payment: it leaves")) is not None:
        if not await _try_again_after(parcel, declined):
            return
    parcel.state = ShipmentState.HANDED_OVER
    parcel.attention = parcel.trouble = None
    workflow.upsert_search_attributes(
        [attributes.STAGE.value_set(parcel.state.value), attributes.NEEDS_ATTENTION.value_set(False)]
    )
    parcel.show("Handed over, payment captured")
    await parcel.tell_order()


async def take_what_is_due(parcel: Parcel) -> None:
    """It has ended, and its money could not be taken: once more whenever a person says so, until it is taken.

    Who has seen to the order took it another way, or does without.
    """
    if not parcel.is_due_after_its_end:
        return
    if not await _is_paid_after_all(parcel, parcel.refused):
        await parcel.calm("Seen to")
    elif parcel.state is ShipmentState.DELIVERED:
        await parcel.calm()
    else:
        await parcel.call_person(parcel.ended, Trouble.ENDED)


async def _is_paid_after_all(parcel: Parcel, refused: CaptureDeclined | None) -> bool:
    """False: a person has seen to it."""
    while refused is not None:
        if parcel.unpaid_is_seen_to:
            return False
        why = f"and the payment could not be captured: {refused.refusal.message}"
        await parcel.call_person(f"{parcel.ended} {why}", Trouble.CAPTURE)
        await workflow.wait_condition(lambda: parcel.retry or parcel.unpaid_is_seen_to)
        if parcel.retry:
            refused = await _take_once_more(parcel)
    return True


async def _take_once_more(parcel: Parcel) -> CaptureDeclined | None:
    parcel.retry = False
    await reauthorize(parcel, parcel.input.tenant, parcel.input.payment_id)
    declined = await _leave(parcel, "Capture the payment of what has left")
    if declined is not None:
        await _record_refusal(parcel, declined)
        parcel.refused = declined
        return declined
    parcel.refused = None
    parcel.show("Payment captured after all")
    return None


async def _leave(parcel: Parcel, summary: str) -> CaptureDeclined | None:
    """Its money is taken, unless it was before, and it is written down that it left; or the money was refused."""
    mine = parcel.input
    if parcel.captured:
        gone = RecordHandover(mine.tenant, mine.shipment_id, None)
        await in_database(ShippingActivities.record_handover, gone, "Parcel left")
        return None
    parcel.refused = None
    if parcel.by_steps:
        declined = await leave_by_steps(parcel)
    else:
        asked = Leave(mine.tenant, mine.shipment_id, mine.payment_id, parcel.amount)
        left = await until_known(parcel, LeavingActivities.leave, asked, summary, UNKNOWN)
        declined = left.declined
    parcel.captured = declined is None
    return declined


async def _try_again_after(parcel: Parcel, refused: CaptureDeclined) -> bool:
    """The money could not be taken: a person decides. False when the parcel stays, or its way has ended."""
    await _record_refusal(parcel, refused)
    parcel.refused = refused
    await parcel.call_person(f"the payment could not be captured: {refused.refusal.message}", Trouble.CAPTURE)
    while True:
        await workflow.wait_condition(
            lambda: parcel.retry or parcel.stay or parcel.end is not None or parcel.left_unnoticed
        )
        if parcel.left_unnoticed:
            await _record_refusal(parcel, refused)
            continue
        again, parcel.retry = parcel.retry, False
        if again:
            parcel.refused = parcel.trouble = None
            await reauthorize(parcel, parcel.input.tenant, parcel.input.payment_id)
        return again


async def _record_refusal(parcel: Parcel, refused: CaptureDeclined) -> None:
    left = parcel.left
    await in_database(
        ShippingActivities.record_capture_failure,
        RecordCaptureFailure(parcel.input.tenant, parcel.input.shipment_id, refused.refusal, left),
        "The payment could not be captured",
    )
    if left and parcel.state is ShipmentState.LABEL_BOUGHT:
        parcel.state = ShipmentState.HANDED_OVER
