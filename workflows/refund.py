"""A refund: set aside, asked for, followed until the customer's bank has it or refuses it."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.orders import OrderActivities
from domain.ids import order_workflow, refund_call
from domain.journal import BeginRefund
from domain.money import Money
from domain.orders import FlagOrder, OrderCall
from domain.payments import RefundFailed, RefundMade
from domain.refunds import RefundAnswer, RefundInput, RefundNews, RefundState
from workflows import attributes
from workflows.desk import LOOK_AGAIN
from workflows.display import Story
from workflows.money_back import look_up_refund, record_refund, refund
from workflows.orders_page import tell_order
from workflows.policies import LOOK_DAILY, in_database


@workflow.defn(name="Refund")
class RefundWorkflow:
    """One refund, `refund/{tenant}/{refund id}`. Begun again for one that ended, it looks up what has become of it."""

    @workflow.init
    def __init__(self, asked: RefundInput) -> None:
        self._in = asked
        self._answer: RefundAnswer | None = None
        self._news = False
        self._story = Story(
            f"Refund of order {asked.order_number}" if asked.order_number else "Refund without an order"
        )

    @workflow.run
    async def run(self, asked: RefundInput) -> RefundAnswer:
        """Ask for it → wait for the bank → tell support when it did not arrive."""
        if asked.provider_id is not None:
            fact = await look_up_refund(self, asked.tenant, asked.provider_id)
            await record_refund(asked.tenant, asked.payment_id, asked.refund_id, fact)
        else:
            fact = await refund(self, self._begin)
        while isinstance(fact, RefundMade) and fact.settling:
            self._tell(RefundState.SETTLING, fact)
            await self._wait_for_news()
            fact = await look_up_refund(self, asked.tenant, fact.provider_id)
            await record_refund(asked.tenant, asked.payment_id, asked.refund_id, fact)
        self._tell(RefundState.FAILED if isinstance(fact, RefundFailed) else RefundState.SUCCEEDED, fact)
        if isinstance(fact, RefundFailed) and fact.provider_id is not None:
            await self.call_person(f"a refund did not reach the customer: {fact.refusal.message} Send it another way")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._final()

    @property
    def _begin(self) -> BeginRefund:
        asked = self._in
        return BeginRefund(
            asked.tenant, asked.payment_id, asked.refund_id, asked.amount_minor, asked.reason, asked.actor
        )

    async def _wait_for_news(self) -> None:
        """A webhook, or a day: it may never come."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._news, timeout=LOOK_DAILY, timeout_summary="Look at the refund")
        self._news = False

    @workflow.update
    async def begin(self) -> RefundAnswer:
        """Begin, and wait until it is refused or the provider has it."""
        await workflow.wait_condition(lambda: self._answer is not None)
        return self._final()

    @workflow.signal(name="refund_news")
    def refund_news(self, news: RefundNews) -> None:  # noqa: ARG002  # it only makes us look
        """A webhook says that something happened to the refund. Harmless twice, late, or in any order."""
        self._news = True

    async def call_person(self, reason: str) -> None:
        """Bring it before a person: here, and on the order's page if there is an order."""
        self._story.add(workflow.now(), f"Needs a person: {reason}")
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        workflow.set_current_details(self._story.render("refund", attention=reason))
        await self._flag_order(reason, "Call a person")

    async def wait_for_person(self) -> None:
        """What was called for is mended elsewhere: try again after a while."""
        await workflow.sleep(LOOK_AGAIN, summary="Try again")

    async def calm(self) -> None:
        """It has worked in the end."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])
        await self._flag_order(None, "It has worked in the end")

    async def _flag_order(self, reason: str | None, summary: str) -> None:
        """On the order's row and page. What was paid for no order has neither."""
        number = self._in.order_number
        if number is None:
            return
        source = refund_call(self._in.refund_id)
        await in_database(OrderActivities.flag, FlagOrder(self._in.tenant, number, source, reason), summary)
        await tell_order(order_workflow(self._in.tenant, number), OrderCall(source, reason))

    def _tell(self, state: RefundState, fact: RefundMade | RefundFailed) -> None:
        """Publish how it stands: to those who wait, and to support."""
        refusal = fact.refusal if isinstance(fact, RefundFailed) else None
        amount = fact.amount_minor if isinstance(fact, RefundMade) else self._in.amount_minor
        self._answer = RefundAnswer(self._in.refund_id, self._in.fingerprint, state, amount, refusal)
        told = refusal.message if refusal else str(Money(amount or 0, self._in.currency))
        self._story.add(workflow.now(), f"{state.capitalize()}: {told}")
        workflow.upsert_search_attributes([attributes.STAGE.value_set(state.value)])
        workflow.set_current_details(self._story.render(state))

    def _final(self) -> RefundAnswer:
        if self._answer is None:
            raise ApplicationError("the refund has not begun", type="not_begun")
        return self._answer
