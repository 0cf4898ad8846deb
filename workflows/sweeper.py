"""Brings to their end the checkouts that nobody is at work on: stock goes back, and nothing stays authorized."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.checkouts import CheckoutActivities
from activities.payments import PaymentActivities
from activities.sweeping import SweepingActivities
from domain.checkouts import CancelRequest, CloseCheckout, GivenBack
from domain.ids import checkout_workflow
from domain.payments import AuthorizationFound, FindAuthorization, PaymentNews
from domain.refusals import Refusal, RefusalCode
from domain.states import CheckoutState
from domain.sweeping import FindOverdue, OverdueCheckout
from workflows import attributes
from workflows.desk import LOOK_AGAIN, until_known
from workflows.display import Story
from workflows.money_back import give_back, refund_all
from workflows.policies import in_database
from workflows.reconciliation import all_tenants

OVERDUE = timedelta(minutes=5)
"""A checkout has this long, after its time is up, to end by itself; by then no call of its is out any more."""

_CHARGED = {
    GivenBack.NOTHING_HELD: "Nothing was charged.",
    GivenBack.VOIDED: "Nothing was charged.",
    GivenBack.REFUNDED: "What was charged goes back.",
}

PAGE = 100
MOST = 500
"""So many are begun for a tenant in one run; the next one goes on."""


@workflow.defn(name="Sweeper")
class SweeperWorkflow:
    """One look at all tenants, `sweeper-…` of its schedule; answers with how many were left behind, by tenant."""

    @workflow.run
    async def run(self) -> dict[str, int]:
        """Whose checkouts → which are long overdue → begin the end of those whose workflow does not run."""
        tenants = await all_tenants("Whose checkouts there are")
        return {tenant: await self._one(tenant) for tenant in tenants}

    async def _one(self, tenant: str) -> int:
        begun, after = 0, ""
        while begun < MOST:
            found = await in_database(
                SweepingActivities.find_overdue,
                FindOverdue(tenant, int(OVERDUE.total_seconds()), after, PAGE),
                f"Checkouts of {tenant} that are overdue",
            )
            for checkout in found:
                begun += await _begin(checkout)
            if len(found) < PAGE:
                break
            after = found[-1].checkout_id
        return begun


async def _begin(checkout: OverdueCheckout) -> bool:
    """Under the checkout's own workflow id: where one runs, Temporal itself refuses another. False: it runs."""
    try:
        await workflow.start_child_workflow(
            AbandonedCheckoutWorkflow.run,
            checkout,
            id=checkout_workflow(checkout.tenant, checkout.checkout_id),
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=attributes.beside_order(checkout.tenant, None, "abandoned"),
            static_summary=f"Abandoned checkout {checkout.checkout_id}",
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


@workflow.defn(name="AbandonedCheckout")
class AbandonedCheckoutWorkflow:
    """The end of a checkout whose own workflow is gone, under its id `checkout/{tenant}/{checkout id}`."""

    @workflow.init
    def __init__(self, checkout: OverdueCheckout) -> None:
        self._in = checkout
        self._story = Story(f"Abandoned checkout {checkout.checkout_id}")

    @workflow.run
    async def run(self, checkout: OverdueCheckout) -> GivenBack:
        """Is money held? → give it back → release the stock, `expired`."""
        self._tell("Its time was up and its workflow did not run")
        given_back, intent_id = await self._give_back()
        message = f"The reservation's time was up before the order was placed. {_CHARGED[given_back]}"
        await in_database(
            CheckoutActivities.close,
            CloseCheckout(
                checkout.tenant,
                checkout.checkout_id,
                CheckoutState.EXPIRED,
                Refusal(RefusalCode.RESERVATION_EXPIRED, message),
                intent_id,
                given_back,
            ),
            "Release the stock",
        )
        self._tell(f"Ended: payment {given_back}, stock released")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return given_back

    async def _give_back(self) -> tuple[GivenBack, str | None]:
        """What is held is voided, what was taken is refunded. An authorization that nobody noted is looked for."""
        asked = self._in
        if asked.captured:  # its refund was under way
            await refund_all(self, asked.tenant, asked.payment_id, None)
            return GivenBack.REFUNDED, asked.intent_id
        intent_id = asked.intent_id
        if intent_id is None:
            found: AuthorizationFound = await until_known(
                self,
                PaymentActivities.find_authorization,
                FindAuthorization(asked.tenant, asked.payment_id, asked.authorization_key, asked.begun_at),
                "Was the payment authorized?",
                "it is not known whether the payment was authorized",
            )
            intent_id = found.intent_id
        return await give_back(self, asked.tenant, asked.payment_id, intent_id=intent_id)

    @workflow.update
    async def confirm(self) -> None:
        """Never accepted."""

    @confirm.validator
    def _too_late_to_confirm(self) -> None:
        raise ApplicationError("the reservation's time is up", type="already_ended")

    @workflow.update
    async def cancel(self, request: CancelRequest) -> None:
        """Never accepted."""

    @cancel.validator
    def _too_late_to_cancel(self, request: CancelRequest) -> None:  # noqa: ARG002  # as the update's
        raise ApplicationError("the reservation's time is up", type="already_ended")

    @workflow.signal(name="payment_news")
    def payment_news(self, news: PaymentNews) -> None:
        """Webhooks of its payment still come here; what they tell of is being undone."""

    async def call_person(self, reason: str) -> None:
        """Support finds this workflow by `NeedsAttention` and reads the reason in its details."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        self._tell(f"Needs a person: {reason}", attention=reason)

    async def wait_for_person(self) -> None:
        """What was called for is mended elsewhere: try again after a while."""
        await workflow.sleep(LOOK_AGAIN, summary="Try again")

    async def calm(self) -> None:
        """It has worked in the end."""
        workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(False)])

    def _tell(self, line: str, attention: str | None = None) -> None:
        self._story.add(workflow.now(), line)
        workflow.set_current_details(self._story.render("abandoned", attention=attention))
