"""What is read most, and says most: a whole order as JSON, written by the database in one round trip.

The function `order_page` says what an order shows, under row-level security; its twin is `api/schemas/orders.py`, and a
test holds them to each other. Connections are psycopg's own, a few of them, kept open: taking one from SQLAlchemy's
pool, and a statement through it, costs more than all the rest of such a request.
"""

import asyncio
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import AsyncConnection
from pydantic_core import from_json, to_json

from models.acting import fill_in
from models.database import Database

_ORDER_PAGE = "SELECT order_page(%s, %s, %s)"
_MOST = 4
"""Connections a process: one interpreter keeps no more of them busy."""
_WITHIN_SECONDS = 10.0


class Reader:
    """One a process. Each statement is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        url = database.engine.url.set(drivername="postgresql")
        self._address = url.render_as_string(hide_password=False)
        self._idle: list[AsyncConnection[Any]] = []
        self._free = asyncio.Semaphore(_MOST)

    async def order_page(self, tenant: str, number: str, page: str | None) -> bytes | None:
        """All there is to say of an order, as the API's JSON, with `page` as its `support_url`; None: there is none.

        Raises SQLAlchemy's `OperationalError` or `TimeoutError` when the database cannot be asked.
        """
        if "\x00" in number:  # PostgreSQL has no such text
            return None
        row = await self._one(_ORDER_PAGE, (tenant, number, page))
        if row[0] is None:
            return None
        told = from_json(row[0])
        fill_in(told)
        return to_json(told)

    async def close(self) -> None:
        """Give the connections back."""
        while self._idle:
            await self._idle.pop().close()

    async def _one(self, query: str, values: tuple[object, ...]) -> Any:
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                await self._free.acquire()
        except TimeoutError as late:
            raise sa.exc.TimeoutError("all connections for reading are busy") from late
        try:
            return await self._ask(query, values)
        except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
            await self.close()  # they were all to the same server
            raise sa.exc.OperationalError(query, None, error) from error
        finally:
            self._free.release()

    async def _ask(self, query: str, values: tuple[object, ...]) -> Any:
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            row = await (await connection.execute(query, values)).fetchone()
        except BaseException:
            await connection.close()
            raise
        self._idle.append(connection)
        return row

    async def _connect(self) -> AsyncConnection[Any]:
        async with asyncio.timeout(_WITHIN_SECONDS):
            return await AsyncConnection.connect(self._address, autocommit=True, prepare_threshold=0)
