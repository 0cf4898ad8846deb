"""The carrier stand-in as a real process, and the shop's end of its webhooks, for the tests of both."""

import asyncio
import secrets
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from domain.parcels import Label, ParcelRequest, PostalAddress
from gateways.carriers.easypost import EasyPostCarrier
from gateways.carriers.generic import GenericCarrier
from gateways.carriers.shippo import ShippoCarrier
from sandbox.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRET = "carrier_whsec_test"
PATIENCE_SECONDS = 10.0

SENDER = PostalAddress("Milepost Books", "1 Dock Road", "Rotterdam", "3011 AA", "NL")
RECIPIENT = PostalAddress("Zoë Łuczak & <Co>", "ul. Długa 5", "Gdańsk", "80-827", "PL", line2="m. 7")


def parcel(reference: str, **changes: Any) -> ParcelRequest:
    """A parcel that nothing is wrong with, but for the changes."""
    fields: dict[str, Any] = {
        "reference": reference,
        "service": "express",
        "weight_grams": 1250,
        "sender": SENDER,
        "recipient": RECIPIENT,
        "contents": "2 books",
    }
    return ParcelRequest(**{**fields, **changes})


def label_of(shipment: str) -> Label:
    """As much of a label as this carrier must be told to void or track it."""
    return Label("sandbox", shipment, "MP1", "", "", 0, "EUR", "express")


class Shop:
    """Takes webhooks on a thread of its own. `answers` are the statuses of the next ones; then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                shop.got.append((dict(self.headers.items()), body))
                self.send_response(shop.answers.pop(0) if shop.answers else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quietly."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/carrier"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class Rig:
    """One carrier process with its shop. `control` speaks to its levers, `carrier` is our client of it."""

    def __init__(self, *, pace: float = 0, state: Path | None = None) -> None:
        self.shop = Shop()
        self.key = secrets.token_hex(8)  # its own: another server that took the port would not know it
        self.base = f"http://127.0.0.1:{free_port()}"
        self._arguments = [
            *("--port", self.base.rpartition(":")[2], "--api-key", self.key, "--pace", str(pace)),
            *("--webhook-url", self.shop.url, "--webhook-secret", SECRET),
            *(("--state", str(state)) if state else ()),
        ]
        self.control = httpx.AsyncClient(base_url=self.base)
        self.carrier = self.client()
        self._process: asyncio.subprocess.Process | None = None

    def client(self, **changes: Any) -> GenericCarrier:
        """Our client of this carrier, but for the changes."""
        known: dict[str, Any] = {"name": "sandbox", "api_base": self.base, "api_key": self.key}
        return GenericCarrier(**{**known, "webhook_secrets": [SECRET], **changes})

    def easypost(self, **changes: Any) -> EasyPostCarrier:
        """Our client of the same depot's EasyPost face."""
        known: dict[str, Any] = {"name": "easypost", "api_base": f"{self.base}/easypost/v2", "api_key": self.key}
        return EasyPostCarrier(**{**known, "webhook_secrets": [SECRET], **changes})

    def shippo(self, **changes: Any) -> ShippoCarrier:
        """Our client of the same depot's Shippo face."""
        known: dict[str, Any] = {"name": "shippo", "api_base": f"{self.base}/shippo", "api_key": self.key}
        return ShippoCarrier(**{**known, "webhook_secrets": [SECRET], **changes})

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        command = (sys.executable, "-m", "sandbox.carrier", *self._arguments)
        self._process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                (await self.control.get("/healthz")).raise_for_status()
            except httpx.TransportError:
                if self._process.returncode is not None or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.02)
            else:
                return

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def close(self) -> None:
        """Stop everything."""
        await self.kill()
        await self.carrier.close()
        await self.control.aclose()
        self.shop.close()

    async def set(self, path: str, **body: Any) -> Any:
        """Pull a lever; what it answers."""
        answer = await self.control.post(f"/_control/{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def scan(self, parcel_id: str, status: str, **more: Any) -> dict[str, Any]:
        """Have the carrier say something of a parcel."""
        said: dict[str, Any] = await self.set(f"shipments/{parcel_id}/scan", status=status, **more)
        return said

    async def sold(self, reference: str) -> dict[str, Any]:
        """What the carrier sold under a reference."""
        state = (await self.control.get("/_control/state")).json()
        sold: dict[str, Any] = state["references"][reference]
        return sold

    async def bought(self, reference: str) -> str:
        """A parcel with a label; its id."""
        created = await self.carrier.create(parcel(reference))
        await self.carrier.buy(created.carrier_shipment_id)
        return created.carrier_shipment_id

    def statuses(self) -> list[str]:
        """What the shop was told, in the order it was told."""
        return [self.carrier.parse(body).scans[0].status.value for _, body in self.shop.got]

    async def until_count(self, count: int) -> None:
        """Wait for so many webhooks, whatever they say."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.shop.got) < count:
            assert time.monotonic() < deadline, f"the shop was told {len(self.shop.got)} times"
            await asyncio.sleep(0.01)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait, not for long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < deadline, f"the shop was told {self.statuses()}"
            await asyncio.sleep(0.01)
