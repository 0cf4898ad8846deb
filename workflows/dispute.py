"""A dispute, from the bank's first question to its last word; support answers it in the provider's dashboard."""

from contextlib import suppress

from temporalio import workflow

from activities.disputes import DisputeActivities
from activities.payments import PaymentActivities
from domain.disputes import (
    ANSWERABLE,
    CALLS_PERSON,
    DisputeFact,
    DisputeInput,
    DisputeNews,
    LookUpDispute,
    RecordDispute,
)
from domain.ids import dispute_call, order_workflow
from domain.money import Money
from domain.orders import OrderCall
from domain.states import DISPUTE_MOVES, DisputeState, is_terminal
from workflows import attributes
from workflows.desk import LOOK_AGAIN, until_known
from workflows.display import Story, dispute_title
from workflows.orders_page import tell_order
from workflows.policies import LOOK_DAILY, in_database


@workflow.defn(name="Dispute")
class DisputeWorkflow:
    """One dispute, `dispute/{tenant}/{the provider's dispute id}`; ends as its last state."""

    @workflow.init
    def __init__(self, dispute: DisputeInput) -> None:
        self._in = dispute
        self._news = False
        self._story = Story(dispute_title(dispute.order_number))

    @workflow.run
    async def run(self, dispute: DisputeInput) -> DisputeState:
        """Look → write down → tell support → wait for news, until the bank has decided."""
        while True:
            self._news = False
            fact: DisputeFact = await until_known(
                self,
                PaymentActivities.look_up_dispute,
                LookUpDispute(dispute.tenant, dispute.dispute_id),
                "Look up the dispute",
                "the dispute cannot be looked up",
            )
            changed = await in_database(
                DisputeActivities.record, RecordDispute(dispute, fact), f"Dispute {fact.state.replace('_', ' ')}"
            )
            if changed:
                await self._tell(fact)
            if is_terminal(DISPUTE_MOVES, fact.state):
                return fact.state
            await self._wait_for_news(fact)

    async def _wait_for_news(self, fact: DisputeFact) -> None:
        """A webhook, or a day: it may never come."""
        due = f", evidence until {fact.evidence_due_at:%d %b}" if fact.evidence_due_at else ""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._news, timeout=LOOK_DAILY, timeout_summary=f"Look at the dispute{due}"
            )

    async def _tell(self, fact: DisputeFact) -> None:
        """Here, and on the order's page."""
        amount = Money(fact.amount_minor, fact.currency)
        line = f"Dispute over {amount} ({fact.reason.replace('_', ' ')}): {fact.state.replace('_', ' ')}"
        if fact.state in ANSWERABLE and fact.evidence_due_at is not None:
            line += f", send evidence until {fact.evidence_due_at:%d %b %H:%M} UTC"
        calls = fact.state in CALLS_PERSON
        self._story.add(workflow.now(), line)
        workflow.upsert_search_attributes(
            [attributes.STAGE.value_set(fact.state.value), attributes.NEEDS_ATTENTION.value_set(calls)]
        )
        workflow.set_current_details(self._story.render(fact.state, attention=line if calls else None))
        if self._in.order_number is not None:
            call = OrderCall(dispute_call(fact.dispute_id), line if calls else None)
            await tell_order(order_workflow(self._in.tenant, self._in.order_number), call)

    @workflow.signal(name="dispute_news")
    def dispute_news(self, news: DisputeNews) -> None:  # noqa: ARG002  # it only makes us look
        """A webhook says that something happened to the dispute. Harmless twice, late, or in any order."""
        self._news = True

    async def call_person(self, reason: str) -> None:
        """The dispute itself cannot be read."""
        self._story.add(workflow.now(), f"Needs a person: {reason}")
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        workflow.set_current_details(self._story.render("dispute", attention=reason))

    async def wait_for_person(self) -> None:
        """News, or a while."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._news, timeout=LOOK_AGAIN, timeout_summary="Try again")

    async def calm(self) -> None:
        """It can be read again."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])
