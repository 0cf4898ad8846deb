"""Delivers stored webhooks to their workflows until each is handled; if Temporal is away they wait."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.common import TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from api.resources import Resources
from domain.disputes import DisputeInput, DisputeNews
from domain.ids import checkout_workflow, dispute_workflow, order_workflow, refund_workflow, shipment_workflow
from domain.payments import PaymentMode, PaymentNews
from domain.refunds import RefundInput, RefundNews
from domain.shipments import TrackingNews
from domain.states import CHECKOUT_MOVES, CheckoutState, OperationKind, ShipmentState, is_terminal
from domain.tracking import decides
from gateways.carriers.protocol import MalformedEvent
from gateways.stripe import MalformedEvent as MalformedStripeEvent
from gateways.stripe import StripeEvent
from models import checkouts, events, inbox, orders, payments, refunds, shipments
from models.checkouts import Checkout
from models.inbox import Outcome
from models.orders import Order
from models.payments import Payment
from workflows import attributes

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 0.5
_LEASE_SECONDS = 30.0
_WAIT_FOR_CALL_SECONDS = 2.0
_MOST_WAITS = 10
_AFTER_CAPTURE = ("charge.dispute.", "refund.", "charge.refund.")
_NEWS = frozenset(
    f"payment_intent.{what}"
    for what in (
        "amount_capturable_updated",
        "succeeded",
        "payment_failed",
        "canceled",
        "processing",
        "requires_action",
    )
)


@dataclass(frozen=True)
class _Start:
    """How the workflow to be told is begun, if it is not there."""

    workflow: str
    argument: DisputeInput | RefundInput
    summary: str
    attributes: TypedSearchAttributes
    task_queue: str


@dataclass(frozen=True)
class _Signal:
    """Tell this workflow this."""

    workflow_id: str
    name: str
    news: PaymentNews | TrackingNews | RefundNews | DisputeNews
    start: _Start | None = None


@dataclass(frozen=True)
class _Later:
    """What it is about is still being done; look again in so many seconds."""

    seconds: float


_Decision = _Signal | _Later | Outcome


class Relay:
    """One a process; several share the work, because a message in hand is leased."""

    def __init__(self, resources: Resources) -> None:
        self._shared = resources
        self._tasks: set[asyncio.Task[None]] = set()

    def hurry(self, tenant: str, source: str, event_id: str) -> None:
        """Deliver now, without waiting for the next look."""
        task = asyncio.create_task(self._deliver(tenant, source, event_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self) -> None:
        """Look for what is due, for ever."""
        while True:
            with contextlib.suppress(SQLAlchemyError):
                async with self._shared.database.transaction(None) as session:
                    due = await inbox.due(session, 50)
                for message in due:
                    await self._deliver(*message)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _deliver(self, tenant: str, source: str, event_id: str) -> None:
        """Decide in one transaction, tell the workflow outside any, settle in another."""
        try:
            async with self._shared.database.transaction(tenant) as session:
                message = await inbox.claim(session, source, event_id)
                if message is None:
                    return
                decision = await self._decide(session, message)
                if isinstance(decision, Outcome):
                    inbox.settle(message, decision)
                    return
                inbox.postpone(message, decision.seconds if isinstance(decision, _Later) else _LEASE_SECONDS)
            if isinstance(decision, _Signal):
                outcome = await self._tell(decision)
                async with self._shared.database.transaction(tenant) as session:
                    if message := await inbox.claim(session, source, event_id):
                        inbox.settle(message, outcome)
        except (SQLAlchemyError, RPCError, RuntimeError) as away:
            log.warning("webhook waits", tenant=tenant, source=source, event=event_id, why=type(away).__name__)

    async def _tell(self, signal: _Signal) -> Outcome:
        if signal.start is not None:
            await self._shared.temporal.start_workflow(
                signal.start.workflow,
                signal.start.argument,
                id=signal.workflow_id,
                task_queue=signal.start.task_queue,
                start_signal=signal.name,
                start_signal_args=[signal.news],
                static_summary=signal.start.summary,
                search_attributes=signal.start.attributes,
                rpc_timeout=timedelta(seconds=5),
            )
            return Outcome.DELIVERED
        handle = self._shared.temporal.get_workflow_handle(signal.workflow_id)
        try:
            await handle.signal(signal.name, signal.news, rpc_timeout=timedelta(seconds=5))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Outcome.WORKFLOW_CLOSED
            raise
        return Outcome.DELIVERED

    async def _decide(self, session: AsyncSession, message: inbox.InboxMessage) -> _Decision:
        try:
            if message.source == "stripe":
                return await self._about_payment(session, message)
            return await self._about_parcel(session, message)
        except (MalformedEvent, MalformedStripeEvent):
            return Outcome.MALFORMED

    async def _about_payment(self, session: AsyncSession, message: inbox.InboxMessage) -> _Decision:
        """News is told to the checkout. While our own call is under way its answer comes first."""
        event = self._shared.stripe.parse(message.body)
        if event.type.startswith(_AFTER_CAPTURE):
            return await self._about_money_back(session, message, event)
        if event.type not in _NEWS or event.intent_id is None:
            return Outcome.NO_NEWS
        if event.metadata.get("tenant") != message.tenant_id:
            return Outcome.NOT_FOR_US
        checkout = await checkouts.find(session, event.metadata.get("checkout_id", ""))
        if checkout is None:
            return Outcome.UNKNOWN_OBJECT
        if is_terminal(CHECKOUT_MOVES, checkout.state):
            return _about_order(message, event, checkout)
        own_call = checkout.state is CheckoutState.OPEN and checkout.payment_mode is PaymentMode.SERVER
        if own_call and message.attempts < _MOST_WAITS:
            return _Later(_WAIT_FOR_CALL_SECONDS)
        workflow = checkout_workflow(message.tenant_id, checkout.checkout_id)
        return _Signal(workflow, "payment_news", PaymentNews(event.id, event.type, event.intent_id))

    async def _about_money_back(
        self, session: AsyncSession, message: inbox.InboxMessage, event: StripeEvent
    ) -> _Decision:
        """A refund's or a dispute's workflow is told, and begun if there is none: it looks up what is true."""
        payment = await payments.of_intent(session, event.intent_id or "")
        order = await orders.of_payment(session, payment.payment_id) if payment else None
        if payment is None or order is None or event.subject_id is None:
            return Outcome.UNKNOWN_OBJECT
        tenant, queue = message.tenant_id, self._shared.settings.task_queue
        if event.type.startswith("charge.dispute."):
            return _Signal(
                dispute_workflow(tenant, event.subject_id),
                "dispute_news",
                DisputeNews(event.id, event.type),
                _Start(
                    "Dispute",
                    DisputeInput(tenant, event.subject_id, payment.payment_id, order.order_number),
                    f"Dispute of order {order.order_number}",
                    attributes.beside_order(tenant, order.order_number, "dispute"),
                    queue,
                ),
            )
        if event.subject.get("object") != "refund":
            return Outcome.NO_NEWS
        return await self._about_refund(session, message, event, payment, order)

    async def _about_refund(
        self,
        session: AsyncSession,
        message: inbox.InboxMessage,
        event: StripeEvent,
        payment: Payment,
        order: Order,
    ) -> _Decision:
        """One of ours that is on its way is told to its workflow; what happens afterwards, or was made by hand, to a
        new one."""
        tenant, number = message.tenant_id, event.metadata.get("refund_id", event.subject_id or "")
        row = await payments.operation(session, payment.payment_id, OperationKind.REFUND, number)
        news = RefundNews(event.id, event.type)
        if row is not None and row.state in refunds.ON_THE_WAY:
            return _Signal(refund_workflow(tenant, number), "refund_news", news)
        bad = event.subject.get("status") in ("failed", "canceled")
        if (row is None and "operation" in event.metadata) or (row is not None and (not bad or row.error_code)):
            return Outcome.NO_NEWS
        follow_up = RefundInput(
            tenant=tenant,
            refund_id=number,
            fingerprint="",
            payment_id=payment.payment_id,
            order_number=order.order_number,
            amount_minor=None,
            currency=order.currency,
            reason="made, or changed, at the payment provider",
            actor="the payment provider",
            provider_id=event.subject_id,
        )
        start = _Start(
            "Refund",
            follow_up,
            f"Refund of order {order.order_number}, followed up",
            attributes.beside_order(tenant, order.order_number, "refund"),
            self._shared.settings.task_queue,
        )
        return _Signal(f"{refund_workflow(tenant, number)}/follow-up", "refund_news", news, start)

    async def _about_parcel(self, session: AsyncSession, message: inbox.InboxMessage) -> _Decision:
        """Every scan is recorded; the workflow hears of those that decide something."""
        scan = self._shared.carrier.parse(message.body)
        shipment = await shipments.find(session, scan.reference, lock=True)
        if shipment is None:
            return Outcome.UNKNOWN_OBJECT
        if shipment.carrier_shipment_id is None and message.attempts < _MOST_WAITS:
            return _Later(1.0)  # the label was bought a moment ago and is being written down
        if shipment.carrier_shipment_id != scan.carrier_shipment_id:
            return Outcome.UNKNOWN_OBJECT
        verdict = await shipments.record_scan(session, shipment, scan)
        if verdict is not None:
            order = await shipments.checkout_of(session, shipment)
            kind = "shipment.odd_scan" if verdict.flagged else "shipment.scan"
            where = f" ({scan.location})" if scan.location else ""
            text = f"{scan.description or scan.status}{where}"
            events.record(session, message.tenant_id, order, kind, text, code=scan.carrier_code, status=scan.status)
        handed_over = shipment.state not in (ShipmentState.PENDING, ShipmentState.LABEL_BOUGHT)
        if not decides(scan, handed_over=handed_over):
            return Outcome.NO_NEWS
        news = TrackingNews(scan.event_id, scan.status, scan.occurred_at.isoformat(), scan.description)
        return _Signal(shipment_workflow(message.tenant_id, shipment.shipment_id), "tracking", news)


def _about_order(message: inbox.InboxMessage, event: StripeEvent, checkout: Checkout) -> _Decision:
    """An authorization that ends at the provider, by time or by hand, is news to the order that counts on it."""
    if event.type != "payment_intent.canceled" or checkout.order_number is None or event.intent_id is None:
        return Outcome.NO_NEWS
    news = PaymentNews(event.id, event.type, event.intent_id)
    return _Signal(order_workflow(message.tenant_id, checkout.order_number), "payment_news", news)
