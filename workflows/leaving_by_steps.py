"""How parcels left before `shipping.leave`: an activity a step. It goes when the last of them has ended."""

from activities.journal import JournalActivities
from activities.payments import PaymentActivities
from activities.shipping import ShippingActivities
from domain.journal import BeginCapture
from domain.payments import CaptureDeclined, CaptureFact, KeySpent, PaymentCaptured
from domain.shipments import RecordHandover
from workflows.desk import until_known
from workflows.money_back import renew
from workflows.parcel import Parcel
from workflows.policies import in_database

UNKNOWN = "the capture's outcome is not known"


async def leave_by_steps(parcel: Parcel) -> CaptureDeclined | None:
    """Journal the capture, ask for it, write down that the parcel left; or the money was refused."""
    outcome = await _capture(parcel)
    if isinstance(outcome, CaptureDeclined):
        return outcome
    asked = RecordHandover(parcel.input.tenant, parcel.input.shipment_id, outcome)
    await in_database(ShippingActivities.record_handover, asked, "Parcel left, payment captured")
    return None


async def _capture(parcel: Parcel) -> PaymentCaptured | CaptureDeclined | None:
    """Its share of the money; None: that was taken before, with another parcel's."""
    tenant, payment = parcel.input.tenant, parcel.input.payment_id
    while True:
        begin = BeginCapture(tenant, payment, parcel.input.shipment_id, parcel.amount)
        asked = await in_database(JournalActivities.begin_capture, begin, "Journal the capture")
        if asked is None:
            return None
        fact: CaptureFact = await until_known(parcel, PaymentActivities.capture, asked, "Capture the payment", UNKNOWN)
        if not isinstance(fact, KeySpent):
            return fact
        await renew(tenant, payment, asked.idempotency_key, fact)
