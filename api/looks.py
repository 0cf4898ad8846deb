"""Glances at what is sold out, for many carts in one statement, from threads that have a connection of their own.

A request's way through an asynchronous connection takes a turn of the event loop for each step, five or more; in a drop
each turn is as long as the crowd. Through a thread it takes two. Why not fewer: decision 0029.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import sqlalchemy as sa

from domain.checkouts import CheckoutInput
from models import glances
from models.database import Database
from models.glances import Glance

_THREADS = 2
"""While one waits for PostgreSQL, who asks meanwhile is looked at by the other."""
_MOST_AT_ONCE = 500
_GOODBYE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Asked:
    tenant: str
    carts: Sequence[CheckoutInput]
    told: asyncio.Future[Glance]


class Looks:
    """One a process. Its threads begin with the first question."""

    def __init__(self, database: Database) -> None:
        self._engine = database.by_itself()
        self._queue: SimpleQueue[_Asked | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    async def ask(self, tenant: str, carts: Sequence[CheckoutInput]) -> Glance:
        """What there is to see for these, and for whoever asked with them. Raises what the database raises."""
        loop = asyncio.get_running_loop()
        if not self._threads:
            self._threads = [threading.Thread(target=self._serve, args=(loop,), daemon=True) for _ in range(_THREADS)]
            for thread in self._threads:
                thread.start()
        told: asyncio.Future[Glance] = loop.create_future()
        self._queue.put(_Asked(tenant, carts, told))
        return await told

    async def close(self) -> None:
        """End the threads, which give their connections back."""
        threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            await asyncio.to_thread(thread.join, _GOODBYE_SECONDS)
        self._engine.dispose()

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        connection: sa.Connection | None = None
        while (first := self._queue.get()) is not None:
            together = [first, *self._others(first)]
            found: Glance | Exception
            try:
                connection = connection or self._engine.connect()
                found = glances.look(connection, first.tenant, [cart for one in together for cart in one.carts])
            except Exception as error:  # everybody who asked is told, and the next look has a new connection
                found = error
                _let_go(connection)
                connection = None
            with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody waits
                loop.call_soon_threadsafe(_tell, together, found)
        _let_go(connection)

    def _others(self, first: _Asked) -> list[_Asked]:
        """Who asks in the same moment, of the same tenant."""
        others: list[_Asked] = []
        with suppress(Empty):
            while len(others) < _MOST_AT_ONCE:
                one = self._queue.get_nowait()
                if one is None or one.tenant != first.tenant:
                    self._queue.put(one)
                    break
                others.append(one)
        return others


def _tell(together: Sequence[_Asked], found: Glance | Exception) -> None:
    for one in together:
        if one.told.done():
            continue
        if isinstance(found, Exception):
            one.told.set_exception(found)
        else:
            one.told.set_result(found)


def _let_go(connection: sa.Connection | None) -> None:
    if connection is not None:
        with suppress(Exception):
            connection.close()
