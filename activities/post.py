"""The post: sends what is in the outbox of e-mails, at least once, those of one order in order.

A loop of the worker, not an activity: the outbox itself remembers what is to be done, and a timer of Temporal's for
each would cost more than it keeps. One that dies between the server's yes and our note sends that mail again, under
the same Message-ID.
"""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from activities.letters import LetterWriter
from domain.letters import Letter, Moot
from domain.states import MailState
from gateways.mail import Mailer, MailRefused, MailWaits
from models import events, mails
from models.database import Database
from models.mails import MailKey

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 1.0
_AT_A_TIME = 8


class Post:
    """One a worker; several share the work, because a mail in hand is leased."""

    def __init__(self, database: Database, mailer: Mailer, writer: LetterWriter) -> None:
        self._database, self._mailer, self._writer = database, mailer, writer

    async def run(self, stopping: asyncio.Event) -> None:
        """Look for what is due until told to stop; what is being sent then is sent."""
        while not stopping.is_set():
            found = await self._round()
            if not found:
                try:
                    await asyncio.wait_for(stopping.wait(), _LOOK_EVERY_SECONDS)
                except TimeoutError:
                    continue

    async def _round(self) -> int:
        try:
            async with self._database.transaction(None) as session:
                due = await mails.due(session, _AT_A_TIME)
        except SQLAlchemyError:
            return 0
        await asyncio.gather(*(self._deliver(key) for key in due))
        return len(due)

    async def _deliver(self, key: MailKey) -> None:
        try:
            letter = await self._take(key)
            if letter is not None:
                await self._send(key, letter)
        except SQLAlchemyError as away:
            log.warning("mail waits", tenant=key.tenant, milestone=key.milestone, why=type(away).__name__)

    async def _take(self, key: MailKey) -> Letter | None:
        """Take it in hand and write it. A text that cannot be written is our fault, and no reason to lose a mail."""
        async with self._database.transaction(key.tenant) as session:
            mail = await mails.take(session, key)
            if mail is None:
                return None
            try:
                letter = await self._writer.write(session, mail)
            except SQLAlchemyError:
                raise
            except Exception as fault:
                log.exception("mail not written", tenant=key.tenant, mail=mail.mail_id, error=type(fault).__name__)
                await mails.postpone(session, key, f"could not be written: {type(fault).__name__}")
                return None
            if isinstance(letter, Moot):
                await mails.settle(session, key, MailState.MOOT, letter.why)
                return None
            return letter

    async def _send(self, key: MailKey, letter: Letter) -> None:
        """Outside any transaction; then note what became of it."""
        try:
            await self._mailer.send(letter)
        except MailRefused as refused:
            await self._give_up(key, str(refused))
        except MailWaits as waits:
            async with self._database.transaction(key.tenant) as session:
                if not await mails.postpone(session, key, str(waits)):
                    _tell(session, key, str(waits))
        except ValueError as unsendable:  # an address that no header can hold
            await self._give_up(key, f"cannot be addressed: {type(unsendable).__name__}")
        else:
            async with self._database.transaction(key.tenant) as session:
                await mails.settle(session, key, MailState.SENT)

    async def _give_up(self, key: MailKey, why: str) -> None:
        async with self._database.transaction(key.tenant) as session:
            await mails.settle(session, key, MailState.FAILED, why)
            _tell(session, key, why)


def _tell(session: AsyncSession, key: MailKey, why: str) -> None:
    """Support reads it in the order's timeline."""
    message = f"The e-mail {key.milestone} could not be sent: {why}"
    events.record(session, key.tenant, key.checkout_id, "mail.failed", message)
