"""Finds what was left behind."""

from datetime import timedelta

from temporalio import activity

from domain.sweeping import FindOverdue, OverdueCheckout
from models import checkouts
from models.database import Database


class SweepingActivities:
    """Local activities: they read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="sweeper.find_overdue")
    async def find_overdue(self, asked: FindOverdue) -> list[OverdueCheckout]:
        """Checkouts that have not ended though their time is long up, on the database's clock."""
        by = timedelta(seconds=asked.overdue_seconds)
        async with self._database.transaction(asked.tenant) as session:
            return await checkouts.overdue(session, by, after=asked.after, most=asked.most)
