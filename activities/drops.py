"""Looks after the lines of drops: what came back goes to the next, and what was kept and not bought passes on."""

from temporalio import activity

from domain.drops import FindDrops, LineLook, LineSeen
from models import drops
from models.database import Database


async def pass_on(database: Database, tenant: str, checkout_id: str) -> None:
    """What a checkout gave back to a drop goes to those in line, in a transaction of its own: whoever gives back has
    locked the stock, which is locked behind the drop. If it is lost, the next look at the drop does the same."""
    async with database.transaction(tenant) as session:
        for drop_id in await drops.given_back(session, checkout_id):
            await drops.look_after(session, drop_id)


class DropActivities:
    """Local activities: milliseconds each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="drops.look_after_line")
    async def look_after_line(self, asked: LineLook) -> LineSeen:
        """Count what came back, let grants lapse, grant what is free; when to look again."""
        async with self._database.transaction(asked.tenant) as session:
            return LineSeen(await drops.look_after(session, asked.drop_id))

    @activity.defn(name="drops.find_on_sale")
    async def find_on_sale(self, asked: FindDrops) -> list[str]:
        """The drops with a line that are on sale, or are so soon, or whose line has not ended."""
        async with self._database.transaction(asked.tenant) as session:
            return await drops.to_look_after(session, asked.soon_seconds)
