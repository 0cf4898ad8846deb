"""Who is told of a Stripe event: the checkout, the order, or the process of a refund or a dispute.

Nobody acts upon what an event says: they look up what is true. So it does no harm twice, late or in another order.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from api.decisions import MOST_WAITS, Decision, Later, Signal, Start
from domain.disputes import DisputeInput, DisputeNews
from domain.ids import (
    checkout_workflow,
    dispute_workflow,
    membership_workflow,
    order_workflow,
    refund_workflow,
    undo_refund_id,
)
from domain.payments import PaymentMode, PaymentNews
from domain.refunds import RefundInput, RefundNews
from domain.states import CHECKOUT_MOVES, MEMBERSHIP_MOVES, CheckoutState, OperationKind, PaymentState, is_terminal
from gateways.stripe import StripeEvent
from gateways.stripe.events import PAYMENT_NEWS
from models import cancellations, checkouts, memberships, orders, payments, refunds, returns
from models.checkouts import Checkout
from models.inbox import InboxMessage, Outcome
from models.orders import Order
from models.payments import Payment
from workflows import attributes
from workflows.display import dispute_title

WAIT_FOR_CALL_SECONDS = 2.0
_AFTER_CAPTURE = ("charge.dispute.", "refund.", "charge.refund.")


def tells_nothing(event: StripeEvent) -> bool:
    """Whether it is of a kind that nobody is told of: it is kept, and that is all."""
    return not event.type.startswith(_AFTER_CAPTURE) and (event.type not in PAYMENT_NEWS or event.intent_id is None)


def echoes(event: StripeEvent, tenant: str) -> bool:
    """Whether it says what a call of ours did to a payment: the answer to that call comes first, and mostly it then
    tells nothing. What a shopper's browser did has a key of the browser's."""
    return event.type in PAYMENT_NEWS and (event.idempotency_key or "").startswith(f"{tenant}/")


async def about_payment(session: AsyncSession, message: InboxMessage, event: StripeEvent) -> Decision:
    """News is told to the checkout. While our own call is under way its answer comes first."""
    if event.type.startswith(_AFTER_CAPTURE):
        return await _about_money_back(session, message, event)
    if tells_nothing(event) or event.intent_id is None:
        return Outcome.NO_NEWS
    if event.metadata.get("tenant") != message.tenant_id:
        return Outcome.NOT_FOR_US
    if "membership_id" in event.metadata:
        return await _about_membership(session, message, event.metadata["membership_id"], event)
    checkout = await checkouts.find(session, event.metadata.get("checkout_id", ""))
    if checkout is None:
        return Outcome.UNKNOWN_OBJECT
    if is_terminal(CHECKOUT_MOVES, checkout.state):
        return _about_order(message, event, checkout)
    own_call = checkout.state is CheckoutState.OPEN and checkout.payment_mode is PaymentMode.SERVER
    if own_call and message.attempts < MOST_WAITS:
        return Later(WAIT_FOR_CALL_SECONDS)
    workflow = checkout_workflow(message.tenant_id, checkout.checkout_id)
    return Signal(workflow, "payment_news", PaymentNews(event.id, event.type, event.intent_id))


async def _about_membership(
    session: AsyncSession, message: InboxMessage, membership_id: str, event: StripeEvent
) -> Decision:
    """News of what is still to be paid. What is settled here is no news, and needs no waking of a process of years."""
    membership = await memberships.find(session, membership_id)
    if membership is None or event.intent_id is None:
        return Outcome.UNKNOWN_OBJECT
    payment = await payments.of_intent(session, event.intent_id)
    settled = payment is not None and payment.state not in (PaymentState.PENDING, PaymentState.REQUIRES_ACTION)
    if settled or is_terminal(MEMBERSHIP_MOVES, membership.state):
        return Outcome.NO_NEWS
    workflow = membership_workflow(message.tenant_id, membership_id)
    return Signal(workflow, "payment_news", PaymentNews(event.id, event.type, event.intent_id))


async def _about_money_back(session: AsyncSession, message: InboxMessage, event: StripeEvent) -> Decision:
    """A refund's or a dispute's workflow is told, and begun if there is none: it looks up what is true.

    A refund may be of a payment without an order: it was taken while its checkout was given up.
    """
    payment = await payments.of_intent(session, event.intent_id or "")
    order = await orders.of_payment(session, payment.payment_id) if payment else None
    if event.subject_id is None:
        return Outcome.UNKNOWN_OBJECT
    if payment is None:  # it is being written down at this moment, or is not ours
        return Later(WAIT_FOR_CALL_SECONDS) if message.attempts < MOST_WAITS else Outcome.UNKNOWN_OBJECT
    tenant = message.tenant_id
    if event.type.startswith("charge.dispute."):
        number = order.order_number if order else None
        return Signal(
            dispute_workflow(tenant, event.subject_id),
            "dispute_news",
            DisputeNews(event.id, event.type),
            Start(
                "Dispute",
                DisputeInput(tenant, event.subject_id, payment.payment_id, number),
                dispute_title(number),
                attributes.beside_order(tenant, number, "dispute"),
            ),
        )
    if event.subject.get("object") != "refund":
        return Outcome.NO_NEWS
    return await _about_refund(session, message, event, payment, order)


async def _about_refund(
    session: AsyncSession,
    message: InboxMessage,
    event: StripeEvent,
    payment: Payment,
    order: Order | None,
) -> Decision:
    """One of ours that is on its way is told to its workflow. What has none is told to one that follows it up: what
    an undoing made, or a hand at the provider, and what happens after the end."""
    tenant, number = message.tenant_id, event.metadata.get("refund_id", event.subject_id or "")
    row = await payments.operation(session, payment.payment_id, OperationKind.REFUND, number)
    news = RefundNews(event.id, event.type)
    on_the_way = row is not None and row.state in refunds.ON_THE_WAY
    asked_for = "operation" in event.metadata and not await _by_a_process(session, payment, number)
    if on_the_way and asked_for:
        return Signal(refund_workflow(tenant, number), "refund_news", news)
    bad = event.subject.get("status") in ("failed", "canceled")
    if (row is None and "operation" in event.metadata) or (
        row is not None and not on_the_way and (not bad or row.error_code)
    ):
        return Outcome.NO_NEWS
    order_number = order.order_number if order else None
    follow_up = RefundInput(
        tenant=tenant,
        refund_id=number,
        fingerprint="",
        payment_id=payment.payment_id,
        order_number=order_number,
        amount_minor=None,
        currency=payment.currency,
        reason="made, or changed, at the payment provider",
        actor="the payment provider",
        provider_id=event.subject_id,
    )
    start = Start(
        "Refund",
        follow_up,
        f"Refund of order {order_number}, followed up" if order_number else "Refund without an order, followed up",
        attributes.beside_order(tenant, order_number, "refund"),
    )
    return Signal(f"{refund_workflow(tenant, number)}/follow-up", "refund_news", news, start)


def _about_order(message: InboxMessage, event: StripeEvent, checkout: Checkout) -> Decision:
    """An authorization that ends at the provider, by time or by hand, is news to the order that counts on it."""
    if event.type != "payment_intent.canceled" or checkout.order_number is None or event.intent_id is None:
        return Outcome.NO_NEWS
    news = PaymentNews(event.id, event.type, event.intent_id)
    return Signal(order_workflow(message.tenant_id, checkout.order_number), "payment_news", news)


async def _by_a_process(session: AsyncSession, payment: Payment, number: str) -> bool:
    """Whether an undoing, a cancellation or a return made it, which do not stay for what settles for days."""
    if number == undo_refund_id(payment.tenant_id, payment.payment_id):
        return True
    back = "ret_" + number.removeprefix("re_"), "can_" + number.removeprefix("re_")
    return bool(await returns.find(session, back[0]) or await cancellations.find(session, back[1]))
