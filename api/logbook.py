"""Acts on their way into the audit log: an answer waits until its act is written, and those who wait share a write."""

import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Scope

from api.exchange import SAFE, Deed, Exchange
from models import trail
from models.database import Database
from models.trail import Act

log = structlog.get_logger()

_CROWDED = frozenset({"POST /v1/checkouts", "mutation beginCheckout"})
"""A cart that was refused changed nothing; in a drop there are thousands a second. Only what began is written down."""

_MOST_AT_ONCE = 500
_NOT_ACTS = (401, 429)


class Entry(NamedTuple):
    """An act, and in whose log."""

    tenant: str
    act: Act


def acts_of(scope: Scope, exchange: Exchange, status: int, body: bytes) -> list[Entry]:
    """What is to be written down of a request; nothing for one that only read, or that was done before."""
    method, caller, deeds = scope["method"], exchange.caller, exchange.deeds
    if (method in SAFE and deeds is None) or caller is None or exchange.replayed or status in _NOT_ACTS:
        return []
    if deeds is None:
        action = f"{method} {getattr(scope.get('route'), 'path', scope['path'])}"
        deeds = [Deed(action, scope["path"], status, _code(body) if status >= 400 else None)]
    at = datetime.now(UTC).isoformat()
    return [
        Entry(caller.tenant, Act(at, caller.actor, *deed, exchange.request_id))
        for deed in deeds
        if not (deed.action in _CROWDED and deed.status >= 400)
    ]


def _code(body: bytes) -> str | None:
    try:
        return str(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return None


class Logbook:
    """One a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Returns once it is written. What cannot be is logged: the act has happened, so its answer goes out."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await written

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            acts: dict[str, list[Act]] = defaultdict(list)
            for entry, _ in batch:
                acts[entry.tenant].append(entry.act)
            try:
                async with self._database.one_statement() as connection:
                    for tenant, those in acts.items():
                        await trail.record(connection, tenant, those)
            except SQLAlchemyError as error:
                lost = [entry.act for entry, _ in batch]
                log.exception("acts missing in the audit log", error=type(error).__name__, acts=lost)
            finally:
                for _, written in batch:
                    if not written.done():
                        written.set_result(None)
