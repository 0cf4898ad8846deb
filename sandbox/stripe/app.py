"""The stand-in as an ASGI application: `/v1`, the bank's page, the controls, and work between requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.stripe import three_ds
from sandbox.stripe.account import Account, Config
from sandbox.stripe.api import Api, HangUp
from sandbox.stripe.clock import run_due
from sandbox.stripe.control import Control
from sandbox.stripe.faults import Faults
from sandbox.stripe.webhooks import Courier, Endpoint

TICK_SECONDS = 0.5
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
}  # fmt: skip


class StripeStandIn:
    """One account, one process. `endpoints` None keeps those of the state file."""

    def __init__(self, config: Config, endpoints: list[Endpoint] | None) -> None:
        self.account = Account(config)
        self.courier = Courier(self.account)
        faults = Faults()
        self.api = Api(self.account, faults)
        self.control = Control(self.account, faults, self.courier)
        if endpoints is not None:
            self.courier.set_endpoints(endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
            await response(scope, receive, send)
        except HangUp:
            await _cut(send)
        finally:
            self.courier.wake()

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=PREFLIGHT)
        if path == "/healthz":
            return JSONResponse({"status": "ok", "now": self.account.now()})
        if path.startswith("/_control/"):
            return await self.control.answer(request)
        if path.startswith("/3ds/"):
            key, _, act = path.removeprefix("/3ds/").partition("/")
            if request.method == "POST" and act in ("pass", "fail"):
                return three_ds.finish(self.account, key, act)
            return three_ds.show(self.account, key)
        return await self.api.answer(request)

    async def _live(self, receive: Receive, send: Send) -> None:
        async with self._work():
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _work(self) -> AsyncIterator[None]:
        self.courier.wake()
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            ticking.cancel()
            await self.courier.close()
            self.account.journal.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if run_due(self.account):
                self.courier.wake()
            self.account.commit()


async def _cut(send: Send) -> None:
    """Close the connection without a byte. ASGI has no word for it, so this reaches for uvicorn's socket."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise TypeError("this server does not show its transport; run the stand-in with uvicorn")
    transport.abort()
    # The server notices the loss in a later step of the loop and then asks for no response.
    for _ in range(3):
        await asyncio.sleep(0)
