"""The journal around the calls to the payment provider: begun before one leaves, its outcome after."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.journal import (
    BeginCapture,
    BeginReauthorization,
    BeginRefund,
    BeginVoid,
    FinishVoid,
    Reauthorization,
    RecordLapse,
    RecordReauthorization,
    RecordRefund,
    RefundBegun,
    Renew,
)
from domain.money import Money
from domain.payments import (
    AuthorizePayment,
    CapturePayment,
    KeySpent,
    PaymentAuthorized,
    PaymentMode,
    RefundFailed,
    RefundMade,
    RefundPayment,
    VoidPayment,
)
from domain.refusals import Refused
from domain.shares import plan_capture
from domain.states import OperationKind, OperationState, PaymentState
from models import checkouts, events, parcels, payments, refunds
from models.base import RowMissing
from models.database import Database
from models.orders import Order
from models.payments import HAPPENED, VOID, Payment
from models.shipments import Shipment

_MORE_TO_COME = "more parcels are to be captured"
"""Noted on a capture that keeps the rest held: asked again, it must be the same request."""

_REAUTHORIZABLE = (PaymentState.AUTHORIZED, PaymentState.LAPSED)


class JournalActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="journal.begin_capture")
    async def begin_capture(self, asked: BeginCapture) -> CapturePayment | None:
        """Journal a capture as a parcel leaves (`reference`), of its share; None: it is paid for.

        Of what is held, never of more. Raises `RowMissing` when nothing is held.
        """
        async with self._database.transaction(asked.tenant) as session:
            leaving = await parcels.locked(session, asked.reference)
            payment = await payments.get(session, asked.payment_id)
            if payment.intent_id is None or payment.authorized_minor == 0:
                raise RowMissing(f"payment {asked.payment_id} has no authorization")
            begun = await payments.operation(session, payment.payment_id, OperationKind.CAPTURE, asked.reference)
            if begun is None or begun.state is OperationState.FAILED:
                share = await _share(session, leaving, payment, asked)
                if share is None:
                    return None
                amount, final = share
                begun = await payments.begin(
                    session, payment, OperationKind.CAPTURE, asked.reference, amount,
                    note=None if final else _MORE_TO_COME,
                )  # fmt: skip
            return CapturePayment(
                tenant=asked.tenant,
                payment_id=payment.payment_id,
                intent_id=payment.intent_id,
                idempotency_key=begun.idempotency_key,
                amount_minor=begun.amount_minor,
                final=begun.note != _MORE_TO_COME,
                before_minor=payment.captured_minor - (begun.amount_minor if begun.state in HAPPENED else 0),
                begun_at=begun.created_at,
            )

    @activity.defn(name="journal.begin_void")
    async def begin_void(self, asked: BeginVoid) -> VoidPayment:
        """Journal a void; answers with the call to make."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            reference = f"{VOID} {asked.intent_id}" if asked.intent_id else VOID
            begun = await payments.begin(session, payment, OperationKind.VOID, reference, payment.authorized_minor)
            intent = asked.intent_id or payment.intent_id
            return VoidPayment(intent, begun.idempotency_key, begun_at=begun.created_at)

    @activity.defn(name="journal.finish_void")
    async def finish_void(self, asked: FinishVoid) -> None:
        """A replaced authorization has been given back."""
        async with self._database.transaction(asked.tenant) as session:
            reference = f"{VOID} {asked.intent_id}"
            await payments.finish(
                session, asked.payment_id, OperationKind.VOID, reference=reference, provider_id=asked.intent_id
            )

    @activity.defn(name="journal.begin_refund")
    async def begin_refund(self, asked: BeginRefund) -> RefundBegun:
        """Set the amount aside and journal the refund; or say why not. Known already, it tells how it stands."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            if asked.captured is not None:
                await payments.finish(session, payment.payment_id, OperationKind.VOID, error_code="captured")
                await payments.mark_captured(session, payment, asked.captured)
            note = f"{asked.actor}: {asked.reason}"
            try:
                begun = await refunds.begin(session, payment, asked.refund_id, asked.amount_minor, note)
            except Refused as no:
                return RefundBegun(refusal=no.refusal)
            call = RefundPayment(
                tenant=asked.tenant,
                payment_id=payment.payment_id,
                refund_id=asked.refund_id,
                intent_id=payment.intent_id or "",
                idempotency_key=begun.idempotency_key,
                amount_minor=begun.amount_minor,
                begun_at=begun.created_at,
            )
            return RefundBegun(call, begun.state, begun.provider_id)

    @activity.defn(name="journal.record_refund")
    async def record_refund(self, asked: RecordRefund) -> None:
        """Write down what became of a refund: row, ledger, timeline."""
        fact = asked.fact
        if isinstance(fact, KeySpent):
            raise TypeError("a spent key is renewed, not recorded")
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            if await refunds.record(session, payment, asked.refund_id, fact):
                _tell_of_refund(session, payment, asked.refund_id, fact)

    @activity.defn(name="journal.renew")
    async def renew(self, asked: Renew) -> None:
        """The key is spent and nothing happened: the operation failed; the next `begin` makes a new one."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            spent = await payments.spend(session, asked.idempotency_key)
            if spent is not None and spent.kind is OperationKind.REFUND:
                payment.refunded_minor -= spent.amount_minor

    @activity.defn(name="journal.renew_authorization")
    async def renew_authorization(self, asked: AuthorizePayment) -> AuthorizePayment:
        """As `renew`, for the checkout's authorization; answers with the call to make instead. Repeatable."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            await payments.spend(session, asked.idempotency_key)
            begun = await payments.begin(
                session, payment, OperationKind.AUTHORIZE, payments.CHECKOUT, payment.amount_minor
            )
            return replace(asked, idempotency_key=begun.idempotency_key, begun_at=begun.created_at)

    @activity.defn(name="journal.begin_reauthorization")
    async def begin_reauthorization(self, asked: BeginReauthorization) -> Reauthorization | None:
        """Journal a new authorization on the saved card; None when there is nothing to hold any more."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            if payment.state not in _REAUTHORIZABLE or payment.intent_id is None:
                return None
            if payment.captured_minor:
                return Reauthorization(None, payment.intent_id, partly_captured=True)
            if payment.checkout_id is None:
                raise RowMissing(f"payment {payment.payment_id} is no checkout's: it is taken at once, not held")
            if asked.intent_id not in (None, payment.intent_id) and payment.state is PaymentState.AUTHORIZED:
                held = PaymentAuthorized(payment.intent_id, payment.authorized_minor, payment.capture_before)
                return Reauthorization(None, payment.intent_id, held)
            if payment.saved is None:
                return Reauthorization(None, payment.intent_id)
            checkout = await checkouts.get(session, payment.checkout_id)
            reference = f"after {payment.intent_id}"
            begun = await payments.begin(session, payment, OperationKind.AUTHORIZE, reference, payment.authorized_minor)
            call = AuthorizePayment(
                tenant=asked.tenant,
                payment_id=payment.payment_id,
                checkout_id=payment.checkout_id,
                idempotency_key=begun.idempotency_key,
                amount_minor=begun.amount_minor,
                currency=payment.currency,
                mode=PaymentMode.SERVER,
                payment_method=payment.saved.payment_method,
                return_url=None,
                customer_id=checkout.customer_id,
                provider_customer=payment.saved.customer,
                off_session=True,
                begun_at=begun.created_at,
            )
            return Reauthorization(call, payment.intent_id)

    @activity.defn(name="journal.record_reauthorization")
    async def record_reauthorization(self, asked: RecordReauthorization) -> None:
        """The money is held anew, on another intent; or it was refused."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            if asked.authorized is None:
                code = asked.refusal.code if asked.refusal else "refused"
                failed = await payments.finish(session, payment.payment_id, OperationKind.AUTHORIZE, error_code=code)
                if failed is not None:
                    why = asked.refusal.message if asked.refusal else ""
                    _event(session, payment, "payment.reauthorization_refused", f"Not authorized anew: {why}")
                return
            if payment.intent_id == asked.authorized.intent_id:
                return
            await payments.mark_authorized(session, payment, asked.authorized)
            held = Money(asked.authorized.amount_minor, payment.currency)
            _event(session, payment, "payment.reauthorized", f"{held} authorized anew on the saved card")

    @activity.defn(name="journal.record_lapse")
    async def record_lapse(self, asked: RecordLapse) -> bool:
        """The authorization has run out. False: that is known, or it was replaced or captured in the meantime."""
        async with self._database.transaction(asked.tenant) as session:
            payment = await payments.get(session, asked.payment_id)
            if payment.state is not PaymentState.AUTHORIZED or payment.intent_id != asked.intent_id:
                return False
            if payment.captured_minor != asked.taken_minor:  # a capture is being written down at this moment
                return False
            if payment.captured_minor:
                await refunds.take_no_more(session, payment)
                rest = Money(payment.authorized_minor - payment.captured_minor, payment.currency)
                _event(session, payment, "payment.rest_lapsed", f"{rest} that was held has lapsed")
                return True
            payment.state = PaymentState.LAPSED
            _event(session, payment, "payment.lapsed", "The authorization has lapsed: nothing is held any more")
            return True


async def _share(
    session: AsyncSession, leaving: tuple[Shipment, Order] | None, payment: Payment, asked: BeginCapture
) -> tuple[int, bool] | None:
    """What is to be taken, and whether the rest is let go; None: nothing, the parcel is paid for."""
    held = payment.authorized_minor - payment.captured_minor
    if leaving is None:
        amount = held if asked.amount_minor is None else min(asked.amount_minor, held)
        return amount, asked.final or not payment.multicapture
    parcel, order = leaving
    if parcel.paid_minor is not None:
        return None
    plan = plan_capture(
        await parcels.shares(session, order.order_number), parcel.shipment_id,
        shipping_minor=order.shipping_minor, several=payment.multicapture, at_most=asked.amount_minor,
    )  # fmt: skip
    parcel.shipping_minor, parcel.waived_minor = plan.shipping_minor, plan.waived_minor
    if plan.amount_minor == 0:
        parcel.paid_minor = 0
        return None
    return min(plan.amount_minor, held), plan.final


def _tell_of_refund(session: AsyncSession, payment: Payment, refund: str, fact: RefundMade | RefundFailed) -> None:
    if isinstance(fact, RefundFailed):
        _event(session, payment, "payment.refund_failed", fact.refusal.message)
        return
    amount = Money(fact.amount_minor, payment.currency)
    if fact.settling:
        _event(session, payment, "payment.refund_settling", f"A refund of {amount} is on its way")
    else:
        _event(session, payment, "payment.refunded", f"{amount} refunded", refund=refund, minor=fact.amount_minor)


def _event(session: AsyncSession, payment: Payment, kind: str, message: str, **data: object) -> None:
    events.record(session, payment.tenant_id, payment.subject, kind, message, **data)
