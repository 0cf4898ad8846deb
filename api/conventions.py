"""What every answer keeps to, whatever it is an answer to: ids, headers, kept answers, the audit log, no bare 500."""

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import cors
from api.exchange import SAFE, Exchange
from api.logbook import Logbook, acts_of
from api.problems import Problem
from api.remembering import settle

log = structlog.get_logger()

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Permissions-Policy": "()",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""OWASP's REST Security Cheat Sheet, "Security Headers". What a route has said itself stays."""

_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

_PAGES = frozenset({"/docs", "/docs/oauth2-redirect"})
"""The one page for people: it loads its script from elsewhere, so it goes without the policy."""


class Conventions:
    """Around everything else. An answer that must be kept or written down waits for that, then goes out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange.begin(scope)
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        answer = _Answer(scope, exchange, send)
        try:
            if cors.is_preflight(scope):
                await (await cors.preflight(scope, exchange))(scope, receive, answer.send)
                return
            await self._app(scope, receive, answer.send)
        except Exception as error:
            log.exception("unexpected", error=type(error).__name__)
            if answer.started:
                raise
            detail = "Something went wrong on our side. Repeat the same request with the same Idempotency-Key."
            await Problem(500, "internal_fault", detail).response()(scope, receive, answer.send)


class _Answer:
    """Takes an answer's messages; lets them out with what belongs to them."""

    def __init__(self, scope: Scope, exchange: Exchange, send: Send) -> None:
        self._scope, self._exchange, self._send = scope, exchange, send
        self._start: Message | None = None
        self._body = bytearray()
        self.started = False

    async def send(self, message: Message) -> None:
        """One message of the application's."""
        if message["type"] == "http.response.start":
            self._start = message
            self._dress(MutableHeaders(raw=message["headers"]))
            if not self._must_wait():
                await self._begin()
            return
        if self.started or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        await self._settle()
        await self._begin()
        await self._send({"type": "http.response.body", "body": bytes(self._body)})

    async def _begin(self) -> None:
        if self._start is not None:
            self.started = True
            await self._send(self._start)

    def _must_wait(self) -> bool:
        acts = self._scope["method"] not in SAFE or self._exchange.deeds is not None
        return self._exchange.claim is not None or (acts and self._exchange.caller is not None)

    def _dress(self, headers: MutableHeaders) -> None:
        exchange = self._exchange
        own = cors.headers(self._scope, exchange) | exchange.headers | {"X-Request-Id": exchange.request_id}
        said = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in own.items()]
        names = {name for name, _ in said}
        raw = headers.raw
        raw[:] = [one for one in raw if one[0] not in names] + said
        names.update(name for name, _ in raw)
        page = self._scope["path"] in _PAGES
        raw += [one for one in _RAW if one[0] not in names and not (page and one[0] == b"content-security-policy")]
        headers.add_vary_header("Origin")

    async def _settle(self) -> None:
        """Keep the answer for whoever repeats the request, and write down what was done."""
        if self._start is None:
            return
        status, body = int(self._start["status"]), bytes(self._body)
        shared = self._scope["app"].state.resources
        logbook: Logbook = shared.logbook
        for act in acts_of(self._scope, self._exchange, status, body):
            await logbook.write(act)
        try:
            await settle(shared.database, self._exchange, status, MutableHeaders(raw=self._start["headers"]), body)
        except SQLAlchemyError as error:  # its claim runs out by itself
            log.warning("an answer was not kept", error=type(error).__name__)
