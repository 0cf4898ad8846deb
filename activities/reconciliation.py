"""Lays the provider's books beside ours, mends what is safe to mend, and keeps what disagrees for a person."""

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.books import CompareBooks, Compared, Drift, IntentBook, OrderCalled, OurBook, RecordDrifts, compare
from domain.ids import BOOKS_CALL
from domain.payments import Fee
from gateways.stripe import Stripe
from gateways.stripe.events import LISTENED_TO
from models import books, inbox, ledger, orders, reconciliation, tenancy
from models.database import Database
from models.payments import Payment

SOURCE = "stripe"
OVERLAP = timedelta(hours=1)
"""Each comparison looks this far behind the last one's end: an event can be listed late."""

FIRST_LOOK = timedelta(days=1)

AT_ONCE = 4
"""So many intents are asked for together: some 40 questions a second, of the hundred that Stripe allows an account
(docs.stripe.com/rate-limits), and shoppers pay meanwhile."""


class ReconciliationActivities:
    """Ordinary activities: they ask the provider, page by page. Harmless to repeat."""

    def __init__(self, database: Database, stripe: Stripe) -> None:
        self._database, self._stripe = database, stripe

    @activity.defn(name="reconciliation.tenants")
    async def tenants(self) -> list[str]:
        """Whose books there are."""
        async with self._database.transaction(None) as session:
            return await tenancy.all_tenants(session)

    @activity.defn(name="reconciliation.compare")
    async def compare(self, asked: CompareBooks) -> Compared:
        """Deliver webhooks that never came, post fees that came late, and say where the books disagree."""
        missed, intents = 0, set(asked.intents or ())
        if asked.intents is None:
            missed, intents = await self._collect(asked)
        posted, drifts = 0, list[Drift]()
        in_order = sorted(intents)
        for first in range(0, len(in_order), AT_ONCE):
            some = in_order[first : first + AT_ONCE]
            theirs = await asyncio.gather(*map(self._stripe.books.of_intent, some))
            async with self._database.transaction(asked.tenant) as session:
                own = await books.ours(session, some)
                pairs = [(one, own[one.intent_id]) for one in theirs if one.intent_id in own]
                late = [await _post_fees(session, asked.tenant, *pair) for pair in pairs]
                if any(late):
                    posted, own = posted + sum(late), await books.ours(session, some)
            for one in theirs:
                if one.intent_id in own or one.tenant == asked.tenant:
                    drifts += compare(one, own.get(one.intent_id))
        return Compared(missed, posted, len(intents), tuple(drifts))

    @activity.defn(name="reconciliation.record")
    async def record(self, asked: RecordDrifts) -> list[OrderCalled]:
        """Keep what disagrees, and call a person for the orders it is about; answers with whom to tell of it."""
        called = list[OrderCalled]()
        async with self._database.transaction(asked.tenant) as session:
            for payment in sorted(await reconciliation.record(session, asked.tenant, list(asked.drifts))):
                order = await orders.of_payment(session, payment)
                if order is None:
                    continue
                reason = "; ".join(_words(one) for one in asked.drifts if one.payment_id == payment) or None
                if orders.call_person(order, BOOKS_CALL, reason):
                    called.append(OrderCalled(order.order_number, reason))
            await reconciliation.advance(session, asked.tenant, SOURCE, asked.until)
        return called

    async def _collect(self, asked: CompareBooks) -> tuple[int, set[str]]:
        """How many events had never come to the inbox, and every intent that something happened to."""
        async with self._database.transaction(asked.tenant) as session:
            mark = await reconciliation.watermark(session, SOURCE)
            intents = {row.intent_id for row in await reconciliation.open_drifts(session)}
        since = mark - OVERLAP if mark else asked.until - FIRST_LOOK
        missed = 0
        async for events in self._stripe.books.events(int(since.timestamp()), int(asked.until.timestamp())):
            about = {event.intent_id for event in events if event.intent_id}
            async with self._database.transaction(asked.tenant) as session:
                known = await books.known(session, about)
                mine = [one for one in events if one.tenant == asked.tenant or one.intent_id in known]
                bodies = {one.event_id: one.body for one in mine if one.kind in LISTENED_TO}
                missed += await inbox.store(session, asked.tenant, SOURCE, bodies)
            intents |= {one.intent_id for one in mine if one.intent_id}
        return missed, intents


def _words(drift: Drift) -> str:
    return f"our books and Stripe's disagree ({drift.rule}): {drift.expected} here, {drift.found} there"


async def _post_fees(session: AsyncSession, tenant: str, theirs: IntentBook, own: OurBook) -> int:
    """Fees the provider named only after the movement they belong to."""
    posted = 0
    for one in theirs.fees:
        if one.fee_minor and not await ledger.posted(session, f"fee/{one.transaction_id}"):
            payment = await session.get_one(Payment, (tenant, own.payment_id))
            await ledger.post_fee(session, payment, Fee(one.transaction_id, one.fee_minor, one.currency))
            posted += 1
    return posted
