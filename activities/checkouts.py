"""The database's part of a checkout: open it, note that the shopper must act, end it without an order."""

from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.checkouts import AwaitPayment, CheckoutInput, CheckoutOpened, CloseCheckout, GivenBack, OpenCheckout
from domain.ids import payment_id
from domain.money import Money
from domain.payments import AuthorizePayment
from domain.pricing import Quote, merge_lines, quote
from domain.refusals import Refusal, RefusalCode, Refused
from domain.states import (
    CHECKOUT_MOVES,
    CheckoutState,
    OperationKind,
    PaymentState,
    ReservationState,
    is_terminal,
)
from models import catalog, checkouts, events, payments, stock
from models.base import now
from models.checkouts import Checkout
from models.database import Database
from models.payments import Payment


class CheckoutActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="checkouts.open")
    async def open(self, asked: OpenCheckout) -> CheckoutOpened:
        """Price, reserve and journal the authorization in one transaction; or note why not, holding nothing."""
        checkout = asked.checkout
        async with self._database.transaction(checkout.tenant) as session:
            if found := await checkouts.find(session, checkout.checkout_id):
                return await _opened_before(session, checkout, found)
            try:
                fixed = await _price(session, checkout)
                await _hold(session, asked)
            except Refused as refused:
                row = _row(asked, CheckoutState.FAILED, None, refused.refusal)
                session.add(row)
                events.record(
                    session, checkout.tenant, checkout.checkout_id, "checkout.failed", refused.refusal.message
                )
                return CheckoutOpened(refusal=refused.refusal)
            session.add(_row(asked, CheckoutState.OPEN, fixed, None))
            await session.flush()
            return CheckoutOpened(fixed, await _journal(session, checkout, fixed))

    @activity.defn(name="checkouts.await_payment")
    async def await_payment(self, asked: AwaitPayment) -> None:
        """The shopper must act: keep what they need for it, so that the storefront can ask again."""
        async with self._database.transaction(asked.tenant) as session:
            row = await checkouts.get(session, asked.checkout_id)
            payment = await payments.get(session, asked.payment_id)
            if row.state is CheckoutState.OPEN:
                row.state = CheckoutState.AWAITING_PAYMENT
                message = "Waiting for the shopper to confirm the payment"
                events.record(session, asked.tenant, asked.checkout_id, "payment.action_required", message)
            if payment.state is PaymentState.PENDING:
                payment.state = PaymentState.REQUIRES_ACTION
            payment.intent_id = asked.intent_id
            payment.client_secret = asked.client_secret
            payment.action_url = asked.action_url

    @activity.defn(name="checkouts.close")
    async def close(self, asked: CloseCheckout) -> None:
        """End without an order: stock goes back, the payment is settled as void or failed, the reason is kept."""
        async with self._database.transaction(asked.tenant) as session:
            row = await checkouts.find(session, asked.checkout_id, lock=True)
            if row is None or is_terminal(CHECKOUT_MOVES, row.state):
                return
            released = await stock.move_reservations(
                session, asked.checkout_id, ReservationState.RELEASED, asked.checkout_id
            )
            payment = await payments.get(session, payment_id(asked.tenant, asked.checkout_id))
            if asked.given_back is GivenBack.VOIDED:
                await payments.mark_voided(session, payment, asked.intent_id)
            elif asked.given_back is GivenBack.NOTHING_HELD:
                payment.state = PaymentState.FAILED
                await payments.finish(
                    session, payment.payment_id, OperationKind.AUTHORIZE, error_code=asked.reason.code
                )
            else:  # refunded: that was written down with the refund
                await payments.finish(session, payment.payment_id, OperationKind.AUTHORIZE, provider_id=asked.intent_id)
            row.state, row.reason, row.reason_message = asked.state, asked.reason.code, asked.reason.message
            row.ended_at = now()
            message = f"{asked.state.capitalize()}: {asked.reason.message}"
            events.record(
                session, asked.tenant, asked.checkout_id, f"checkout.{asked.state}", message,
                reason=asked.reason.code, payment=asked.given_back.value, lines_released=released,
            )  # fmt: skip


async def _price(session: AsyncSession, checkout: CheckoutInput) -> Quote:
    book = await catalog.load_price_book(
        session,
        skus=[line.sku for line in checkout.lines],
        currency=checkout.currency,
        country=checkout.address.country,
        shipping_method=checkout.shipping_method,
    )
    return quote(book, checkout.lines, checkout.expected_total_minor)


async def _hold(session: AsyncSession, asked: OpenCheckout) -> None:
    """All lines or none; raises `Refused` for none."""
    lines = merge_lines(asked.checkout.lines)
    if await stock.reserve(session, asked.checkout.checkout_id, lines, asked.expires_at) is None:
        message = "Something in the cart has just sold out. Nothing was charged."
        raise Refused(Refusal(RefusalCode.OUT_OF_STOCK, message))


def _row(asked: OpenCheckout, state: CheckoutState, fixed: Quote | None, why: Refusal | None) -> Checkout:
    checkout = asked.checkout
    return Checkout(
        tenant_id=checkout.tenant,
        checkout_id=checkout.checkout_id,
        fingerprint=checkout.fingerprint,
        state=state,
        payment_mode=checkout.payment_mode,
        reason=why.code if why else None,
        reason_message=why.message if why else None,
        currency=checkout.currency,
        total_minor=fixed.total_minor if fixed else None,
        quote=checkouts.dump_quote(fixed) if fixed else None,
        customer_id=checkout.customer.customer_id,
        customer=asdict(checkout.customer),
        address=asdict(checkout.address),
        shipping_method=checkout.shipping_method,
        expires_at=asked.expires_at,
        ended_at=now() if why else None,
    )


async def _authorization(checkout: CheckoutInput, session: AsyncSession, payment: Payment) -> AuthorizePayment:
    """The pending authorization, journaled before its call leaves; the call to make."""
    begun = await payments.begin(session, payment, OperationKind.AUTHORIZE, payments.CHECKOUT, payment.amount_minor)
    return AuthorizePayment(
        tenant=checkout.tenant,
        payment_id=payment.payment_id,
        checkout_id=checkout.checkout_id,
        idempotency_key=begun.idempotency_key,
        amount_minor=payment.amount_minor,
        currency=checkout.currency,
        mode=checkout.payment_mode,
        payment_method=checkout.payment_method,
        return_url=checkout.return_url,
        customer_id=checkout.customer.customer_id,
        capture=checkout.capture,
        save_card=checkout.save_card,
        provider_customer=await payments.provider_customer(session, checkout.customer.customer_id),
        begun_at=begun.created_at,
    )


async def _journal(session: AsyncSession, checkout: CheckoutInput, fixed: Quote) -> AuthorizePayment:
    """The payment and its pending authorization, before the call leaves."""
    payment = Payment(
        tenant_id=checkout.tenant,
        payment_id=payment_id(checkout.tenant, checkout.checkout_id),
        checkout_id=checkout.checkout_id,
        state=PaymentState.PENDING,
        currency=checkout.currency,
        amount_minor=fixed.total_minor,
    )
    session.add(payment)
    await session.flush()
    total = Money(fixed.total_minor, checkout.currency)
    message = f"Checkout opened: {total}, {fixed.items} items held"
    events.record(session, checkout.tenant, checkout.checkout_id, "checkout.opened", message)
    return await _authorization(checkout, session, payment)


async def _opened_before(session: AsyncSession, checkout: CheckoutInput, row: Checkout) -> CheckoutOpened:
    """What was answered the first time; this activity ran before and its answer was lost."""
    if row.reason is not None:
        return CheckoutOpened(refusal=Refusal(RefusalCode(row.reason), row.reason_message or ""))
    payment = await payments.get(session, payment_id(checkout.tenant, checkout.checkout_id))
    return CheckoutOpened(checkouts.read_quote(row), await _authorization(checkout, session, payment))
