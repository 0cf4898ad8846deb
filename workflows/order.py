"""An order's life after the checkout: its parcels go out, arrive, and the return window passes; or it is cancelled."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from activities.orders import OrderActivities
from domain.checkouts import CancelRequest, PlannedParcel
from domain.ids import ORDER_CALL, parcel_call, shipment_workflow
from domain.orders import CancelOrder, CloseOrder, FlagOrder, OrderCall, OrderInput, OrderOutcome, ShipmentNews
from domain.payments import PaymentNews
from domain.shipments import ShipmentInput, ShipmentOutcome
from domain.states import OrderState, ShipmentState
from workflows import attributes
from workflows.desk import LOOK_AGAIN
from workflows.display import Story, order_summary, parcel_summary
from workflows.money_back import give_back
from workflows.policies import in_database
from workflows.reauthorization import LAPSED, lapsed
from workflows.shipment import ShipmentWorkflow

Parcel = ChildWorkflowHandle[ShipmentWorkflow, ShipmentOutcome]


@workflow.defn(name="Order")
class OrderWorkflow:
    """One order, `order/{tenant}/{order number}`. It is in front of support until the return window is over."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        self._in = order
        self._state = OrderState.PLACED
        self._cancel: CancelRequest | None = None
        self._cancel_told = False
        self._cancel_refused = False
        self._seen_to = False
        self._parcels: list[Parcel] = []
        self._calls: dict[str, str] = {}
        self._captured = order.captured
        self._news: PaymentNews | None = None
        self._story = Story(
            order_summary(order.order_number, order.total_minor, order.currency, order.items, order.city)
        )
        self._show(f"Order placed, payment {'captured' if order.captured else 'authorized'}")

    @workflow.run
    async def run(self, order: OrderInput) -> OrderOutcome:
        """Send the parcels → wait for them → close after the return window; or cancel before they leave."""
        self._parcels = [await self._send(parcel) for parcel in order.parcels]
        outcomes = await self._until_parcels_end()
        if all(outcome.state is ShipmentState.CANCELLED for outcome in outcomes):
            await self._undo(outcomes)
        else:
            await self._conclude(outcomes)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return OrderOutcome(order.order_number, self._state)

    async def _send(self, parcel: PlannedParcel) -> Parcel:
        order = self._in
        return await workflow.start_child_workflow(
            ShipmentWorkflow.run,
            ShipmentInput(
                tenant=order.tenant,
                shipment_id=parcel.shipment_id,
                order_number=order.order_number,
                checkout_id=order.checkout_id,
                payment_id=order.payment_id,
                service=order.shipping_method,
                intent_id=order.intent_id,
                capture_before=order.capture_before,
                captured=order.captured,
            ),
            id=shipment_workflow(order.tenant, parcel.shipment_id),
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=attributes.of_shipment(order.tenant, order.order_number),
            static_summary=parcel_summary(order.order_number, order.city),
        )

    async def _until_parcels_end(self) -> list[ShipmentOutcome]:
        """Meanwhile a cancellation is passed on to the parcels, and what happens to the authorization is looked at."""
        arriving = asyncio.gather(*self._parcels)
        while not arriving.done():
            await workflow.wait_condition(lambda: arriving.done() or self._cancel_untold or self._news is not None)
            if self._cancel_untold:
                self._cancel_told = True
                for parcel in self._parcels:
                    await parcel.signal(ShipmentWorkflow.stay)
            if self._news is not None:
                await self._look_at_payment(self._news.intent_id)
        return list(await arriving)

    @property
    def _cancel_untold(self) -> bool:
        return self._cancel is not None and not self._cancel_told

    async def _look_at_payment(self, intent_id: str) -> None:
        """What is true at the provider; a lapse, or a cancellation made there, is written down and told."""
        self._news = None
        if await lapsed(self, self._in.tenant, self._in.payment_id, intent_id) and not self._captured:
            await self.call_person(LAPSED)

    async def _undo(self, outcomes: list[ShipmentOutcome]) -> None:
        """Cancelled before anything left: the money goes back, then the stock."""
        why = self._cancel or CancelRequest("support", "its parcel was cancelled")
        order = self._in
        await give_back(self, order.tenant, order.payment_id)
        await in_database(
            OrderActivities.cancel,
            CancelOrder(order.tenant, order.order_number, order.checkout_id, order.payment_id, why.actor, why.reason),
            "Release the stock",
        )
        self._take_back(*self._calls)  # for what has been undone since; the table says so already
        self._move(OrderState.CANCELLED, f"Cancelled by {why.actor}: {why.reason}")
        for outcome in outcomes:
            if outcome.attention is not None:
                await self.call_person(outcome.attention)

    async def _conclude(self, outcomes: list[ShipmentOutcome]) -> None:
        """Delivered and paid: close after the return window. Anything else waits for a person."""
        odd = [one for one in outcomes if one.state is not ShipmentState.DELIVERED or not one.captured]
        if (odd or self._attention) and not self._seen_to:
            await self.call_person(self._attention or f"a parcel ended {odd[0].state.replace('_', ' ')}")
            await workflow.wait_condition(lambda: self._attention is None)
        if any(one.state is not ShipmentState.DELIVERED for one in outcomes):
            self._show("Ended by a person")
            return
        self._move(OrderState.DELIVERED, "Delivered")
        window = timedelta(seconds=self._in.return_window_seconds)
        if window:
            await workflow.sleep(window, summary=f"Return window of {window.days} days")
        await in_database(
            OrderActivities.close,
            CloseOrder(self._in.tenant, self._in.order_number),
            "Close the order",
        )
        self._move(OrderState.CLOSED, "Return window over, order closed")

    @workflow.update
    async def cancel(self, request: CancelRequest) -> OrderOutcome:
        """Cancel before the parcel leaves: label voided, money given back, stock released."""
        self._cancel, self._cancel_told, self._cancel_refused = request, False, False
        self._show(f"Cancellation asked for by {request.actor}: {request.reason}")
        await workflow.wait_condition(lambda: self._state is OrderState.CANCELLED or self._cancel_refused)
        if self._cancel_refused:
            self._cancel = None
            raise ApplicationError(self._too_late, type="already_shipped")
        return OrderOutcome(self._in.order_number, self._state)

    @cancel.validator
    def _may_cancel(self, request: CancelRequest) -> None:  # noqa: ARG002  # as the update's
        if self._state is not OrderState.PLACED:
            raise ApplicationError(self._too_late, type="already_shipped")
        if self._cancel is not None:
            raise ApplicationError(f"order {self._in.order_number} is being cancelled", type="already_cancelling")

    @property
    def _too_late(self) -> str:
        how = "leaving" if self._state is OrderState.PLACED else self._state
        return f"order {self._in.order_number} is {how}: it can no longer be cancelled, only returned"

    @workflow.update
    async def acknowledge(self, request: CancelRequest) -> None:
        """A person has seen to what needed one; says who, and what was done."""
        self._seen_to = True
        self._take_back(*self._calls)
        await in_database(
            OrderActivities.flag,
            FlagOrder(self._in.tenant, self._in.order_number, None, None),
            "A person has seen to it",
        )
        self._show(f"Seen to by {request.actor}: {request.reason}")
        for parcel in self._parcels:
            if not parcel.done():
                await parcel.signal(ShipmentWorkflow.seen_to)

    @acknowledge.validator
    def _may_acknowledge(self, request: CancelRequest) -> None:  # noqa: ARG002  # as the update's
        if self._attention is None:
            raise ApplicationError(f"order {self._in.order_number} needs nobody", type="nothing_to_acknowledge")

    @workflow.signal(name="shipment_news")
    def shipment_news(self, news: ShipmentNews) -> None:
        """A parcel's word: it left, it needs a person, or it left before the cancellation reached it."""
        if news.cancel_refused:
            self._cancel_refused = True
        self._note_call(parcel_call(news.shipment_id), news.attention)
        if news.state is ShipmentState.HANDED_OVER and self._state is OrderState.PLACED:
            self._captured = self._captured or news.attention is None
            if self._captured:
                self._take_back(ORDER_CALL)
            paid = "payment captured" if self._captured else "payment not captured"
            self._move(OrderState.SHIPPED, f"Parcel handed over, {paid}")
        else:
            self._show(news.attention or "The parcel left before it could be cancelled")

    @workflow.signal(name="payment_news")
    def payment_news(self, news: PaymentNews) -> None:
        """A webhook says that something happened to the authorization. Harmless twice, late, or in any order."""
        if not self._captured and self._cancel is None:
            self._news = news

    @workflow.signal(name="money_news")
    def money_news(self, call: OrderCall) -> None:
        """A refund, a dispute or a drift of this order needs a person, or not any more."""
        if call.reason != self._calls.get(call.source):
            self._note_call(call.source, call.reason)
            self._show(call.reason or "What needed a person is settled")

    async def call_person(self, reason: str) -> None:
        """Bring it before a person: in the table, in the list of the UI, and in its details."""
        self._note_call(ORDER_CALL, reason)
        await in_database(
            OrderActivities.flag,
            FlagOrder(self._in.tenant, self._in.order_number, ORDER_CALL, reason),
            "Call a person",
        )
        self._show(f"Needs a person: {reason}")

    async def wait_for_person(self) -> None:
        """Until somebody has seen to it, or a while has passed."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._attention is None, timeout=LOOK_AGAIN, timeout_summary="Try again by itself"
            )

    async def calm(self) -> None:
        """It has worked in the end."""
        if ORDER_CALL not in self._calls:
            return
        self._take_back(ORDER_CALL)
        flag = FlagOrder(self._in.tenant, self._in.order_number, ORDER_CALL, None)
        await in_database(OrderActivities.flag, flag, "It has worked in the end")
        self._show("It has worked in the end")

    @property
    def _attention(self) -> str | None:
        """Why a person is needed, whoever calls."""
        return "; ".join(self._calls[source] for source in sorted(self._calls)) or None

    def _note_call(self, source: str, reason: str | None) -> None:
        """Somebody calls a person for this order, or takes their call back. What is known is told to nobody."""
        if reason == self._calls.get(source):
            return
        if reason is None:
            self._take_back(source)
            return
        if not self._calls:
            workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        self._calls[source], self._seen_to = reason, False

    def _take_back(self, *sources: str) -> None:
        called = bool(self._calls)
        for source in sources:
            self._calls.pop(source, None)
        if called and not self._calls:
            workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])

    def _move(self, state: OrderState, line: str) -> None:
        self._state = state
        workflow.upsert_search_attributes([attributes.STAGE.value_set(state.value)])
        self._show(line)

    def _show(self, line: str) -> None:
        self._story.add(workflow.now(), line)
        acts = ("cancel",) if self._state is OrderState.PLACED else ()
        if self._attention:
            acts = (*acts, "acknowledge")
        workflow.set_current_details(self._story.render(self._state, attention=self._attention, acts=acts))
