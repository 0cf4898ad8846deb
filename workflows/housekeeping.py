"""Forgets what is kept for a while only: answers to Idempotency-Keys after a day, machines' tokens once they ended."""

from temporalio import workflow

from activities.access import AccessActivities
from domain.sweeping import ForgetOld
from workflows.policies import in_database
from workflows.reconciliation import all_tenants

PAGE = 1_000
MOST_PAGES = 50
"""So many pages a tenant in one run; the next run goes on."""


@workflow.defn(name="Housekeeping")
class HousekeepingWorkflow:
    """One round through all tenants, `housekeeping-…` of its schedule; answers with how much was forgotten."""

    @workflow.run
    async def run(self) -> dict[str, int]:
        """Whose → a page after the other, until there is no more."""
        tenants = await all_tenants("Whose answers and tokens there are")
        return {tenant: await self._one(tenant) for tenant in tenants}

    async def _one(self, tenant: str) -> int:
        forgotten = 0
        for _ in range(MOST_PAGES):
            summary = f"Old answers and tokens of {tenant}"
            gone = await in_database(AccessActivities.forget, ForgetOld(tenant, PAGE), summary)
            forgotten += gone
            if gone < PAGE:
                break
        return forgotten
