"""A refund: allowed, by a second person if it is large; asked for; followed until the bank has it or refuses it."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.orders import OrderActivities
from activities.refunds import RefundActivities
from domain.ids import order_workflow, refund_call
from domain.journal import BeginRefund
from domain.money import Money
from domain.orders import FlagOrder, OrderCall
from domain.payments import RefundFailed, RefundMade
from domain.refunds import (
    MoveRefundRequest,
    RefundAnswer,
    RefundDecision,
    RefundInput,
    RefundLimits,
    RefundNews,
    RefundState,
)
from domain.refusals import Refusal
from domain.states import RefundRequestState
from workflows import attributes
from workflows.desk import LOOK_AGAIN
from workflows.display import Story
from workflows.money_back import look_up_refund, record_refund, refund
from workflows.orders_page import tell_order
from workflows.policies import LOOK_DAILY, in_database

_R = RefundRequestState
_NOT_ALLOWED = {_R.DECLINED: RefundState.DECLINED, _R.EXPIRED: RefundState.EXPIRED}

SECOND_PERSON = "second_person_required"


@workflow.defn(name="Refund")
class RefundWorkflow:
    """One refund, `refund/{tenant}/{refund id}`. Begun again for one that ended, it looks up what has become of it."""

    @workflow.init
    def __init__(self, asked: RefundInput) -> None:
        self._in = asked
        self._amount_minor = asked.amount_minor
        self._decision: RefundDecision | None = None
        self._answer: RefundAnswer | None = None
        self._news = False
        self._story = Story(
            f"Refund of order {asked.order_number}" if asked.order_number else "Refund without an order"
        )

    @workflow.run
    async def run(self, asked: RefundInput) -> RefundAnswer:
        """Is it allowed? → ask for it → wait for the bank → tell support when it did not arrive."""
        if asked.limits is None or await self._is_allowed(asked.limits):
            await self._give_back(asked)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._final()

    async def _is_allowed(self, limits: RefundLimits) -> bool:
        """Within the limits, and not too much for one person."""
        allowed = await in_database(RefundActivities.request, self._in, "May it be given back?")
        if allowed.refusal is not None:
            self._tell(RefundState.FAILED, RefundFailed(allowed.refusal))
            return False
        self._amount_minor = allowed.amount_minor
        return allowed.state is _R.APPROVED or await self._second_person(limits)

    async def _second_person(self, limits: RefundLimits) -> bool:
        """Somebody else says yes or no; or nobody does in time, which is told."""
        amount = Money(self._amount_minor or 0, self._in.currency)
        self._stand(RefundState.AWAITING_APPROVAL)
        await self.call_person(f"a refund of {amount} is to be approved or declined by somebody else than who asked")
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._decision is not None,
                timeout=timedelta(seconds=limits.approve_within_seconds),
                timeout_summary="It must be approved by then",
            )
        if self._decision is None:
            self._decision = RefundDecision("Milepost", "nobody approved it in time", _R.EXPIRED)
        state = await self._move(self._decision)
        if state is _R.EXPIRED:
            await self.call_person(f"nobody approved a refund of {amount} in time: ask for it anew if it is still owed")
        else:
            await self.calm()
        self._stand(_NOT_ALLOWED.get(state, RefundState.PENDING))
        return state is _R.APPROVED

    async def _move(self, to: RefundDecision) -> RefundRequestState:
        asked = MoveRefundRequest(self._in.tenant, self._in.refund_id, to.state, to.actor, to.reason)
        state = await in_database(RefundActivities.move, asked, f"The refund is {to.state}")
        self._story.add(workflow.now(), f"{state.capitalize()} by {to.actor}: {to.reason}")
        return state

    async def _give_back(self, asked: RefundInput) -> None:
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
        if isinstance(fact, RefundFailed) and asked.limits is not None:
            await self._move(RefundDecision("Milepost", fact.refusal.message, _R.FAILED))

    @property
    def _begin(self) -> BeginRefund:
        asked = self._in
        return BeginRefund(
            asked.tenant, asked.payment_id, asked.refund_id, self._amount_minor, asked.reason, asked.actor
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

    @workflow.update
    async def decide(self, decision: RefundDecision) -> RefundAnswer:
        """A second person says yes or no. Answers when that is written down, and with yes, the provider has it."""
        self._decision = decision
        await workflow.wait_condition(lambda: self._state not in (RefundState.AWAITING_APPROVAL, RefundState.PENDING))
        return self._final()

    @decide.validator
    def _may_decide(self, decision: RefundDecision) -> None:
        if not decision.actor.strip() or not decision.reason.strip():
            raise ApplicationError("say who you are and why", type="no_reason")
        if decision.state not in (_R.APPROVED, _R.DECLINED):
            raise ApplicationError("a refund is approved or declined", type="not_now")
        if self._state is not RefundState.AWAITING_APPROVAL or self._decision is not None:
            raise ApplicationError("this refund does not wait for anybody's approval (any more)", type="not_now")
        if decision.state is _R.APPROVED and decision.actor == self._in.actor:
            raise ApplicationError("who asked for a refund cannot approve it: somebody else must", type=SECOND_PERSON)

    @workflow.signal(name="refund_news")
    def refund_news(self, news: RefundNews) -> None:  # noqa: ARG002  # it only makes us look
        """A webhook says that something happened to the refund. Harmless twice, late, or in any order."""
        self._news = True

    async def call_person(self, reason: str) -> None:
        """Bring it before a person: here, and on the order's page if there is an order."""
        self._story.add(workflow.now(), f"Needs a person: {reason}")
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        workflow.set_current_details(self._story.render(self._state or "refund", attention=reason, acts=self._acts))
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
        amount = fact.amount_minor if isinstance(fact, RefundMade) else self._amount_minor
        told = refusal.message if refusal else str(Money(amount or 0, self._in.currency))
        self._story.add(workflow.now(), f"{state.capitalize()}: {told}")
        self._amount_minor = amount
        self._stand(state, refusal)

    def _stand(self, state: RefundState, refusal: Refusal | None = None) -> None:
        self._answer = RefundAnswer(self._in.refund_id, self._in.fingerprint, state, self._amount_minor, refusal)
        workflow.upsert_search_attributes([attributes.STAGE.value_set(state.value)])
        workflow.set_current_details(self._story.render(state, acts=self._acts))

    @property
    def _state(self) -> RefundState | None:
        return self._answer.state if self._answer is not None else None

    @property
    def _acts(self) -> tuple[str, ...]:
        return ("decide",) if self._state is RefundState.AWAITING_APPROVAL else ()

    def _final(self) -> RefundAnswer:
        if self._answer is None:
            raise ApplicationError("the refund has not begun", type="not_begun")
        return self._answer
