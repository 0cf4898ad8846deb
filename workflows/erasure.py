"""Erases a customer's personal data: at once, or as soon as nothing needs it any more."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.erasure import ErasureActivities
from domain.erasure import DeleteProviderCustomer, EraseCustomer, ErasureAnswer, ErasureState
from workflows import attributes
from workflows.desk import LOOK_AGAIN, until_known
from workflows.display import Story
from workflows.policies import in_database

LOOK_DAILY = timedelta(days=1)


@workflow.defn(name="Erasure")
class ErasureWorkflow:
    """One request, `erasure/{tenant}/{customer}`. Asked again after it has ended, it erases what has come since."""

    @workflow.init
    def __init__(self, asked: EraseCustomer) -> None:
        self._in = asked
        self._answer: ErasureAnswer | None = None
        self._story = Story("Erasure of a customer's data")

    @workflow.run
    async def run(self, asked: EraseCustomer) -> ErasureAnswer:
        """Wait for what is unfinished → erase here → delete at Stripe."""
        erased = await in_database(ErasureActivities.erase, asked, "Erase in the tables")
        while erased.unfinished:
            self._tell(ErasureAnswer(asked.customer_id, ErasureState.WAITING, erased.unfinished))
            await workflow.sleep(LOOK_DAILY, summary="Look whether all has ended")
            erased = await in_database(ErasureActivities.erase, asked, "Erase in the tables")
        if erased.provider_id is not None:
            gone = DeleteProviderCustomer(asked.tenant, asked.customer_id, erased.provider_id)
            trouble = "the customer could not be deleted at Stripe"
            await until_known(self, ErasureActivities.delete_at_provider, gone, "Delete at Stripe", trouble)
            await in_database(ErasureActivities.forget_provider, gone, "Forget who it was at Stripe")
        self._tell(ErasureAnswer(asked.customer_id, ErasureState.ERASED))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._said()

    @workflow.update
    async def begin(self) -> ErasureAnswer:
        """How it stands, once that is known."""
        await workflow.wait_condition(lambda: self._answer is not None)
        return self._said()

    async def call_person(self, reason: str) -> None:
        """Bring it before a person."""
        self._story.add(workflow.now(), f"Needs a person: {reason}")
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        workflow.set_current_details(self._story.render("erasing", attention=reason))

    async def wait_for_person(self) -> None:
        """What was called for is mended elsewhere: try again after a while."""
        await workflow.sleep(LOOK_AGAIN, summary="Try again")

    async def calm(self) -> None:
        """It has worked in the end."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])

    def _tell(self, answer: ErasureAnswer) -> None:
        self._answer = answer
        waits = ", ".join(f"{one.kind} {one.id}" for one in answer.unfinished[:10])
        self._story.add(workflow.now(), f"Waits for: {waits}" if waits else "Erased")
        workflow.set_current_details(self._story.render(answer.state))

    def _said(self) -> ErasureAnswer:
        if self._answer is None:
            raise ApplicationError("it has not begun", type="not_begun")
        return self._answer
