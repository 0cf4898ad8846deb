"""API keys this process has seen, remembered for a few seconds: a crowd with one key costs one statement.

The price: a key that is revoked goes on for up to `REMEMBERED_SECONDS` in each process (docs/access.md). Expiry is
exact. A key in use is asked for again a second before it is forgotten, so that nobody waits for that. Wrong keys are
not remembered, and a hash is all that is kept of any.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models import keys
from models.database import Database
from models.keys import LivingKey

REMEMBERED_SECONDS = 5.0
_ASK_AHEAD_SECONDS = 1.0
_MOST_REMEMBERED = 10_000
_USE_IS_NOTED_EVERY = timedelta(minutes=1)

log = structlog.get_logger()


class KeyRing:
    """One a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, LivingKey]] = {}
        self._asking: dict[str, asyncio.Task[LivingKey | None]] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def find(self, key_hash: str) -> LivingKey | None:
        """The living key with this hash. Requests that ask for the same one at once wait for the same answer."""
        until, key = self._known.get(key_hash, (0.0, None))
        left = until - time.monotonic()
        if key is None or left <= 0:
            return await asyncio.shield(self._answer(key_hash))
        if left < _ASK_AHEAD_SECONDS:
            self._answer(key_hash)
        return key if key.expires_at is None or key.expires_at > datetime.now(UTC) else None

    def _answer(self, key_hash: str) -> asyncio.Task[LivingKey | None]:
        """To the question that is under way, or is asked now."""
        asking = self._asking.get(key_hash)
        if asking is None:
            asking = asyncio.create_task(self._ask(key_hash))
            self._asking[key_hash] = asking
            asking.add_done_callback(lambda done: self._answered(key_hash, done))
        return asking

    def _answered(self, key_hash: str, asked: asyncio.Task[LivingKey | None]) -> None:
        self._asking.pop(key_hash, None)
        if not asked.cancelled() and (error := asked.exception()):  # who waits is told; if nobody does, the next asks
            log.warning("a key could not be looked up", error=type(error).__name__)

    async def _ask(self, key_hash: str) -> LivingKey | None:
        async with self._database.one_statement() as connection:
            key = await keys.find_living(connection, key_hash)
        if key is None:
            self._known.pop(key_hash, None)
            return None
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[key_hash] = (time.monotonic() + REMEMBERED_SECONDS, key)
        if key.last_used_at is None or key.last_used_at < datetime.now(UTC) - _USE_IS_NOTED_EVERY:
            noting = asyncio.create_task(self._note_use(key))
            self._noting.add(noting)
            noting.add_done_callback(self._noting.discard)
        return key

    async def _note_use(self, key: LivingKey) -> None:
        """Beside the request, and at most once a minute: nobody waits for it, and nothing fails with it."""
        try:
            async with self._database.transaction(key.tenant_id) as session:
                await keys.note_use(session, key.key_id)
        except SQLAlchemyError as error:
            log.warning("use of a key was not noted", key=key.key_id, error=type(error).__name__)
