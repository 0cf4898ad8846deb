"""Refuses bodies larger than we ever need, before they are read into memory."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem


class _TooLarge(HTTPException):
    """The body went over the limit while it came in; an HTTP error, because FastAPI lets those through unchanged."""

    def __init__(self, most: int) -> None:
        super().__init__(413, f"The body is larger than {most} bytes.")


class BodyLimit:
    """413 for a body of more than `most` bytes, declared or not; `larger` has the paths that may have more."""

    def __init__(self, app: ASGIApp, most: int, larger: Mapping[str, int] | None = None) -> None:
        self._app, self._most, self._larger = app, most, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], self._most)
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if declared == b"0" and b"transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        if declared.isdigit() and int(declared) > most:
            await self._refuse(most, scope, receive, send)
            return
        seen, started = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise _TooLarge(most)
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if not started:
                await self._refuse(most, scope, receive, send)

    async def _refuse(self, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"The body is larger than {most} bytes."
        await Problem(413, "body_too_large", detail).response()(scope, receive, send)
