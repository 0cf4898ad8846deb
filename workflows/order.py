"""An order's life after the checkout: its parcels go out, arrive, and the return window passes; or it is cancelled."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

from activities.orders import OrderActivities
from domain.addresses import ChangeAddress
from domain.checkouts import CancelRequest, PlannedParcel
from domain.ids import ORDER_CALL, parcel_call, shipment_workflow
from domain.orders import CloseOrder, OrderCall, OrderInput, OrderOutcome, ShipmentNews
from domain.payments import PaymentNews
from domain.resolving import Resolve
from domain.shipments import PROCESS, ShipmentInput, ShipmentOutcome
from domain.states import OrderState, ShipmentState
from domain.support import HERE, Trouble
from workflows import attributes
from workflows.acting import refuse_order_act
from workflows.addressing import change_address
from workflows.cancelling import cancel, claim_labels, release_rest, undo
from workflows.display import parcel_summary
from workflows.holding import hold, note, release
from workflows.order_page import Handle, OrderPage
from workflows.parcel import WAITING
from workflows.paying_again import retry_payment
from workflows.policies import LOOK_DAILY, in_database
from workflows.reauthorization import LAPSED, lapsed
from workflows.resolving import refuse as refuse_resolve
from workflows.resolving import resolve
from workflows.shipment import ShipmentWorkflow


@workflow.defn(name="Order")
class OrderWorkflow:
    """One order, `order/{tenant}/{order number}`. It is in front of support until the return window is over.

    An act of a person is an update here, a module of its own (`cancelling.py`), and what it works on is the page.
    """

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        self._page = OrderPage(order)
        self._return_ended = False
        self._claimed: set[str] = set()
        self._page.show(f"Order placed, payment {'captured' if order.captured else 'authorized'}")

    @workflow.run
    async def run(self, order: OrderInput) -> OrderOutcome:
        """Send the parcels → wait for them → close after the return window; or cancel before they leave."""
        for parcel in order.parcels:
            self._page.parcels[parcel.shipment_id] = await self._send(parcel)
        outcomes = await self._until_parcels_end()
        while not all(outcome.state is ShipmentState.CANCELLED for outcome in outcomes):
            await workflow.wait_condition(lambda: not self._page.cancels)
            if await self._conclude(outcomes):
                break
            outcomes = await self._until_parcels_end()
        else:
            await undo(self._page, outcomes)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return OrderOutcome(order.order_number, self._page.state)

    async def _send(self, parcel: PlannedParcel, *, paid: bool = False) -> Handle:
        order = self._page.input
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
                captured=order.captured or paid,
                waits_for_stock=parcel.waits_for_stock,
                held=self._page.held,
                ship_by=parcel.ship_by,
                process=PROCESS,
            ),
            id=shipment_workflow(order.tenant, parcel.shipment_id),
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=attributes.of_shipment(
                order.tenant, order.order_number, WAITING if parcel.waits_for_stock else "packing"
            ),
            static_summary=parcel_summary(order.order_number, order.city),
        )

    async def _until_parcels_end(self) -> list[ShipmentOutcome]:
        """Meanwhile, what happens to the authorization is looked at."""
        page = self._page
        while page.under_way():
            await workflow.wait_condition(lambda: not page.under_way() or page.news is not None)
            if page.news is not None:
                await self._look_at_payment(page.news.intent_id)
        return [await one for one in page.parcels.values()]

    async def _look_at_payment(self, intent_id: str) -> None:
        """What is true at the provider; a lapse, or a cancellation made there, is written down and told."""
        page = self._page
        page.news = None
        if await lapsed(page, page.input.tenant, page.input.payment_id, intent_id) and not page.captured:
            page.lapsed = True
            await page.call_person(LAPSED)

    async def _conclude(self, outcomes: list[ShipmentOutcome]) -> bool:
        """Delivered and paid: close after the return window. Anything else waits for a person.

        False: something is sent again, or waited for.
        """
        page = self._page
        await workflow.wait_condition(lambda: not page.resolving)
        if page.under_way():
            return False
        sent = self._counting(outcomes)
        if len(outcomes) > 1:
            await claim_labels(page, [one for one in outcomes if one.shipment_id not in self._claimed])
            self._claimed |= {one.shipment_id for one in outcomes}
            await release_rest(page)
        odd = [one for one in sent if one.state is not ShipmentState.DELIVERED or not one.captured]
        if (odd or page.attention) and not page.seen_to:
            if page.attention is None:
                await page.call_person(f"a parcel ended {odd[0].state.replace('_', ' ')}")
            await workflow.wait_condition(lambda: page.attention is None or page.under_way())
            await workflow.wait_condition(lambda: not page.resolving)
            if page.under_way():
                return False
            sent = self._counting(outcomes)
        if not sent or any(one.state is not ShipmentState.DELIVERED for one in sent):
            page.ended = True
            ended = CloseOrder(page.input.tenant, page.input.order_number)
            await in_database(OrderActivities.end, ended, "Ended by a person")
            page.show("Ended by a person")
            return True
        page.move(OrderState.DELIVERED, "Delivered")
        window = timedelta(seconds=page.input.return_window_seconds)
        if window:
            await workflow.sleep(window, summary=f"Return window of {window.days} days")
        close = CloseOrder(page.input.tenant, page.input.order_number)
        while await in_database(OrderActivities.close, close, "Close the order"):
            page.show("Return window over; what is to come back is waited for")
            await self._until_return_ends()
        page.move(OrderState.CLOSED, "Return window over, order closed")
        return True

    def _counting(self, outcomes: list[ShipmentOutcome]) -> list[ShipmentOutcome]:
        """Parcels that were to arrive, but for those that others went for, or that were paid back."""
        gone = self._page.resolved
        return [one for one in outcomes if one.state is not ShipmentState.CANCELLED and one.shipment_id not in gone]

    async def _until_return_ends(self) -> None:
        """A return's word, or a day: it may never come."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._return_ended, timeout=LOOK_DAILY, timeout_summary="Look whether a return has ended"
            )
        self._return_ended = False

    @workflow.signal(name="return_ended")
    def return_ended(self) -> None:
        """A return of this order has ended. Harmless twice, and before anybody waits for it."""
        self._return_ended = True

    @workflow.update
    async def cancel(self, request: CancelRequest) -> OrderOutcome:
        """Cancel what has not left, or some of it: labels voided, money given back, stock released."""
        await cancel(self._page, request)
        return OrderOutcome(self._page.input.order_number, self._page.state)

    @cancel.validator
    def _may_cancel(self, request: CancelRequest) -> None:
        self._refuse("cancel", request)

    @workflow.update
    async def acknowledge(self, request: CancelRequest) -> None:
        """A person has seen to what needed one; says who, and what was done."""
        await self._page.acknowledge(request)

    @acknowledge.validator
    def _may_acknowledge(self, request: CancelRequest) -> None:
        self._refuse("acknowledge", request)

    @workflow.update
    async def hold(self, request: CancelRequest) -> None:
        """Keep what has not left until it is released."""
        await hold(self._page, request)

    @hold.validator
    def _may_hold(self, request: CancelRequest) -> None:
        self._refuse("hold", request)

    @workflow.update
    async def release(self, request: CancelRequest) -> None:
        """What was held may leave."""
        await release(self._page, request)

    @release.validator
    def _may_release(self, request: CancelRequest) -> None:
        self._refuse("release", request)

    @workflow.update
    async def note(self, request: CancelRequest) -> None:
        """What the next person should know."""
        await note(self._page, request)

    @note.validator
    def _may_note(self, request: CancelRequest) -> None:
        self._refuse("note", request)

    def _refuse(self, act: str, request: CancelRequest | ChangeAddress | Resolve) -> None:
        refuse_order_act(act, self._page.facts, request.actor, request.reason)

    @workflow.update
    async def change_address(self, asked: ChangeAddress) -> None:
        """It goes to another address of the same country, while it has no label."""
        await change_address(self._page, asked)

    @change_address.validator
    def _may_change_address(self, asked: ChangeAddress) -> None:
        self._refuse("change_address", asked)

    @workflow.update
    async def retry_payment(self, request: CancelRequest) -> None:
        """A refused capture again, or an authorization anew."""
        await retry_payment(self._page, request)

    @retry_payment.validator
    def _may_retry_payment(self, request: CancelRequest) -> None:
        self._refuse("retry_payment", request)

    @workflow.update
    async def resolve(self, asked: Resolve) -> None:
        """What becomes of a parcel that did not arrive: sent again, paid back, or waited for."""
        await resolve(self._page, asked, lambda parcel: self._send(parcel, paid=True))

    @resolve.validator
    def _may_resolve(self, asked: Resolve) -> None:
        self._refuse("resolve", asked)
        refuse_resolve(self._page, asked)

    @workflow.signal(name="shipment_news")
    def shipment_news(self, news: ShipmentNews) -> None:
        """A parcel's word: it left, it needs a person, or it left before the cancellation reached it."""
        page = self._page
        called = parcel_call(news.shipment_id) in page.calls
        page.heard[news.shipment_id] = news
        page.note_call(parcel_call(news.shipment_id), news.attention)
        if all(one.shipment_id != news.shipment_id for one in page.planned):
            page.show(news.attention or f"What is sent beside it: {news.state.replace('_', ' ')}")
            return
        ended_unpaid = news.trouble is Trouble.CAPTURE and news.state not in HERE
        left = news.state is ShipmentState.HANDED_OVER or ended_unpaid
        if left:
            page.gone.add(news.shipment_id)
        if news.cancel_refused:
            page.too_late.add(news.shipment_id)
        if not left:
            late, calm = "The parcel left before it could be cancelled", "What needed a person is settled"
            if called or news.attention or news.cancel_refused:
                page.show(news.attention or (late if news.cancel_refused else calm))
            return
        page.captured = page.captured or news.attention is None
        if page.captured:
            page.take_back(ORDER_CALL)
        line = f"{self._name(news.shipment_id)} handed over, payment {'' if page.captured else 'not '}captured"
        if page.state is OrderState.PLACED:
            page.move(OrderState.SHIPPED, line)
        else:
            page.show(news.attention or line)

    def _name(self, shipment_id: str) -> str:
        parcels = list(self._page.parcels)
        if len(parcels) < 2 or shipment_id not in parcels:
            return "Parcel"
        return f"Parcel {parcels.index(shipment_id) + 1} of {len(parcels)}"

    @workflow.signal(name="payment_news")
    def payment_news(self, news: PaymentNews) -> None:
        """A webhook says that something happened to the authorization. Harmless twice, late, or in any order."""
        if not self._page.captured and not self._page.cancels:
            self._page.news = news

    @workflow.signal(name="money_news")
    def money_news(self, call: OrderCall) -> None:
        """A refund, a dispute or a drift of this order needs a person, or not any more."""
        if call.reason != self._page.calls.get(call.source):
            self._page.note_call(call.source, call.reason)
            self._page.show(call.reason or "What needed a person is settled")
