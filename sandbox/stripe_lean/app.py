"""The stand-in's HTTP face: Stripe's endpoints, a 3-D Secure page, and the control endpoints.

Control (no key): `POST /_control/webhooks {mode, duplicate, delay_seconds}`, `POST /_control/webhooks/release {reorder}`,
`POST /_control/faults {operation, when, status, nth, times, retry_after}`, `DELETE /_control/faults`,
`GET /_control/state`, `POST /_control/authenticate/{intent} {passed}`. Operations: `payment_intents.create`, `.confirm`,
`.capture`, `.cancel`, `.retrieve`.
"""

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateways.signatures import stripe_signature
from sandbox.faults import ConnectionLost, Fault, Faults
from sandbox.lost import LostResponse
from sandbox.state import StateFile
from sandbox.stripe_lean.errors import StripeFault, invalid
from sandbox.stripe_lean.forms import parse
from sandbox.stripe_lean.idempotency import Keys
from sandbox.stripe_lean.intents import Intents
from sandbox.webhooks import Poster

Work = Callable[[dict[str, Any]], dict[str, Any]]


class StandIn:
    """One account with its objects, keys, events and faults."""

    def __init__(self, *, api_key: str, webhook_url: str, secret: str, public_url: str, state: Path | None) -> None:
        self.api_key = api_key
        self.keys, self.faults, self.events = Keys(), Faults(), list[dict[str, Any]]()
        self.intents = Intents(self._emit, public_url)
        self.poster = Poster(webhook_url, lambda body: {"Stripe-Signature": stripe_signature(secret, body, int(time.time()))})
        self._file = StateFile(state)
        saved = self._file.load()
        self.intents.rows = saved.get("intents", {})
        self.keys.rows = saved.get("keys", {})
        self.events = saved.get("events", [])
        self.keys.drop_running()

    def save(self) -> None:
        """Write everything down, when asked to keep it."""
        self._file.save({"intents": self.intents.rows, "keys": self.keys.rows, "events": self.events})

    def _emit(self, kind: str, subject: dict[str, Any]) -> None:
        event = {
            "id": "evt_" + secrets.token_hex(12), "object": "event", "api_version": "2026-09-30", "type": kind,
            "created": int(time.time()), "livemode": False, "pending_webhooks": 1, "data": {"object": shown(subject)},
        }  # fmt: skip
        event = json.loads(json.dumps(event))  # a snapshot: later changes do not show in it
        self.events.append(event)
        self.poster.post(event["id"], json.dumps(event).encode())

    async def call(self, request: Request, operation: str, work: Work) -> Response:
        """One API call: key, idempotency, faults, work, answer."""
        try:
            self._authorize(request)
            raw = await request.body()
            params = parse(raw.decode()) if request.method == "POST" else dict(request.query_params)
            key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
            if key and (saved := self.keys.begin(key, request.url.path, raw)):
                return JSONResponse(saved["body"], saved["status"], headers={"Idempotent-Replayed": "true"})
            return await self._work(operation, work, params, key)
        except StripeFault as fault:
            return JSONResponse(fault.body, fault.status)
        except ConnectionLost:
            return LostResponse()

    async def _work(self, operation: str, work: Work, params: dict[str, Any], key: str | None) -> Response:
        try:
            await self.faults.strike(operation, "hang")
            if struck := await self.faults.strike(operation, "before"):
                if key:
                    self.keys.forget(key)
                return struck
            expand = params.get("expand", [])
            body, status = shown(work(params), expand), 200
        except StripeFault as fault:
            body, status = fault.body, fault.status
            if key and not fault.saved:
                self.keys.forget(key)
                return JSONResponse(body, status)
        except BaseException:
            if key:
                self.keys.forget(key)
            raise
        if key:
            self.keys.finish(key, status, json.loads(json.dumps(body)))
        self.save()
        if struck := await self.faults.strike(operation, "after"):
            return struck
        return JSONResponse(body, status, headers={"Request-Id": "req_" + secrets.token_hex(7)})

    def _authorize(self, request: Request) -> None:
        given = request.headers.get("Authorization", "")
        if not secrets.compare_digest(given.encode(), f"Bearer {self.api_key}".encode()):
            raise invalid("Invalid API Key provided.", status=401)


def shown(subject: dict[str, Any], expand: list[str] | None = None) -> dict[str, Any]:
    """An object as the API answers it: the charge as its id unless `latest_charge` is expanded."""
    charge = subject.get("latest_charge")
    if isinstance(charge, dict) and "latest_charge" not in (expand or []):
        return {**subject, "latest_charge": charge["id"]}
    return subject


def build(stand: StandIn) -> Starlette:  # noqa: C901  # a list of routes
    """The ASGI application around a stand-in."""
    intents = stand.intents

    async def create(request: Request) -> Response:
        if request.method == "POST":
            return await stand.call(request, "payment_intents.create", intents.create)
        return await stand.call(request, "payment_intents.list", listing)

    def listing(params: dict[str, Any]) -> dict[str, Any]:
        rows = list(reversed(intents.rows.values()))
        if after := params.get("starting_after"):
            rows = rows[[row["id"] for row in rows].index(after) + 1 :]
        limit = min(int(params.get("limit", 10)), 100)
        page = [shown(row) for row in rows[:limit]]
        return {"object": "list", "url": "/v1/payment_intents", "data": page, "has_more": len(rows) > limit}

    async def retrieve(request: Request) -> Response:
        number = request.path_params["number"]
        return await stand.call(request, "payment_intents.retrieve", lambda _: intents.get(number))

    async def act(request: Request) -> Response:
        number, verb = request.path_params["number"], request.path_params["verb"]
        acts: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "confirm": intents.confirm, "capture": intents.capture, "cancel": intents.cancel,
        }  # fmt: skip
        if verb not in acts:
            return JSONResponse(invalid(f"Unrecognized request URL: {verb}", status=404).body, 404)
        return await stand.call(request, f"payment_intents.{verb}", lambda params: acts[verb](number, params))

    async def browser_confirm(request: Request) -> Response:
        """What Stripe's script does in the shopper's browser: confirm with the client secret."""
        params = parse((await request.body()).decode())
        number = request.path_params["number"]
        try:
            if params.get("client_secret") != intents.get(number)["client_secret"]:
                raise invalid("The client_secret provided does not match.", code="payment_intent_invalid_parameter")
            answer: Response = JSONResponse(shown(intents.confirm(number, params)))
        except StripeFault as fault:
            answer = JSONResponse(fault.body, fault.status)
        stand.save()
        return answer

    async def challenge(request: Request) -> Response:
        number = request.path_params["number"]
        intents.get(number)
        action = f"/3ds/{quote(number)}"
        buttons = "".join(
            f"<form method=post action='{action}/{verb}'><button>{label}</button></form>"
            for verb, label in (("pass", "Complete authentication"), ("fail", "Fail authentication"))
        )
        return HTMLResponse(f"<title>3-D Secure test page</title><h1>3-D Secure test page</h1>{buttons}")

    async def challenged(request: Request) -> Response:
        try:
            passed = request.path_params["verb"] == "pass"
            intent = intents.authenticate(request.path_params["number"], passed=passed)
        except StripeFault as fault:
            return JSONResponse(fault.body, fault.status)
        stand.save()
        back = intent["return_url"]
        return RedirectResponse(back, 303) if back else JSONResponse(shown(intent))

    async def webhooks(request: Request) -> Response:
        for name, value in (await request.json()).items():
            setattr(stand.poster.conduct, name, value)
        return Response(status_code=204)

    async def release(request: Request) -> Response:
        asked = json.loads(await request.body() or b"{}")
        return JSONResponse({"released": stand.poster.release(reorder=asked.get("reorder", False))})

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            stand.faults.asked.clear()
        else:
            stand.faults.asked.append(Fault(**await request.json()))
        return Response(status_code=204)

    async def state(_: Request) -> Response:
        rows = list(intents.rows.values())
        return JSONResponse(
            {
                "intents": [shown(row) for row in rows],
                "held": sum(row["status"] == "requires_capture" for row in rows),
                "captured": sum(row["status"] == "succeeded" for row in rows),
                "keys": len(stand.keys.rows),
                "events": len(stand.events),
            }
        )

    async def healthz(_: Request) -> Response:
        return JSONResponse({"ok": True})

    return Starlette(
        routes=[
            Route("/v1/payment_intents", create, methods=["GET", "POST"]),
            Route("/v1/payment_intents/{number}", retrieve, methods=["GET"]),
            Route("/v1/payment_intents/{number}/{verb}", act, methods=["POST"]),
            Route("/browser/payment_intents/{number}/confirm", browser_confirm, methods=["POST"]),
            Route("/3ds/{number}", challenge, methods=["GET"]),
            Route("/3ds/{number}/{verb:str}", challenged, methods=["POST"]),
            Route("/_control/webhooks", webhooks, methods=["POST"]),
            Route("/_control/webhooks/release", release, methods=["POST"]),
            Route("/_control/faults", faults, methods=["POST", "DELETE"]),
            Route("/_control/state", state, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
        ]
    )
