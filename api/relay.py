"""Delivers stored webhooks to their workflows until each is handled; if Temporal is away they wait."""

import asyncio
import contextlib
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.service import RPCError, RPCStatusCode

from api.decisions import Decision, Later, Signal
from api.parcel_news import about_parcels
from api.payment_news import about_payment
from api.resources import Resources
from api.stock_news import SOURCE, about_stock
from gateways.carriers.protocol import MalformedEvent
from gateways.stripe import MalformedEvent as MalformedStripeEvent
from models import inbox
from models.inbox import Outcome

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 0.5
_LEASE_SECONDS = 30.0
_AT_ONCE = 4
"""Webhooks in hand: when hundreds come together, shoppers' requests need the connections more."""
_LOOK_FOR_ACCOUNT_SECONDS = 300.0
"""Its carrier's account is not in the settings any more: it is kept until somebody puts it back."""


class Relay:
    """One a process; several share the work, because a message in hand is leased."""

    def __init__(self, resources: Resources) -> None:
        self._shared = resources
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def hurry(self, tenant: str, source: str, event_id: str) -> None:
        """Deliver now, without waiting for the next look."""
        task = asyncio.create_task(self._in_turn(tenant, source, event_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self) -> None:
        """Look for what is due, for ever."""
        while True:
            with contextlib.suppress(SQLAlchemyError):
                async with self._shared.database.transaction(None) as session:
                    due = await inbox.due(session, 50)
                await asyncio.gather(*(self._in_turn(*message) for message in due))
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _in_turn(self, tenant: str, source: str, event_id: str) -> None:
        async with self._turns:
            await self._deliver(tenant, source, event_id)

    async def _deliver(self, tenant: str, source: str, event_id: str) -> None:
        """Decide in one transaction, tell the workflow outside any, settle in another."""
        try:
            async with self._shared.database.transaction(tenant) as session:
                message = await inbox.claim(session, source, event_id)
                if message is None:
                    return
                decision = await self._decide(session, message)
                if isinstance(decision, Outcome):
                    inbox.settle(message, decision)
                    return
                inbox.postpone(message, decision.seconds if isinstance(decision, Later) else _LEASE_SECONDS)
            if not isinstance(decision, Later):
                signals = (decision,) if isinstance(decision, Signal) else decision
                outcome = [await self._tell(signal) for signal in signals][-1]
                async with self._shared.database.transaction(tenant) as session:
                    await inbox.handled(session, source, event_id, outcome)
        except (SQLAlchemyError, RPCError, RuntimeError) as away:
            log.warning("webhook waits", tenant=tenant, source=source, event=event_id, why=type(away).__name__)

    async def _tell(self, signal: Signal) -> Outcome:
        if signal.start is not None:
            await self._shared.temporal.start_workflow(
                signal.start.workflow,
                signal.start.argument,
                id=signal.workflow_id,
                task_queue=self._shared.settings.task_queue,
                start_signal=signal.name,
                start_signal_args=[signal.news],
                static_summary=signal.start.summary,
                search_attributes=signal.start.attributes,
                rpc_timeout=timedelta(seconds=5),
            )
            return Outcome.DELIVERED
        handle = self._shared.temporal.get_workflow_handle(signal.workflow_id)
        try:
            await handle.signal(signal.name, signal.news, rpc_timeout=timedelta(seconds=5))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Outcome.WORKFLOW_CLOSED
            raise
        return Outcome.DELIVERED

    async def _decide(self, session: AsyncSession, message: inbox.InboxMessage) -> Decision:
        try:
            if message.source == "stripe":
                return await about_payment(session, message, self._shared.stripe.parse(message.body))
            if message.source == SOURCE:
                return await about_stock(session, message)
            found = self._shared.carriers.teller(message.tenant_id, message.source)
            if found is None:
                return Later(_LOOK_FOR_ACCOUNT_SECONDS)
            teller, bought_elsewhere = found
            return await about_parcels(session, message, teller.parse(message.body), bought_elsewhere=bought_elsewhere)
        except (MalformedEvent, MalformedStripeEvent):
            return Outcome.MALFORMED
