"""The audit: the tables against themselves, against Stripe, and against the workflows that should be at work."""

import asyncio
from collections.abc import Iterable

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from gateways.accounts import stripe_of
from models import audit, books, reconciliation
from models.audit import Finding
from models.audit_mails import WAITS
from models.database import Database
from models.reconciliation import DriftRow
from settings import Settings

_LOOK_AGAIN_SECONDS = 2.0
"""An order is in its table a moment before its workflow begins, and a workflow ends a moment after its row."""

_AT_ONCE = 20


async def audit_tenant(settings: Settings, tenant: str, temporal: Client | None = None) -> list[Finding]:
    """Everything that must not be, of one tenant. The provider is read first, so that what it has, we should know.

    Without a `temporal` client, whether each living order has its workflow is not looked at.
    """
    database = Database(settings.database_url.get_secret_value(), pool_size=2)
    stripe = stripe_of(settings)
    try:
        theirs = {book.intent_id: book async for book in stripe.books.everything() if book.tenant == tenant}
        async with database.transaction(tenant) as session:
            ours = await books.ours(session)
            settling = await audit.under_way(session)
            findings = await audit.audit(session) + audit.compare_books(ours, theirs, settling)
        if not settings.smtp_host:
            findings = [one for one in findings if one.check != WAITS]
        if temporal is not None:
            findings += await _without_workflow(database, tenant, temporal)
        return findings
    finally:
        await stripe.close()
        await database.close()


async def _without_workflow(database: Database, tenant: str, temporal: Client) -> list[Finding]:
    """Checkouts and orders that nobody is at work on. Looked at twice, because one may just be beginning or ending."""
    missing = set[str]()
    for look in range(2):
        async with database.transaction(tenant) as session:
            wanted = await audit.in_progress(session)
        missing = await _not_running(temporal, wanted.keys() & missing if look else wanted)
        if not missing:
            return []
        if not look:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return [Finding("workflows: what is alive is at work", one, f"{wanted[one]}, no workflow runs") for one in missing]


async def _not_running(temporal: Client, workflows: Iterable[str]) -> set[str]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def runs(workflow: str) -> bool:
        async with gate:
            try:
                seen = await temporal.get_workflow_handle(workflow).describe()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return False
        return seen.status is WorkflowExecutionStatus.RUNNING

    named = sorted(workflows)
    answers = await asyncio.gather(*(runs(workflow) for workflow in named))
    return {workflow for workflow, running in zip(named, answers, strict=True) if not running}


async def drifts_of(settings: Settings, tenant: str) -> list[DriftRow]:
    """What the last reconciliations found and still disagrees."""
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        async with database.transaction(tenant) as session:
            return await reconciliation.open_drifts(session)
    finally:
        await database.close()


__all__ = ["Finding", "audit_tenant", "drifts_of"]
