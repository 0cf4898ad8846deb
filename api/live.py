"""Who watches which order's timeline: one look a second for all of them together, however many they are.

PostgreSQL's NOTIFY would be told sooner, but every transaction that notifies waits for one lock as it commits, and
each checkout writes events: docs/decisions/0025-watchers-share-one-look.md.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from models import events
from models.database import Database

_LOOK_EVERY_SECONDS = 1.0
_MOST_OF_ONE_ORDER = 10

Watched = tuple[str, str]
"""Tenant and checkout."""


class Watchers:
    """Those of one process."""

    def __init__(self, database: Database, most: int) -> None:
        self._database, self._most = database, most
        self._counts: Counter[Watched] = Counter()
        self._news = asyncio.Condition()
        self._last: dict[Watched, int] = {}

    async def run(self) -> None:
        """Look for news of what is watched, for ever; no look when nobody watches."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            watched = list(self._counts)
            if not watched:
                continue
            with contextlib.suppress(SQLAlchemyError):
                async with self._database.transaction(None) as session:
                    last = await events.last_of(session, watched)
                async with self._news:
                    self._last = last
                    self._news.notify_all()

    def full(self, tenant: str, checkout: str) -> bool:
        """Whether this process, or this order, has as many watchers as it may have."""
        return self._counts.total() >= self._most or self._counts[tenant, checkout] >= _MOST_OF_ONE_ORDER

    @contextlib.contextmanager
    def watching(self, tenant: str, checkout: str) -> Iterator[None]:
        """Be one of them."""
        watched = (tenant, checkout)
        self._counts[watched] += 1
        try:
            yield
        finally:
            self._counts[watched] -= 1
            if not self._counts[watched]:
                del self._counts[watched]

    async def later_than(self, tenant: str, checkout: str, event: int, within: float) -> bool:
        """Wait until there is an event after that one. False: not within so many seconds."""
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: self._last.get((tenant, checkout), 0) > event)
        except TimeoutError:
            return False
        return True
