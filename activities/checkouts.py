"""The database's part of a checkout: open it, note that the shopper must act, end it without an order."""

from temporalio import activity

from activities.drops import pass_on
from domain.checkouts import AwaitPayment, CheckoutOpened, CloseCheckout, GivenBack, HoldLonger, OpenCheckout
from domain.ids import payment_id
from domain.states import (
    CHECKOUT_MOVES,
    CheckoutState,
    OperationKind,
    PaymentState,
    ReservationState,
    is_terminal,
)
from models import checkouts, events, payments, stock
from models.base import now
from models.database import Database
from models.opening import open_many


class CheckoutActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="checkouts.open")
    async def open(self, asked: OpenCheckout) -> CheckoutOpened:
        """Price, reserve and journal the authorization in one transaction; or note why not, holding nothing."""
        async with self._database.transaction(asked.checkout.tenant) as session:
            (opened,) = await open_many(session, [asked])
        return opened

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

    @activity.defn(name="checkouts.extend")
    async def extend(self, asked: HoldLonger) -> None:
        """Checkout and reservations have until then; unless it has ended meanwhile."""
        async with self._database.transaction(asked.tenant) as session:
            row = await checkouts.get(session, asked.checkout_id)
            if is_terminal(CHECKOUT_MOVES, row.state) or row.expires_at >= asked.until:
                return
            row.expires_at = asked.until
            await stock.hold_longer(session, asked.checkout_id, asked.until)
            events.record(session, asked.tenant, asked.checkout_id, "checkout.extended", asked.message)

    @activity.defn(name="checkouts.close")
    async def close(self, asked: CloseCheckout) -> None:
        """End without an order: stock goes back, the payment is settled as void or failed, the reason is kept."""
        await self._close(asked)
        await pass_on(self._database, asked.tenant, asked.checkout_id)

    async def _close(self, asked: CloseCheckout) -> None:
        async with self._database.transaction(asked.tenant) as session:
            row = await checkouts.find(session, asked.checkout_id, lock=True)
            if row is None or is_terminal(CHECKOUT_MOVES, row.state):
                return
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
            await session.flush()
            released = await stock.move_reservations(  # at the end: a crowd wants the same row
                session, asked.checkout_id, ReservationState.RELEASED, asked.checkout_id
            )
            message = f"{asked.state.capitalize()}: {asked.reason.message}"
            events.record(
                session, asked.tenant, asked.checkout_id, f"checkout.{asked.state}", message,
                reason=asked.reason.code, payment=asked.given_back.value, lines_released=released,
            )  # fmt: skip
