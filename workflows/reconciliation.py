"""Compares the provider's books with ours, tenant by tenant, on a schedule; support sees what does not agree."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.reconciliation import ReconciliationActivities
from domain.books import CompareBooks, Compared, RecordDrifts
from domain.ids import BOOKS_CALL, order_workflow
from domain.orders import OrderCall
from workflows import attributes
from workflows.display import Story
from workflows.orders_page import tell_order

NOT_YET = timedelta(minutes=2)
"""What happened this recently may still be on its way here."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""By how much the provider's clock may be ahead of ours; less than what the next comparison looks at again."""

LOOK_AGAIN = timedelta(minutes=1)
"""What disagrees is looked at once more after this long: it may have been in the middle of something."""

_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1), maximum_attempts=10)


@workflow.defn(name="Reconciliation")
class ReconciliationWorkflow:
    """One comparison of all tenants, `reconciliation-…` of its schedule; answers with the drifts found, by tenant."""

    def __init__(self) -> None:
        self._story = Story("Reconciliation with the payment provider")

    @workflow.run
    async def run(self, up_to_now: bool = False) -> dict[str, int]:
        """Whose books → compare → look again at what disagrees → keep it and call a person.

        `up_to_now`: asked for by hand; what may still be on its way is compared as well.
        """
        tenants = await all_tenants("Whose books there are")
        until = workflow.now() + CLOCKS_DIFFER if up_to_now else workflow.now() - NOT_YET
        found = {tenant: await self._one(tenant, until) for tenant in tenants}
        if any(found.values()):
            workflow.upsert_search_attributes([attributes.NEEDS_ATTENTION.value_set(True)])
        return found

    async def _one(self, tenant: str, until: datetime) -> int:
        first = await self._compare(CompareBooks(tenant, until), f"Compare the books of {tenant}")
        drifts = first.drifts
        if drifts:
            await workflow.sleep(LOOK_AGAIN, summary=f"{len(drifts)} disagreements of {tenant}: look again")
            intents = tuple(sorted({drift.intent_id for drift in drifts}))
            again = await self._compare(CompareBooks(tenant, until, intents), "Look again")
            drifts = again.drifts
        called = await workflow.execute_activity_method(
            ReconciliationActivities.record,
            RecordDrifts(tenant, until, drifts),
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_RETRY,
            summary=f"Keep {len(drifts)} disagreements, move the watermark",
        )
        for one in called:
            await tell_order(order_workflow(tenant, one.order_number), OrderCall(BOOKS_CALL, one.reason))
        line = f"{tenant}: {first.intents} intents, {first.missed_webhooks} webhooks had never come"
        self._story.add(workflow.now(), f"{line}, {first.posted_fees} fees posted late, {len(drifts)} disagreements")
        for drift in drifts[:20]:
            self._story.add(
                workflow.now(), f"{drift.rule}: {drift.subject}: {drift.expected} here, {drift.found} there"
            )
        workflow.set_current_details(self._story.render("comparing"))
        return len(drifts)

    async def _compare(self, asked: CompareBooks, summary: str) -> Compared:
        return await workflow.execute_activity_method(
            ReconciliationActivities.compare,
            asked,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(minutes=1),
            retry_policy=_RETRY,
            summary=summary,
        )


async def all_tenants(summary: str) -> list[str]:
    """For whom scheduled work is to be done."""
    return await workflow.execute_activity_method(
        ReconciliationActivities.tenants,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=_RETRY,
        summary=summary,
    )
