"""Finds what was left behind, and does what was to be done by a day."""

from datetime import timedelta

from temporalio import activity

from domain.joining import MembershipInput
from domain.sweeping import FindOverdue, FindStranded, OverdueCheckout, ReleasePreorders
from models import checkouts, memberships, stock_terms
from models.database import Database


class SweepingActivities:
    """Local activities: milliseconds each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="sweeper.find_overdue")
    async def find_overdue(self, asked: FindOverdue) -> list[OverdueCheckout]:
        """Checkouts that have not ended though their time is long up, on the database's clock."""
        by = timedelta(seconds=asked.overdue_seconds)
        async with self._database.transaction(asked.tenant) as session:
            return await checkouts.overdue(session, by, after=asked.after, most=asked.most)

    @activity.defn(name="sweeper.find_stranded")
    async def find_stranded(self, asked: FindStranded) -> list[MembershipInput]:
        """Memberships that something should have happened to; with what their process is begun anew by. Who has not
        joined in time has none left to do so."""
        by, joining = timedelta(seconds=asked.overdue_seconds), timedelta(seconds=asked.joining_seconds)
        async with self._database.transaction(asked.tenant) as session:
            found = await memberships.stranded(session, by, joining, after=asked.after, most=asked.most)
        return [
            MembershipInput(
                tenant=asked.tenant,
                membership_id=one.membership_id,
                fingerprint=one.fingerprint,
                customer_id=one.customer_id,
                plan_id=one.plan_id,
                tier_id=one.tier_id,
                currency=one.currency,
                payment_method=None,
                return_url=None,
                payment_seconds=0,
            )
            for one in found
        ]

    @activity.defn(name="sweeper.release_preorders")
    async def release_preorders(self, asked: ReleasePreorders) -> list[str]:
        """Preorders whose day has come go to who waits for them; their SKUs."""
        async with self._database.transaction(asked.tenant) as session:
            return await stock_terms.release(session)
