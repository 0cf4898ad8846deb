"""The SMTP side of the stand-in (RFC 5321, what a client of one recipient needs), with faults."""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property

from sandbox.faults import Faults

_MOST_BYTES = 2_000_000
_KEPT = 1_000


class _Dropped(Exception):
    """The connection is closed without a word."""


@dataclass(frozen=True)
class Kept:
    """One e-mail as it came."""

    number: int
    at: datetime
    sender: str
    to: str
    raw: bytes = field(repr=False)

    @cached_property
    def message(self) -> EmailMessage:
        """Parsed."""
        parsed = message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)  # noqa: S101  # the default policy makes no other
        return parsed

    def part(self, kind: str) -> str:
        """Its text, `plain` or `html`; empty if there is none."""
        body = self.message.get_body((kind,))
        return str(body.get_content()) if body else ""


class Mailbox:
    """What came, oldest first; the oldest go when there are too many."""

    def __init__(self) -> None:
        self.kept: deque[Kept] = deque(maxlen=_KEPT)
        self.faults = Faults()
        self._count = 0

    def keep(self, sender: str, to: str, raw: bytes) -> None:
        """One more."""
        self._count += 1
        self.kept.append(Kept(self._count, datetime.now(UTC), sender, to, raw))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends."""
        try:
            await _Session(self, reader, writer).run()
        except (_Dropped, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


class _Session:
    def __init__(self, box: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._box, self._reader, self._writer = box, reader, writer
        self._sender, self._to = "", ""

    async def run(self) -> None:
        if await self._refused("connect"):
            return
        await self._say(220, "sandbox ESMTP")
        while line := await self._reader.readline():
            command = line.decode("ascii", "replace").strip()
            if not await self._obey(command.split(" ")[0].upper(), command):
                return

    async def _obey(self, verb: str, command: str) -> bool:
        if verb in ("EHLO", "HELO"):
            await self._say(250, "sandbox")
        elif verb == "MAIL":
            self._sender = _address(command)
            await self._say(250, "2.1.0 OK")
        elif verb == "RCPT":
            if not await self._refused("rcpt"):
                self._to = _address(command)
                await self._say(250, "2.1.5 OK")
        elif verb == "DATA":
            await self._data()
        elif verb in ("RSET", "NOOP"):
            await self._say(250, "2.0.0 OK")
        elif verb == "QUIT":
            await self._say(221, "2.0.0 Bye")
            return False
        else:
            await self._say(502, "5.5.1 Not here")
        return True

    async def _data(self) -> None:
        if not self._to:
            await self._say(503, "5.5.1 Who to?")
            return
        await self._say(354, "Go on")
        raw = bytearray()
        while (line := await self._reader.readline()) != b".\r\n":
            raw += line[1:] if line.startswith(b".") else line
            if not line or len(raw) > _MOST_BYTES:
                raise _Dropped
        if await self._refused("data"):
            return
        self._box.keep(self._sender, self._to, bytes(raw))
        if self._box.faults.take("data", "after"):
            raise _Dropped
        self._to = ""
        await self._say(250, "2.0.0 Kept")

    async def _refused(self, stage: str) -> bool:
        """Whether a fault has answered in our place."""
        if self._box.faults.take(stage, "hang"):
            await self._reader.read(-1)
            raise _Dropped
        fault = self._box.faults.take(stage, "before")
        if fault is None:
            return False
        if fault.status is None:
            raise _Dropped
        kind = fault.status // 100
        await self._say(fault.status, f"{kind}.1.1 {self._to or 'a recipient'}: asked to refuse")
        return True

    async def _say(self, code: int, text: str) -> None:
        self._writer.write(f"{code} {text}\r\n".encode())
        await self._writer.drain()


def _address(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]
