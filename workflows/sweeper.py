"""Brings to their end the checkouts that nobody is at work on: stock goes back, and nothing stays authorized. What else
should have a process and has none (a drop's line, a membership) gets it back."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.checkouts import CheckoutActivities
from activities.drops import DropActivities
from activities.payments import PaymentActivities
from activities.sweeping import SweepingActivities
from domain.checkouts import CancelRequest, CheckoutAnswer, CloseCheckout, GivenBack
from domain.drops import FindDrops, LineLook
from domain.ids import checkout_workflow, drop_line_workflow, membership_workflow
from domain.joining import MembershipInput
from domain.payments import AuthorizationFound, FindAuthorization, PaymentNews
from domain.refusals import Refusal, RefusalCode
from domain.states import CheckoutState
from domain.sweeping import FindOverdue, FindStranded, OverdueCheckout, ReleasePreorders
from workflows import attributes
from workflows.desk import LOOK_AGAIN, until_known
from workflows.display import Story
from workflows.drop_line import DropLineWorkflow
from workflows.membership import MembershipWorkflow
from workflows.money_back import give_back, refund_all
from workflows.policies import in_database
from workflows.reconciliation import all_tenants

JOINING = timedelta(hours=1)
"""A customer may take so long to confirm the first payment of a membership."""
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
        for tenant in tenants:
            await _look_after_lines(tenant)
            await _look_after_members(tenant)
            coming_out = ReleasePreorders(tenant)
            await in_database(SweepingActivities.release_preorders, coming_out, f"Preorders of {tenant} that come out")
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


async def _look_after_lines(tenant: str) -> None:
    """Each drop that is on sale, or will be before the next sweep, has its workflow."""
    asked = FindDrops(tenant, int(OVERDUE.total_seconds()) * 2)
    for drop_id in await in_database(DropActivities.find_on_sale, asked, f"Lines of {tenant}"):
        with suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                DropLineWorkflow.run,
                LineLook(tenant, drop_id),
                id=drop_line_workflow(tenant, drop_id),
                parent_close_policy=ParentClosePolicy.ABANDON,
                search_attributes=attributes.beside_order(tenant, None, "drop"),
                static_summary=f"Line of drop {drop_id}",
            )


async def _look_after_members(tenant: str) -> None:
    """Each membership that something should have happened to has its process; where one runs, Temporal refuses
    another."""
    overdue, joining = int(OVERDUE.total_seconds()), int(JOINING.total_seconds())
    begun, after = 0, ""
    while begun < MOST:
        asked = FindStranded(tenant, overdue, joining, after, PAGE)
        found = await in_database(SweepingActivities.find_stranded, asked, f"Memberships of {tenant} left behind")
        begun += sum(await asyncio.gather(*(_take_up(one) for one in found)))
        if len(found) < PAGE:
            return
        after = found[-1].membership_id


async def _take_up(membership: MembershipInput) -> bool:
    """From its tables, where it was left. False: its process runs."""
    try:
        await workflow.start_child_workflow(
            MembershipWorkflow.run,
            membership,
            id=membership_workflow(membership.tenant, membership.membership_id),
            parent_close_policy=ParentClosePolicy.ABANDON,
            search_attributes=attributes.of_membership(membership.tenant, membership.customer_id, membership.currency),
            static_summary=f"Membership {membership.plan_id}/{membership.tier_id}",
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


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
    async def begin(self) -> CheckoutAnswer:
        """Never accepted."""
        raise ApplicationError("the reservation's time is up", type="already_ended")

    @begin.validator
    def _too_late_to_begin(self) -> None:
        raise ApplicationError("the reservation's time is up", type="already_ended")

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
