"""What a membership's periods cost: each charge journaled before its call leaves, its outcome written down after."""

from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.ids import membership_payment_id
from domain.joining import BeginCharge, ChargeBegun, RecordCharge
from domain.money import Money
from domain.payments import (
    AuthorizationFact,
    AuthorizePayment,
    CaptureMethod,
    PaymentActionRequired,
    PaymentAuthorized,
    PaymentCancelled,
    PaymentDeclined,
    PaymentMode,
    PaymentProcessing,
)
from domain.states import MembershipState, OperationKind, OperationState, PaymentState, PeriodState
from models import events, memberships, payments
from models.base import now
from models.database import Database
from models.memberships import Membership, MembershipPeriod
from models.payments import PERIOD, Payment

_A = OperationKind.AUTHORIZE


class DuesActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="dues.begin")
    async def begin(self, asked: BeginCharge) -> ChargeBegun:
        """Make the period due, with one payment for ever, and journal the next try to take it."""
        async with self._database.transaction(asked.tenant) as session:
            row = await memberships.get(session, asked.membership_id)
            period = await memberships.find_period(session, asked.membership_id, asked.period)
            if period is None:
                period = await _make_due(session, asked)
            if period.state is not PeriodState.DUE or period.payment_id is None:
                return ChargeBegun(period.payment_id)
            payment = await payments.get(session, period.payment_id)
            begun = await payments.begin(session, payment, _A, PERIOD, payment.amount_minor)
            method = asked.payment_method or (row.saved_method if asked.off_session else None)
            known = row.saved_customer or await payments.provider_customer(session, row.customer_id)
            call = AuthorizePayment(
                tenant=asked.tenant,
                payment_id=payment.payment_id,
                checkout_id="",
                membership_id=asked.membership_id,
                idempotency_key=begun.idempotency_key,
                amount_minor=payment.amount_minor,
                currency=payment.currency,
                mode=PaymentMode.SERVER if method else PaymentMode.CLIENT,
                payment_method=method,
                return_url=asked.return_url,
                customer_id=row.customer_id,
                capture=CaptureMethod.AUTOMATIC,
                save_card=not asked.off_session,
                provider_customer=known,
                off_session=asked.off_session,
                begun_at=begun.created_at,
                intent_id=payment.intent_id,
            )
            return ChargeBegun(payment.payment_id, call)

    @activity.defn(name="dues.record")
    async def record(self, asked: RecordCharge) -> None:
        """Paid: the membership goes on. Not paid: it is past due, or still joining, and the customer may act."""
        async with self._database.transaction(asked.tenant) as session:
            row = await memberships.get(session, asked.membership_id)
            period = await memberships.get_period(session, asked.membership_id, asked.period)
            if period.state is not PeriodState.DUE:
                return
            payment = await payments.get(session, period.payment_id) if period.payment_id else None
            if asked.fact is None or isinstance(asked.fact, PaymentAuthorized):
                if payment is not None and asked.fact is not None:
                    await _take(session, row, payment, asked.fact)
                _go_on(row, period, asked)
                what = "membership.joined" if asked.period == 0 else "membership.renewed"
                message = f"{Money(period.amount_minor, period.currency)} until {period.ends_at:%d %b %Y}"
                events.record(session, asked.tenant, row.membership_id, what, message, period=asked.period)
            elif payment is not None:
                why = await _not_taken(session, payment, asked.fact)
                if row.state is MembershipState.ACTIVE:
                    row.state = MembershipState.PAST_DUE
                events.record(session, asked.tenant, row.membership_id, "membership.not_paid", why, period=asked.period)


async def _make_due(session: AsyncSession, asked: BeginCharge) -> MembershipPeriod:
    terms, payment = asked.terms, None
    if terms.amount_minor:
        payment = Payment(
            tenant_id=asked.tenant,
            payment_id=membership_payment_id(asked.tenant, asked.membership_id, asked.period),
            membership_id=asked.membership_id,
            membership_period=asked.period,
            state=PaymentState.PENDING,
            currency=terms.currency,
            amount_minor=terms.amount_minor,
        )
        session.add(payment)
        await session.flush()
    period = MembershipPeriod(
        tenant_id=asked.tenant,
        membership_id=asked.membership_id,
        period=asked.period,
        tier_id=terms.tier_id,
        state=PeriodState.DUE,
        currency=terms.currency,
        amount_minor=terms.amount_minor,
        payment_id=payment.payment_id if payment else None,
        starts_at=asked.starts_at,
        ends_at=asked.ends_at,
    )
    session.add(period)
    await session.flush()
    return period


async def _take(session: AsyncSession, row: Membership, payment: Payment, fact: PaymentAuthorized) -> None:
    """The money is ours. What the customer paid in the browser is journaled as an operation that succeeded."""
    await payments.finish(session, payment.payment_id, OperationKind.VOID, error_code="captured")
    last = await payments.operation(session, payment.payment_id, _A, PERIOD)
    if last is None or last.state is OperationState.FAILED:
        await payments.begin(session, payment, _A, PERIOD, payment.amount_minor, note="confirmed by the customer")
    await payments.mark_authorized(session, payment, fact)
    row.card = fact.card or row.card
    if fact.saved is not None:
        row.saved_customer, row.saved_method = fact.saved.customer, fact.saved.payment_method
        await payments.keep_customer(session, row.tenant_id, row.customer_id, fact.saved.customer)


def _go_on(row: Membership, period: MembershipPeriod, asked: RecordCharge) -> None:
    period.state, period.settled_at = PeriodState.PAID, now()
    row.state = MembershipState.ACTIVE
    row.period, row.period_starts_at, row.period_ends_at = period.period, period.starts_at, period.ends_at
    row.benefits_until = asked.benefits_until
    row.tier_id, row.amount_minor = asked.terms.tier_id, asked.terms.amount_minor
    if row.next_tier_id == row.tier_id:
        row.next_tier_id = None


async def _not_taken(session: AsyncSession, payment: Payment, fact: AuthorizationFact) -> str:
    """Keep what the customer needs to pay; answers with a line for the timeline."""
    match fact:
        case PaymentDeclined():
            payment.intent_id = fact.intent_id or payment.intent_id
            payment.client_secret, payment.action_url = fact.client_secret or payment.client_secret, None
            await payments.finish(session, payment.payment_id, _A, error_code=fact.refusal.code)
            return fact.refusal.message
        case PaymentActionRequired():
            if payment.state is PaymentState.PENDING:
                payment.state = PaymentState.REQUIRES_ACTION
            payment.intent_id, payment.client_secret = fact.intent_id, fact.client_secret
            payment.action_url = fact.action_url
            await payments.finish(session, payment.payment_id, _A, error_code="authentication_required")
            return "The customer must confirm the payment"
        case PaymentProcessing():
            payment.intent_id = fact.intent_id
            return "The bank has not decided yet"
        case PaymentCancelled():
            payment.intent_id = payment.client_secret = payment.action_url = None
            await payments.finish(session, payment.payment_id, _A, error_code="cancelled")
            return "The payment was cancelled at the payment provider"
        case PaymentAuthorized():
            raise TypeError("what is paid is taken")
        case _:
            assert_never(fact)
