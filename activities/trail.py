"""The audit log's line of an act that came past our API: who it was is read in the workflow's history."""

from temporalio import activity
from temporalio.client import Client

from domain.acts import ActByHand
from gateways.histories import sender_of
from models import trail
from models.database import Database


class TrailActivities:
    """An ordinary activity: the act must be in the history before its sender can be found there."""

    def __init__(self, database: Database, temporal: Client) -> None:
        self._database, self._temporal = database, temporal

    @activity.defn(name="trail.write")
    async def write(self, act: ActByHand) -> None:
        """One row, however often this is tried."""
        sender = await sender_of(self._temporal, act)
        async with self._database.transaction(act.tenant) as session:
            await trail.record_by_hand(session, act, act.by(sender))
