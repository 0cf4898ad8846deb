"""A parcel leaves: its payment is captured first, and it goes only then; refused, it waits for a person. One that left
and has ended all the same is paid for when a person says so."""

from temporalio import workflow

from activities.journal import JournalActivities
from activities.payments import PaymentActivities
from activities.shipping import ShippingActivities
from domain.journal import BeginCapture
from domain.payments import CaptureDeclined, CaptureFact, KeySpent, PaymentCaptured
from domain.shipments import RecordCaptureFailure, RecordHandover
from domain.states import ShipmentState
from domain.support import Trouble
from workflows import attributes
from workflows.desk import until_known
from workflows.money_back import renew
from workflows.parcel import Parcel
from workflows.policies import in_database
from workflows.reauthorization import reauthorize


async def hand_over(parcel: Parcel) -> None:
    """Capture, and let the parcel go only then; one that left on its own is followed all the same."""
    fact: PaymentCaptured | None = None
    while not parcel.captured:
        parcel.refused = None
        outcome = await _capture(parcel)
        if outcome is None or isinstance(outcome, PaymentCaptured):
            fact, parcel.captured = outcome, True
        elif not await _try_again_after(parcel, outcome):
            return
    await _record_capture(parcel, fact, "Parcel left, payment captured")
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
    outcome = await _capture(parcel)
    if isinstance(outcome, CaptureDeclined):
        await _record_refusal(parcel, outcome)
        parcel.refused = outcome
        return outcome
    await _record_capture(parcel, outcome, "Payment captured after all")
    parcel.captured, parcel.refused = True, None
    parcel.show("Payment captured after all")
    return None


async def _record_capture(parcel: Parcel, fact: PaymentCaptured | None, summary: str) -> None:
    asked = RecordHandover(parcel.input.tenant, parcel.input.shipment_id, fact)
    await in_database(ShippingActivities.record_handover, asked, summary)


async def _capture(parcel: Parcel) -> PaymentCaptured | CaptureDeclined | None:
    """Its share of the money; None: that was taken before, with another parcel's."""
    tenant, payment = parcel.input.tenant, parcel.input.payment_id
    while True:
        begin = BeginCapture(tenant, payment, parcel.input.shipment_id, parcel.amount)
        asked = await in_database(JournalActivities.begin_capture, begin, "Journal the capture")
        if asked is None:
            return None
        fact: CaptureFact = await until_known(
            parcel, PaymentActivities.capture, asked, "Capture the payment", "the capture's outcome is not known"
        )
        if not isinstance(fact, KeySpent):
            return fact
        await renew(tenant, payment, asked.idempotency_key, fact)


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
