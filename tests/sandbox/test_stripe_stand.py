"""The Stripe stand-in as a process: its door (keys, parameters, headers), and that it survives its SIGKILL.

`StandIn` and `Receiver` serve the other `test_stripe_*` files too.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from sandbox.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk_test_standin"
SECRET = "whsec_standin"
# A purchase that needs no browser: a card, authorized now and captured later.
HOLD: Any = {
    "amount": 1250,
    "currency": "eur",
    "capture_method": "manual",
    "confirm": True,
    "payment_method": "pm_card_visa",
    "payment_method_types": ["card"],
}


async def until(ready: Callable[[], Any], seconds: float = 8) -> None:
    """Wait for something to become true; AssertionError when it does not."""
    for _ in range(int(seconds / 0.01)):
        if ready():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


class StandIn:
    """The real process on a free port, and clients for it."""

    def __init__(self, *arguments: str) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None
        self.http = httpx.AsyncClient(base_url=self.base, trust_env=False, timeout=10)
        self.stripe = self.client(KEY)

    def client(self, key: str) -> stripe.StripeClient:
        """The official SDK, told to retry nothing by itself."""
        return stripe.StripeClient(
            key, base_addresses={"api": self.base}, max_network_retries=0, http_client=stripe.HTTPXClient()
        )

    @property
    def intents(self) -> Any:
        """The SDK's payment intents."""
        return self.stripe.v1.payment_intents

    async def start(self) -> None:
        """Run it and wait until it answers."""
        command = [sys.executable, "-m", "sandbox.stripe", "--port", str(self.port), "--api-key", KEY]
        self.process = subprocess.Popen([*command, *self.arguments], cwd=ROOT)  # noqa: ASYNC220  # outlives the call
        for _ in range(500):
            try:
                if (await self.http.get("/healthz")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)
        raise AssertionError("the stand-in did not start")

    def kill(self) -> None:
        """SIGKILL: no goodbye, no flush."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    async def stop(self) -> None:
        """End it and close the clients."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        await self.http.aclose()

    async def control(self, path: str, **order: Any) -> Any:
        """Pull a lever."""
        answer = await self.http.post(f"/_control/{path}", json=order)
        assert answer.is_success, answer.text
        return answer.json()

    async def fault(self, **order: Any) -> None:
        """Arm one fault."""
        await self.control("faults", **order)

    async def state(self) -> Any:
        """The auditor's view."""
        return (await self.http.get("/_control/state")).json()

    async def post(self, path: str, data: dict[str, str], **headers: str) -> httpx.Response:
        """A raw request with the secret key."""
        sent = {"Authorization": f"Bearer {KEY}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.http.post(path, data=data, headers=sent)


class Receiver:
    """A shop's webhook endpoint: verifies each event with the SDK and answers as told."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.refusals = 0
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name http.server asks for
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signature = self.headers["Stripe-Signature"]
                construct: Any = stripe.Webhook.construct_event
                event = construct(body, signature, SECRET)
                if receiver.status == 200:
                    receiver.events.append(event)
                else:
                    receiver.refusals += 1
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def types(self) -> list[str]:
        """The kinds of the events taken so far, in order of arrival."""
        return [event["type"] for event in self.events]

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
async def stand() -> AsyncIterator[StandIn]:
    """A stand-in for the tests of this file."""
    running = StandIn()
    await running.start()
    yield running
    await running.stop()


async def test_a_request_without_a_key_is_refused(stand: StandIn) -> None:
    answer = await stand.http.get("/v1/payment_intents")
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers["request-id"].startswith("req_")


async def test_a_wrong_key_is_refused_and_not_repeated_in_full(stand: StandIn) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        await stand.client("sk_test_somebody_elses").v1.payment_intents.list_async()
    assert refused.value.http_status == 401
    assert "somebody" not in str(refused.value)


async def test_the_key_may_be_the_basic_user_name(stand: StandIn) -> None:
    answer = await stand.http.get("/v1/payment_intents", auth=(KEY, ""))
    assert answer.status_code == 200
    assert answer.json()["object"] == "list"


async def test_a_publishable_key_opens_one_intent_only_and_only_with_its_secret(stand: StandIn) -> None:
    intent = await stand.intents.create_async({"amount": 500, "currency": "eur", "metadata": {"order": "7"}})
    browser = {"Authorization": "Bearer pk_test_browser"}
    path = f"/v1/payment_intents/{intent.id}"
    seen = await stand.http.get(path, headers=browser, params={"client_secret": intent.client_secret})
    assert seen.json()["id"] == intent.id
    assert "metadata" not in seen.json()
    assert (await stand.http.get(path, headers=browser)).status_code == 401
    wrong = await stand.http.get(path, headers=browser, params={"client_secret": "pi_x_secret_y"})
    assert wrong.status_code == 400
    listing = await stand.http.get("/v1/payment_intents", headers=browser)
    assert (listing.status_code, listing.json()["error"]["code"]) == (401, "secret_key_required")


async def test_the_version_asked_for_is_echoed(stand: StandIn) -> None:
    intent = await stand.intents.create_async({"amount": 500, "currency": "eur"})
    headers = intent.last_response.headers
    assert headers["stripe-version"] == stripe.api_version
    assert headers["request-id"].startswith("req_")


async def test_what_does_not_exist_is_missing(stand: StandIn) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await stand.intents.retrieve_async("pi_nothing")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    unknown = await stand.post("/v1/nonsense", {})
    assert unknown.status_code == 404


async def test_json_is_not_what_stripe_speaks(stand: StandIn) -> None:
    answer = await stand.http.post(
        "/v1/payment_intents", json={"amount": 1000}, headers={"Authorization": f"Bearer {KEY}"}
    )
    assert answer.status_code == 400


async def test_everything_survives_a_sigkill(tmp_path: Path) -> None:
    shop = Receiver()
    shop.status = 503
    hook = ("--webhook-url", shop.url, "--webhook-secret", SECRET)
    stand = StandIn("--state", str(tmp_path / "stripe.db"), *hook)
    try:
        await stand.start()
        held = await stand.intents.create_async(HOLD, {"idempotency_key": "survivor"})
        secure = await stand.intents.create_async(HOLD | {"payment_method": "pm_card_authenticationRequired"})
        await stand.control("advance", seconds=3600)
        await until(lambda: shop.refusals > 0)
        before = await stand.state()
        stand.kill()
        await stand.start()
        after = await stand.state()
        assert after["payment_intents"] == before["payment_intents"]
        assert after["now"] >= before["now"]
        again = await stand.intents.create_async(HOLD, {"idempotency_key": "survivor"})
        assert again.id == held.id
        assert again.last_response.headers["idempotent-replayed"] == "true"
        assert (await stand.intents.capture_async(held.id)).status == "succeeded"
        await stand.http.post(f"/3ds/{secure.id}/pass")
        assert (await stand.intents.retrieve_async(secure.id)).status == "requires_capture"
        shop.status = 200
        await until(lambda: "payment_intent.created" in shop.types() and "charge.captured" in shop.types())
    finally:
        await stand.stop()
        shop.close()


def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    other = tmp_path / "stripe.json"
    other.write_text('{"intents": "of an older stand-in, which kept them as JSON"}')
    command = [sys.executable, "-m", "sandbox.stripe", "--port", "1", "--api-key", KEY, "--state", str(other)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert "not a database" in ended.stderr
    assert other.read_text().startswith("{")
