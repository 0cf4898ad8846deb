"""From a cart to an order: price and reserve, authorize, place; or undo it all and say why."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception
from temporalio.workflow import ParentClosePolicy

from activities.checkouts import CheckoutActivities
from activities.journal import JournalActivities
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from domain.checkouts import (
    SHOPPER,
    AwaitPayment,
    CancelRequest,
    CheckoutAnswer,
    CheckoutInput,
    CheckoutOpened,
    CloseCheckout,
    ExtendReservation,
    GivenBack,
    HoldLonger,
    OpenCheckout,
    OrderPlaced,
    PlaceOrder,
)
from domain.ids import order_workflow
from domain.money import Money
from domain.orders import OrderInput
from domain.payments import (
    AuthorizationFact,
    AuthorizePayment,
    KeySpent,
    LookUpPayment,
    PaymentActionRequired,
    PaymentAuthorized,
    PaymentCancelled,
    PaymentDeclined,
    PaymentFact,
    PaymentMode,
    PaymentNews,
    PaymentProcessing,
)
from domain.pricing import Quote
from domain.refusals import Refusal, RefusalCode
from domain.states import CheckoutState
from domain.stock import Backordered
from domain.support import CHECKOUT_ACTS, CheckoutFacts, possible, refuse_longer
from workflows import attributes
from workflows.acting import refuse_act, refuse_unsigned
from workflows.desk import LOOK_AGAIN
from workflows.display import Story, order_summary
from workflows.money_back import give_back
from workflows.order import OrderWorkflow
from workflows.policies import (
    ASK_AGAIN_WHILE_PROCESSING,
    LOOK_WITHOUT_NEWS,
    WHILE_SHOPPER_WAITS,
    in_database,
    outside,
)
from workflows.priorities import NOBODY_WAITS
from workflows.saga import Saga


class Ended(ApplicationError):
    """The checkout ends without an order, in this state and for this reason."""

    def __init__(self, state: CheckoutState, refusal: Refusal) -> None:
        super().__init__(refusal.message, type=refusal.code, non_retryable=True)
        self.state, self.refusal = state, refusal


@workflow.defn(name="Checkout")
class CheckoutWorkflow:
    """One checkout, `checkout/{tenant}/{checkout id}`; ends as a `CheckoutAnswer` in one of the terminal states."""

    @workflow.init
    def __init__(self, checkout: CheckoutInput) -> None:
        self._in = checkout
        self._expires_at = _expires_at(checkout) or workflow.now() + timedelta(
            seconds=checkout.policy.reservation_ttl_seconds
        )
        self._longest = self._expires_at + timedelta(seconds=checkout.policy.extension_limit_seconds)
        self._answer: CheckoutAnswer | None = None
        self._cancel: CancelRequest | None = None
        self._news = False
        self._waiting = False
        self._looks = 0
        self._intent_id: str | None = None
        self._authorization: AuthorizePayment | None = None
        self._backordered: tuple[Backordered, ...] = ()
        self._given_back = GivenBack.NOTHING_HELD
        self._story = Story(f"Checkout {checkout.checkout_id}")

    @workflow.run
    async def run(self, checkout: CheckoutInput) -> CheckoutAnswer:
        """Price and reserve → authorize → place the order → let it go its own way."""
        try:
            async with Saga() as saga:
                opened = await self._open(saga)
                authorized = await self._authorize(saga, opened)
                placed = await in_database(
                    OrderActivities.place,
                    PlaceOrder(checkout.tenant, checkout.checkout_id, authorized, checkout.policy.ship_within_seconds),
                    f"Place the order: {self._total(opened)} held",
                )
                saga.keep()  # past this line nothing is undone
            self._tell(CheckoutState.COMPLETED, order_number=placed.order_number)
            await self._start_order(_quote(opened), authorized, placed)
        except (ApplicationError, ActivityError, asyncio.CancelledError) as error:
            state, refusal = _ending(error)
            self._tell(state, refusal=refusal)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._final()

    async def _open(self, saga: Saga) -> CheckoutOpened:
        """Price, reserve and journal in one transaction, unless the API has. Nothing is held when it refuses."""
        saga.on_failure(self._close)
        opened = self._in.opened
        if opened is None:
            opened = await in_database(
                CheckoutActivities.open,
                OpenCheckout(self._in, self._expires_at),
                f"Price and reserve {len(self._in.lines)} lines",
            )
        if opened.refusal:
            saga.keep()
            raise Ended(CheckoutState.FAILED, opened.refusal)
        self._authorization, self._backordered = opened.authorization, _quote(opened).backordered
        self._story.add(workflow.now(), f"Reserved: {self._total(opened)}")
        return opened

    async def _authorize(self, saga: Saga, opened: CheckoutOpened) -> PaymentAuthorized:
        """Ask for the money, and wait for the shopper if they must act, until the reservation's time is up."""
        if opened.authorization is None:
            raise RuntimeError("an opened checkout has its authorization")
        saga.on_failure(self._give_back)
        fact = await self._ask_for_money(opened.authorization)
        refused = set[str]()
        while True:
            self._intent_id = fact.intent_id or self._intent_id
            self._stop_if_cancelled()
            if isinstance(fact, PaymentAuthorized):
                return fact
            if isinstance(fact, PaymentDeclined):
                refused.add(fact.attempt_id or fact.refusal.code)
                if self._in.payment_mode is PaymentMode.SERVER or len(refused) >= self._attempts:
                    raise Ended(CheckoutState.FAILED, fact.refusal)
            if isinstance(fact, PaymentCancelled):
                message = "The payment was cancelled at the payment provider."
                raise Ended(CheckoutState.FAILED, Refusal(RefusalCode.PAYMENT_REJECTED, message))
            await self._ask_shopper(fact)
            in_time = await self._wait_for_news(processing=isinstance(fact, PaymentProcessing))
            self._stop_if_cancelled()
            fact = await self._look_up()
            if not in_time and not isinstance(fact, PaymentAuthorized | PaymentProcessing):
                message = "The reservation's time was up before the payment was confirmed. Nothing was charged."
                raise Ended(CheckoutState.EXPIRED, Refusal(RefusalCode.RESERVATION_EXPIRED, message))

    async def _ask_for_money(self, asked: AuthorizePayment) -> AuthorizationFact:
        """One authorization; under another key when the first one's is spent without anything having happened."""
        while True:
            total = Money(asked.amount_minor, asked.currency)
            fact: PaymentFact = await outside(
                PaymentActivities.authorize, asked, f"Authorize {total}", WHILE_SHOPPER_WAITS
            )
            if not isinstance(fact, KeySpent):
                return fact
            asked = self._authorization = await in_database(
                JournalActivities.renew_authorization, asked, f"The authorization's key is spent: {fact.reason}"
            )

    async def _ask_shopper(self, fact: PaymentActionRequired | PaymentProcessing | PaymentDeclined) -> None:
        """Give the storefront what the shopper needs; written down once, and again when it changes."""
        secret, url = fact.client_secret, getattr(fact, "action_url", None)
        if self._answer and (self._answer.client_secret, self._answer.action_url) == (secret, url):
            return
        await in_database(
            CheckoutActivities.await_payment,
            AwaitPayment(
                self._in.tenant,
                self._in.checkout_id,
                self._payment_id,
                fact.intent_id or "",
                secret or "",
                url,
            ),
            "The shopper must confirm the payment",
        )
        self._story.add(workflow.now(), "Waiting for the shopper to confirm the payment")
        self._tell(CheckoutState.AWAITING_PAYMENT, client_secret=secret, action_url=url)

    async def _wait_for_news(self, *, processing: bool) -> bool:
        """False when the reservation's time is up. A webhook may never come: look now and then all the same."""
        left = self._expires_at - workflow.now()
        if left <= timedelta(0):
            left = ASK_AGAIN_WHILE_PROCESSING if processing else timedelta(0)
        patience = LOOK_WITHOUT_NEWS[min(self._looks, len(LOOK_WITHOUT_NEWS) - 1)]
        until = "Look at the payment" if patience < left else f"Reservation until {self._expires_at:%H:%M:%S} UTC"
        self._waiting = True
        try:
            await workflow.wait_condition(
                lambda: self._news or self._cancel is not None,
                timeout=min(left, patience),
                timeout_summary=until,
            )
        except TimeoutError:
            return patience < left or self._expires_at > workflow.now()
        finally:
            self._news = self._waiting = False
        return True

    async def _look_up(self) -> AuthorizationFact:
        """What is true at the provider: webhooks may be late, twice or out of order, so they only make us look."""
        look_up = LookUpPayment(self._in.tenant, self._payment_id, self._intent_id or "")
        fact: AuthorizationFact = await outside(PaymentActivities.look_up, look_up, "Look up the payment")
        self._looks += 1
        return fact

    async def _give_back(self, _: BaseException) -> None:
        """Undo of the authorization: void it, or refund it if it was taken; for as long as it takes."""
        self._given_back, self._intent_id = await give_back(
            self,
            self._in.tenant,
            self._payment_id,
            intent_id=self._intent_id,
            authorization=self._authorization,
        )

    async def _close(self, error: BaseException) -> None:
        """Undo of the reservation: stock goes back, and the reason is written down."""
        state, refusal = _ending(error)
        await in_database(
            CheckoutActivities.close,
            CloseCheckout(self._in.tenant, self._in.checkout_id, state, refusal, self._intent_id, self._given_back),
            f"Release the stock: {refusal.code}",
        )

    async def _start_order(self, quote: Quote, authorized: PaymentAuthorized, placed: OrderPlaced) -> None:
        """The order goes on alone, whatever becomes of this workflow."""
        checkout = self._in
        order = OrderInput(
            tenant=checkout.tenant,
            order_number=placed.order_number,
            checkout_id=checkout.checkout_id,
            payment_id=self._payment_id,
            intent_id=authorized.intent_id,
            customer_id=checkout.customer.customer_id,
            currency=checkout.currency,
            total_minor=quote.total_minor,
            items=quote.items,
            city=checkout.address.city,
            skus=tuple(line.sku for line in quote.lines),
            parcels=placed.parcels,
            shipping_method=checkout.shipping_method,
            capture_before=authorized.capture_before,
            return_window_seconds=checkout.policy.return_window_seconds,
            captured=authorized.captured is not None,
        )
        await workflow.start_child_workflow(
            OrderWorkflow.run,
            order,
            id=order_workflow(checkout.tenant, placed.order_number),
            task_queue=checkout.orders_queue,
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=attributes.of_order(order),
            static_summary=order_summary(
                order.order_number, order.total_minor, order.currency, order.items, order.city
            ),
            priority=NOBODY_WAITS,
        )

    @workflow.update
    async def begin(self) -> CheckoutAnswer:
        """Begin, and wait for the first thing the storefront must know: placed, refused, or the shopper must act."""
        await workflow.wait_condition(lambda: self._answer is not None)
        return self._final()

    @workflow.update
    async def confirm(self) -> CheckoutAnswer:
        """The shopper says it is done: look at once instead of waiting for the webhook."""
        before = self._looks
        self._news = True
        await workflow.wait_condition(lambda: self._ended or (self._looks > before and self._waiting))
        return self._final()

    @confirm.validator
    def _may_confirm(self) -> None:
        if self._answer is None or self._answer.state is not CheckoutState.AWAITING_PAYMENT:
            raise ApplicationError("this checkout is not waiting for a payment", type="not_awaiting_payment")

    @workflow.update
    async def cancel(self, request: CancelRequest) -> CheckoutAnswer:
        """The shopper, or support, gives it up: what is held goes back."""
        self._cancel = request
        await workflow.wait_condition(lambda: self._ended)
        answer = self._final()
        if answer.state is CheckoutState.COMPLETED:
            message = f"order {answer.order_number} was placed before the cancellation; cancel the order"
            raise ApplicationError(message, type="already_placed")
        return answer

    @cancel.validator
    def _may_cancel(self, request: CancelRequest) -> None:  # noqa: ARG002  # as the update's
        if self._ended:
            raise ApplicationError(f"this checkout is {self._final().state}", type="already_ended")

    @workflow.update
    async def extend_reservation(self, asked: ExtendReservation) -> CheckoutAnswer:
        """The stock is held so many seconds longer, up to the limit."""
        self._expires_at += timedelta(seconds=asked.seconds)
        until = f"{self._expires_at:%H:%M:%S} UTC"
        line = f"Held until {until}, {asked.seconds} s longer, by {asked.actor}: {asked.reason}"
        longer = HoldLonger(self._in.tenant, self._in.checkout_id, self._expires_at, line)
        await in_database(CheckoutActivities.extend, longer, f"Hold the stock until {until}")
        self._story.add(workflow.now(), line)
        if not self._ended:
            self._answer = replace(self._final(), expires_at=self._expires_at)
            self._show(CheckoutState.AWAITING_PAYMENT)
        return self._final()

    @extend_reservation.validator
    def _may_extend(self, asked: ExtendReservation) -> None:
        refuse_unsigned(asked.actor, asked.reason)
        refuse_act(CHECKOUT_ACTS, "extend_reservation", self._facts)
        if why := refuse_longer(self._facts, asked.seconds):
            raise ApplicationError(why.message, type=why.code)

    @property
    def _facts(self) -> CheckoutFacts:
        left = self._longest - self._expires_at
        state = self._answer.state if self._answer else CheckoutState.OPEN
        return CheckoutFacts(state, self._expires_at <= workflow.now(), int(left.total_seconds()))

    def _show(self, state: CheckoutState) -> None:
        acts = ("confirm", "cancel", *possible(CHECKOUT_ACTS, self._facts))
        waiting = state is CheckoutState.AWAITING_PAYMENT
        workflow.set_current_details(self._story.render(state, acts=acts if waiting else ()))

    @workflow.signal(name="payment_news")
    def payment_news(self, news: PaymentNews) -> None:
        """A webhook says that something happened to the intent. Harmless twice, late, or in any order."""
        self._intent_id = self._intent_id or news.intent_id
        self._news = True

    @property
    def _ended(self) -> bool:
        waiting = (CheckoutState.OPEN, CheckoutState.AWAITING_PAYMENT)
        return self._answer is not None and self._answer.state not in waiting

    @property
    def _attempts(self) -> int:
        return self._in.policy.client_payment_attempts

    @property
    def _payment_id(self) -> str:
        if self._authorization is None:
            raise RuntimeError("there is no payment before the checkout is opened")
        return self._authorization.payment_id

    def _total(self, opened: CheckoutOpened) -> str:
        return str(Money(_quote(opened).total_minor, self._in.currency))

    def _stop_if_cancelled(self) -> None:
        if self._cancel is not None:
            by_shopper = self._cancel.actor == SHOPPER
            code = RefusalCode.CANCELLED_BY_SHOPPER if by_shopper else RefusalCode.CANCELLED_BY_SUPPORT
            raise Ended(
                CheckoutState.CANCELLED, Refusal(code, f"Cancelled by {self._cancel.actor}: {self._cancel.reason}")
            )

    async def call_person(self, reason: str) -> None:
        """Support finds this workflow by `NeedsAttention` and reads the reason in its details."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        self._story.add(workflow.now(), f"Needs a person: {reason}")
        workflow.set_current_details(self._story.render("undoing", attention=reason))

    async def wait_for_person(self) -> None:
        """What was called for is mended elsewhere: try again after a while."""
        await workflow.sleep(LOOK_AGAIN, summary="Try again")

    async def calm(self) -> None:
        """It has worked in the end."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])

    def _tell(
        self,
        state: CheckoutState,
        *,
        order_number: str | None = None,
        client_secret: str | None = None,
        action_url: str | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Publish where the checkout stands: to those who wait, and to support."""
        waiting = state is CheckoutState.AWAITING_PAYMENT
        self._answer = CheckoutAnswer(
            checkout_id=self._in.checkout_id,
            fingerprint=self._in.fingerprint,
            state=state,
            total_minor=self._authorization.amount_minor if self._authorization else None,
            order_number=order_number,
            client_secret=client_secret,
            action_url=action_url,
            expires_at=self._expires_at if waiting else None,
            refusal=refusal,
            backordered=() if refusal else self._backordered,
        )
        if refusal:
            self._story.add(workflow.now(), f"Ended: {refusal.message}")
        if order_number:
            self._story.add(workflow.now(), f"Order {order_number} placed")
        self._show(state)

    def _final(self) -> CheckoutAnswer:
        if self._answer is None:
            raise RuntimeError("nothing has been told yet")
        return self._answer


def _expires_at(checkout: CheckoutInput) -> datetime | None:
    """Until when the stock is held, of a checkout that was opened before its workflow began."""
    return checkout.opened.expires_at if checkout.opened else None


def _quote(opened: CheckoutOpened) -> Quote:
    if opened.quote is None:
        raise RuntimeError("an opened checkout has its quote")
    return opened.quote


def _ending(error: BaseException) -> tuple[CheckoutState, Refusal]:
    """The state and the typed reason an error ends a checkout with."""
    if isinstance(error, Ended):
        return error.state, error.refusal
    if is_cancelled_exception(error):  # at a timer, or during a step
        message = "Cancelled by support. Nothing was charged."
        return CheckoutState.CANCELLED, Refusal(RefusalCode.CANCELLED_BY_SUPPORT, message)
    if isinstance(error, ActivityError) and error.activity_type.startswith("payments."):
        message = "The payment provider could not be reached. Nothing was charged. Try again in a moment."
        return CheckoutState.FAILED, Refusal(RefusalCode.PAYMENT_UNAVAILABLE, message)
    message = "Something went wrong on our side. Nothing was charged."
    return CheckoutState.FAILED, Refusal(RefusalCode.INTERNAL_FAULT, message)
