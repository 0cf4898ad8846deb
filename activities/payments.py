"""What is asked of the payment provider, one call an activity; and the journal written around the calls."""

from temporalio import activity

from domain.orders import BeginVoid
from domain.payments import (
    AuthorizePayment,
    CaptureFact,
    CapturePayment,
    LookUpPayment,
    PaymentFact,
    VoidFact,
    VoidPayment,
)
from domain.shipments import ShipmentInput
from domain.states import OperationKind
from gateways.stripe import Stripe
from models import payments
from models.base import RowMissing
from models.database import Database


class PaymentActivities:
    """Calls to Stripe. An unknown outcome raises and is asked again under the same key."""

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe

    @activity.defn(name="payments.authorize")
    async def authorize(self, asked: AuthorizePayment) -> PaymentFact:
        """Hold the money, or learn that the shopper must act or that the card was refused."""
        return await self._stripe.authorize(asked)

    @activity.defn(name="payments.look_up")
    async def look_up(self, asked: LookUpPayment) -> PaymentFact:
        """What is true of the authorization now."""
        return await self._stripe.look_up(asked.intent_id)

    @activity.defn(name="payments.capture")
    async def capture(self, asked: CapturePayment) -> CaptureFact:
        """Take the money."""
        return await self._stripe.capture(asked)

    @activity.defn(name="payments.void")
    async def void(self, asked: VoidPayment) -> VoidFact:
        """Give the authorization back; harmless when there is none."""
        return await self._stripe.void(asked)


class JournalActivities:
    """Local activities: an operation is written down before its call leaves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="payments.begin_capture")
    async def begin_capture(self, asked: ShipmentInput) -> CapturePayment:
        """Journal the capture of all that is authorized. Raises `RowMissing` when nothing is."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            if payment.intent_id is None or payment.authorized_minor == 0:
                raise RowMissing(f"payment {asked.payment_id} has no authorization")
            operation = await payments.begin(session, payment, OperationKind.CAPTURE, payment.authorized_minor)
            return CapturePayment(
                tenant=asked.tenant,
                payment_id=payment.payment_id,
                intent_id=payment.intent_id,
                idempotency_key=operation.idempotency_key,
                amount_minor=operation.amount_minor,
            )

    @activity.defn(name="payments.begin_void")
    async def begin_void(self, asked: BeginVoid) -> VoidPayment:
        """Journal a void; answers with the call to make."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            operation = await payments.begin(session, payment, OperationKind.VOID, payment.authorized_minor)
            return VoidPayment(payment.intent_id, operation.idempotency_key)
