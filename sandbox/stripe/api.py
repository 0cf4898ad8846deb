"""The API under `/v1`: authentication, parameters, idempotency, faults, the operation, its answer."""

import asyncio
import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.stripe.account import Account, Cause, shown, token
from sandbox.stripe.call import Call
from sandbox.stripe.errors import Obj, StripeError, invalid, unauthorized
from sandbox.stripe.faults import FaultOrder, Faults, Target
from sandbox.stripe.idempotency import Keys, Saved, fingerprint
from sandbox.stripe.lists import expand
from sandbox.stripe.params import decode, strings
from sandbox.stripe.routes import Route, find_route

DECLINABLE = (
    "payment_intents.create", "payment_intents.confirm", "payment_intents.capture",
    "payment_intents.increment_authorization",
)  # fmt: skip
# Longest silence of a `hang` that says nothing else; seconds.
HANG_SECONDS = 3600.0


class HangUp(Exception):  # not an error of ours: the connection is to end without an answer
    """The client gets no answer: the connection closes."""


@dataclass(frozen=True)
class Arrived:
    """A request that passed the door: which operation, by whom, with what, under which idempotency key."""

    request: Request
    request_id: str
    route: Route
    key: str
    publishable: bool
    params: dict[str, Any]
    idempotency_key: str | None
    print_: str


class Api:
    """Answers `/v1`. An operation is synchronous and ends in one commit: it happens whole or not at all."""

    def __init__(self, account: Account, faults: Faults) -> None:
        self.account = account
        self.faults = faults
        self.keys = Keys(account)

    async def answer(self, request: Request) -> Response:
        """The response to one request. Raises HangUp when there is to be none."""
        request_id = "req_" + token(14)
        headers = {
            "Request-Id": request_id,
            "Stripe-Version": request.headers.get("stripe-version", self.account.config.api_version),
        }
        if "idempotency-key" in request.headers:
            headers["Idempotency-Key"] = request.headers["idempotency-key"]
        try:
            arrived = await self._arrive(request, request_id)
            fault = self.faults.strike(_target(arrived))
            if fault is not None and fault.in_front:
                await _refuse(fault)
            saved = await self._through_keys(arrived, fault)
        except StripeError as error:
            return _respond(error.status, _dump(error.body()), headers | error.headers)
        if saved.request_id != request_id:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": saved.request_id}
        return _respond(saved.status, saved.body, headers)

    async def _arrive(self, request: Request, request_id: str) -> Arrived:
        publishable = self._authenticate(request.headers.get("authorization"))
        route, key = find_route(request.method, request.url.path)
        if publishable and not route.publishable:
            raise unauthorized("This call needs a secret API key.", code="secret_key_required")
        body = await request.body()
        if body and "json" in request.headers.get("content-type", ""):
            raise invalid("Invalid request: parameters are form-encoded (application/x-www-form-urlencoded).")
        params = decode(body if request.method == "POST" else request.url.query)
        params.pop("key", None)  # Stripe.js sends its publishable key among the parameters too
        idempotency_key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if idempotency_key == "":
            raise invalid("Idempotency keys must not be empty.")
        print_ = fingerprint(request.method, request.url.path, params)
        return Arrived(request, request_id, route, key, publishable, params, idempotency_key, print_)

    def _authenticate(self, header: str | None) -> bool:
        """Whether the key is a publishable one. Raises 401 for none or a wrong one."""
        scheme, _, credentials = (header or "").partition(" ")
        key = credentials.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                key = ""
        elif scheme.lower() != "bearer":
            key = ""
        if not key:
            raise unauthorized("You did not provide an API key. Give it as a Bearer token or as the Basic user name.")
        config = self.account.config
        if key == config.api_key:
            return False
        if key.startswith("pk_test_") and config.publishable_key in (None, key):
            return True
        raise unauthorized(f"Invalid API Key provided: {key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}")

    async def _through_keys(self, arrived: Arrived, fault: FaultOrder | None) -> Saved:
        key = arrived.idempotency_key
        if key is None:
            return await self._run(arrived, fault)
        known = self.keys.begin(key, arrived.print_)
        if known is not None:
            if fault is not None and fault.when == "after" and fault.status is None:
                raise HangUp
            return known
        try:
            return await self._run(arrived, fault)
        finally:
            self.keys.end(key)

    async def _run(self, arrived: Arrived, fault: FaultOrder | None) -> Saved:
        call = Call(
            self.account, arrived.route.operation, dict(arrived.params), arrived.key, arrived.publishable,
            Cause(arrived.request_id, arrived.idempotency_key),
        )  # fmt: skip
        if fault is not None:
            await self._suffer(arrived, call, fault)
        answer, kept = self._execute(arrived, call)
        if fault is not None and fault.when == "after" and fault.status is not None and fault.status >= 400:
            failure = fault.failure(fault.status)
            self._finish(arrived, _failed(failure, arrived), failure.saved)
            raise failure
        self._finish(arrived, answer, kept)
        if fault is not None and fault.when == "after" and fault.status is None:
            raise HangUp
        return answer

    async def _suffer(self, arrived: Arrived, call: Call, fault: FaultOrder) -> None:
        """What happens before the operation runs, if it runs at all."""
        if fault.when == "hang":
            await _silence(arrived.request, fault.delay_seconds or HANG_SECONDS)
            raise HangUp
        await asyncio.sleep(fault.delay_seconds)
        if fault.when != "before" or fault.status is None or fault.status < 400:
            return
        if fault.status == 402 and call.operation in DECLINABLE:
            call.forced_decline = fault.decline()
            return
        failure = fault.failure(fault.status)
        self._finish(arrived, _failed(failure, arrived), failure.saved)
        raise failure

    def _execute(self, arrived: Arrived, call: Call) -> tuple[Saved, bool]:
        """Run the operation: its answer, and whether the idempotency layer keeps it."""
        try:
            paths = strings("expand", call.params.pop("expand", ""))
            body = expand(self.account, arrived.route.run(call), paths)
        except StripeError as error:
            return _failed(error, arrived), error.saved
        return Saved(200, _dump(body), arrived.request_id), True

    def _finish(self, arrived: Arrived, answer: Saved, kept: bool) -> None:
        if kept and arrived.idempotency_key is not None:
            self.keys.save(arrived.idempotency_key, arrived.print_, answer)
        self.account.commit()


def _target(arrived: Arrived) -> Target:
    """What faults may know the request by; a key sent with a GET counts too, though the API ignores it."""
    named = (arrived.key, arrived.params.get("payment_intent"))
    intents = tuple(key for key in named if isinstance(key, str) and key.startswith("pi_"))
    return Target(arrived.route.operation, arrived.request.headers.get("idempotency-key"), intents)


async def _refuse(fault: FaultOrder) -> None:
    """A failure before the API is reached: not even the idempotency layer hears of the request."""
    await asyncio.sleep(fault.delay_seconds)
    if fault.status is None:
        raise HangUp
    raise fault.failure(fault.status)


def _failed(failure: StripeError, arrived: Arrived) -> Saved:
    return Saved(failure.status, _dump(failure.body()), arrived.request_id)


async def _silence(request: Request, seconds: float) -> None:
    """Say nothing until the client gives up or the time is over."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), seconds)
    except TimeoutError:
        return


def _dump(body: Obj) -> str:
    return json.dumps(shown(body), indent=2)


def _respond(status: int, body: str, headers: dict[str, str]) -> Response:
    common = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Request-Id",
        "Cache-Control": "no-store",
    }
    if status == 401:
        common["WWW-Authenticate"] = 'Basic realm="Stripe"'
    return Response(body, status, headers | common, media_type="application/json")
