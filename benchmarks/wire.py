"""The least of an HTTP client: one connection, one request at a time, bytes made beforehand, and no time lost on it.

A general client takes longer for a request than the API for its answer, on the same two cores, and what would be
measured then is the client.
"""

import asyncio
import json
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

import httptools


class Lost(Exception):
    """No answer: refused, cut or too late. What was asked may have happened."""


class Connection(asyncio.Protocol):
    """To one server, opened when it is needed and again after it was lost. `timeout` is seconds for a whole answer."""

    def __init__(self, url: str, headers: dict[str, str], timeout: float) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._timeout = parts.hostname or "", parts.port or 80, timeout
        lines = (f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **headers}.items())
        self._headers = "".join(lines)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body. Raises `Lost`."""
        content = b"" if body is None else json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        kind = "Content-Type: application/json\r\n" if content else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}{more}{kind}Content-Length: {len(content)}\r\n\r\n"
        try:
            async with asyncio.timeout(self._timeout):
                return await self._send(head.encode() + content)
        except (OSError, TimeoutError) as lost:
            self.close()
            raise Lost(type(lost).__name__) from lost

    async def _send(self, request: bytes) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        if self._transport is None:
            await loop.create_connection(lambda: self, self._host, self._port)
        if self._transport is None:
            raise ConnectionResetError
        self._answer, self._content = loop.create_future(), bytearray()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        return await self._answer

    @property
    def busy(self) -> bool:
        """Whether a request is on its way."""
        return self._answer is not None and not self._answer.done()

    def close(self) -> None:
        """End it, if it is open."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        """As asyncio calls it."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio calls it."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def on_body(self, body: bytes) -> None:
        """As the parser calls it."""
        self._content += body

    def on_message_complete(self) -> None:
        """As the parser calls it."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), bytes(self._content)))

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
