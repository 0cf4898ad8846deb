"""A parcel leaves: its share of the money is taken and it is written down that it has left, in one activity."""

from temporalio import activity

from activities.journal import JournalActivities
from activities.payments import PaymentActivities
from activities.shipping import ShippingActivities
from domain.journal import BeginCapture, Renew
from domain.payments import CaptureDeclined, KeySpent, PaymentCaptured
from domain.shipments import Leave, Left, RecordHandover


class LeavingActivities:
    """An ordinary activity over the journal's, the payment provider's and the parcel's own."""

    def __init__(self, journal: JournalActivities, payments: PaymentActivities, shipping: ShippingActivities) -> None:
        self._journal, self._payments, self._shipping = journal, payments, shipping

    @activity.defn(name="shipping.leave")
    async def leave(self, asked: Leave) -> Left:
        """Journal the capture, ask for it, write down that it left. Begun anew it finds what the last one journaled,
        and asks again under the same key. Refused money changes nothing but the answer."""
        fact = await self._capture(asked)
        if isinstance(fact, CaptureDeclined):
            return Left(fact)
        await self._shipping.record_handover(RecordHandover(asked.tenant, asked.shipment_id, fact))
        return Left()

    async def _capture(self, asked: Leave) -> PaymentCaptured | CaptureDeclined | None:
        """Its share of the money; None: that was taken before, with another parcel's."""
        begin = BeginCapture(asked.tenant, asked.payment_id, asked.shipment_id, asked.amount_minor)
        while True:
            call = await self._journal.begin_capture(begin)
            if call is None:
                return None
            fact = await self._payments.capture(call)
            if not isinstance(fact, KeySpent):
                return fact
            await self._journal.renew(Renew(asked.tenant, asked.payment_id, call.idempotency_key, fact.reason))
