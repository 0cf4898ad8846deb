"""Statements that are given to psycopg itself, within a session's transaction: for what a shopper waits for.

Through SQLAlchemy a statement takes three times the processor, and a round trip each; `together` makes one of all.
Tables, columns and their types stay those of the mapped classes (decision 0043).
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple, cast

import psycopg
import sqlalchemy as sa
from psycopg.rows import namedtuple_row
from pydantic_core import to_json
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from models.base import Base

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped
_quoted = _DIALECT.identifier_preparer.quote


class Statement(NamedTuple):
    """Text as psycopg takes it, `%(name)s` for each value."""

    text: str
    values: Mapping[str, Any]


async def ask(session: AsyncSession, asked: Statement) -> list[Any]:
    """Its rows, with their columns as attributes. Raises as SQLAlchemy does."""
    return (await together(session, asked))[0]


async def together(session: AsyncSession, *statements: Statement) -> list[list[Any]]:
    """One after the other, in one round trip; the rows of each. The first that fails is the last that is run.

    What the session has not flushed yet is not written before them. Raises as SQLAlchemy does.
    """
    async with _driver(session) as driver:
        cursors = [driver.cursor(row_factory=namedtuple_row) for _ in statements]
        if len(statements) == 1:
            await cursors[0].execute(*statements[0])
        else:
            async with driver.pipeline():
                for cursor, one in zip(cursors, statements, strict=True):
                    await cursor.execute(*one)
        return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]


def insert(rows: Iterable[Base]) -> list[Statement]:
    """One INSERT for rows of the same table that follow each other, and have values for the same columns.

    Columns without a value get the database's default. The rows do not become the session's, and what the database
    fills in is not read back. A value that is itself SQL cannot be given.
    """
    kinds = groupby(rows, key=lambda row: (type(row), tuple(_values(row))))
    return [_of_rows(_insert(kind, names), map(_values, group)) for (kind, names), group in kinds]


def update(rows: Iterable[Base]) -> list[Statement]:
    """An UPDATE each of what was changed of rows that the session has read, which has nothing to flush of them then."""
    return [_changes(row) for row in rows if sa.inspect(row).committed_state]


def _values(row: Base) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name != "_sa_instance_state"}


def _changes(row: Base) -> Statement:
    state = sa.inspect(row)
    changed = sorted(state.committed_state)
    key = [str(column.key) for column in state.mapper.primary_key]
    values = {name: getattr(row, name) for name in (*key, *changed)}
    for name in changed:
        set_committed_value(row, name, values[name])
    return _of_rows(_update(type(row), tuple(key), tuple(changed)), [values])


def _of_rows(text: str, rows: Iterable[Mapping[str, Any]]) -> Statement:
    return Statement(text, {"rows": to_json(list(rows)).decode()})


@cache
def _insert(kind: type[Base], names: tuple[str, ...]) -> str:
    table, columns = _table(kind), ", ".join(map(_quoted, names))
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {_given(kind, names)}"  # noqa: S608  # names of ours


@cache
def _update(kind: type[Base], key: tuple[str, ...], names: tuple[str, ...]) -> str:
    table = _table(kind)
    changes = ", ".join(f"{_quoted(name)} = given.{_quoted(name)}" for name in names)
    same = " AND ".join(f"{table}.{_quoted(name)} = given.{_quoted(name)}" for name in key)
    return f"UPDATE {table} SET {changes} FROM {_given(kind, (*key, *names))} WHERE {same}"  # noqa: S608


def _table(kind: type[Base]) -> str:
    return _quoted(kind.__tablename__)


def _given(kind: type[Base], names: Iterable[str]) -> str:
    """The rows of the one parameter, however many: PostgreSQL reads each value as what its column is.

    Attributes have the names of their columns.
    """
    columns = sa.inspect(kind).columns
    types = ", ".join(f"{_quoted(name)} {columns[name].type.compile(_DIALECT)}" for name in names)
    return f"jsonb_to_recordset(%(rows)s) AS given({types})"


@asynccontextmanager
async def _driver(session: AsyncSession) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    connection = await session.connection()
    driver = cast("psycopg.AsyncConnection[Any]", (await connection.get_raw_connection()).driver_connection)
    try:
        yield driver
    except psycopg.Error as error:
        lost = driver.closed
        if lost:
            await connection.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            "statements given to the driver", None, error, psycopg.Error,
            hide_parameters=True, connection_invalidated=lost,
        ) from error  # fmt: skip
