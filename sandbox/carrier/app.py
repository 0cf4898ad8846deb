"""The carrier stand-in's HTTP face. It has no idempotency keys, because few carriers do.

Control (no key): `POST /_control/shipments/{id}/scan {status, occurred_at?, event_id?, description?}`,
`POST /_control/pace {seconds}` (0: parcels move on demand alone), `POST /_control/webhooks {mode, duplicate,
delay_seconds}`, `POST /_control/webhooks/release {reorder}`, `POST /_control/faults {operation, when, status, nth,
times}`, `DELETE /_control/faults`, `GET /_control/state`. Operations: `create`, `find`, `buy`, `void`.
"""

import asyncio
import html
import json
import secrets
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from gateways.signatures import stripe_signature
from sandbox.faults import ConnectionLost, Fault, Faults
from sandbox.lost import LostResponse
from sandbox.state import StateFile
from sandbox.webhooks import Poster

JOURNEY = (
    ("picked_up", "PU", "Parcel collected"),
    ("in_transit", "TR", "Arrived at the sorting centre"),
    ("out_for_delivery", "OD", "With the courier"),
    ("delivered", "DL", "Handed to the recipient"),
)
CODES = {status: (code, text) for status, code, text in JOURNEY}


class Rejected(Exception):
    """A 4xx with a code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Depot:
    """All parcels of the account. `pace` is seconds between scans; 0 moves nothing by itself."""

    def __init__(self, *, webhook_url: str, secret: str, public_url: str, pace: float, state: Path | None) -> None:
        self.public_url, self.pace, self.faults = public_url, pace, Faults(self._problem)
        self._file = StateFile(state)
        self.parcels: dict[str, dict[str, Any]] = self._file.load().get("parcels", {})
        sign = lambda body: {"Carrier-Signature": stripe_signature(secret, body, int(time.time()))}  # noqa: E731
        self.poster = Poster(webhook_url, sign)

    @staticmethod
    def _problem(_: int) -> dict[str, Any]:
        return {"code": "fault", "message": "A fault was asked for."}

    def save(self) -> None:
        """Write everything down, when asked to keep it."""
        self._file.save({"parcels": self.parcels})

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take note of a parcel; nothing is paid yet."""
        recipient = asked.get("recipient") or {}
        if not all(recipient.get(name) for name in ("name", "line1", "city", "postal_code", "country")):
            raise Rejected(422, "bad_address", "The recipient's address is incomplete.")
        if not isinstance(asked.get("weight_grams"), int) or asked["weight_grams"] <= 0:
            raise Rejected(422, "bad_weight", "The weight must be above zero grams.")
        number = "shp" + secrets.token_hex(8)
        self.parcels[number] = {
            "id": number, "reference": asked["reference"], "service": asked.get("service", "standard"),
            "state": "created", "label": None, "scans": [], "city": recipient["city"], "weight_grams": asked["weight_grams"],
        }  # fmt: skip
        return self.parcels[number]

    def get(self, number: str) -> dict[str, Any]:
        """One parcel; 404 for an unknown one."""
        if number not in self.parcels:
            raise Rejected(404, "unknown_shipment", f"No shipment {number}.")
        return self.parcels[number]

    def buy(self, number: str) -> dict[str, Any]:
        """Sell its label; a second time is refused, so that a careless retry shows."""
        parcel = self.get(number)
        if parcel["state"] != "created":
            raise Rejected(409, "already_bought", f"Shipment {number} is {parcel['state']}.")
        cost = 500 + parcel["weight_grams"] // 10
        parcel["state"] = "bought"
        parcel["moved_at"] = time.time()
        parcel["label"] = {
            "tracking_number": "MP" + secrets.token_hex(6).upper(), "cost_minor": cost, "currency": "EUR",
            "tracking_url": f"{self.public_url}/track/{number}", "label_url": f"{self.public_url}/labels/{number}",
            "service": parcel["service"],
        }  # fmt: skip
        return parcel

    def void(self, number: str) -> dict[str, Any]:
        """Take a label back, unless the parcel is on its way."""
        parcel = self.get(number)
        if parcel["scans"]:
            raise Rejected(409, "in_transit", f"Shipment {number} has left and cannot be voided.")
        parcel["state"] = "voided"
        return parcel

    def scan(self, number: str, status: str, **given: Any) -> dict[str, Any]:
        """A scan, posted to the shop."""
        parcel = self.get(number)
        code, text = CODES.get(status, (status.upper(), status.replace("_", " ").capitalize()))
        scan = {
            "event_id": given.get("event_id") or "scan_" + secrets.token_hex(10),
            "shipment_id": number, "reference": parcel["reference"],
            "tracking_number": (parcel["label"] or {}).get("tracking_number", ""),
            "status": status, "code": code, "description": given.get("description") or text,
            "location": given.get("location") or parcel["city"],
            "occurred_at": given.get("occurred_at") or datetime.now(UTC).isoformat(),
        }  # fmt: skip
        parcel["scans"].append(scan)
        parcel["moved_at"] = time.time()
        self.poster.post(scan["event_id"], json.dumps(scan).encode())
        self.save()
        return scan

    async def move(self) -> None:
        """Move every bought parcel on at its pace, for ever."""
        while True:
            await asyncio.sleep(0.05)
            if self.pace <= 0:
                continue
            for number, parcel in list(self.parcels.items()):
                done = {scan["status"] for scan in parcel["scans"]}
                upcoming = next((status for status, _, _ in JOURNEY if status not in done), None)
                due = parcel.get("moved_at", 0) + self.pace <= time.time()
                if parcel["state"] == "bought" and upcoming and "delivered" not in done and due:
                    self.scan(number, upcoming)


def build(depot: Depot, api_key: str) -> Starlette:
    """The ASGI application around a depot."""

    async def call(request: Request, operation: str, work: Callable[[dict[str, Any]], Any]) -> Response:
        if not secrets.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {api_key}".encode()):
            return JSONResponse({"code": "unauthorized", "message": "Wrong key."}, 401)
        try:
            await depot.faults.strike(operation, "hang")
            if struck := await depot.faults.strike(operation, "before"):
                return struck
            raw = await request.body()
            body = work(json.loads(raw) if raw else {})
            depot.save()
            return await depot.faults.strike(operation, "after") or JSONResponse(body)
        except Rejected as refused:
            return JSONResponse({"code": refused.code, "message": refused.message}, refused.status)
        except ConnectionLost:
            return LostResponse()

    async def collection(request: Request) -> Response:
        if request.method == "POST":
            return await call(request, "create", depot.create)
        wanted = request.query_params.get("reference")
        found = [parcel for parcel in depot.parcels.values() if parcel["reference"] == wanted]
        return await call(request, "find", lambda _: {"data": found})

    async def act(request: Request) -> Response:
        verb = depot.buy if request.path_params["verb"] == "buy" else depot.void
        return await call(request, request.path_params["verb"], lambda _: verb(request.path_params["number"]))

    async def page(request: Request) -> Response:
        parcel = depot.parcels.get(request.path_params["number"])
        if parcel is None or parcel["label"] is None:
            return Response("No such label.", 404)
        rows = "".join(
            f"<li>{html.escape(scan['occurred_at'])} {html.escape(scan['description'])}</li>" for scan in parcel["scans"]
        )
        number = html.escape(parcel["label"]["tracking_number"])
        return HTMLResponse(f"<title>{number}</title><h1>{number}</h1><ul>{rows}</ul>")

    async def control(request: Request) -> Response:
        path, raw = request.path_params["path"], await request.body()
        asked: dict[str, Any] = json.loads(raw) if raw else {}
        match path.split("/"):
            case ["shipments", number, "scan"]:
                try:
                    return JSONResponse(depot.scan(number, **asked))
                except Rejected as refused:
                    return JSONResponse({"code": refused.code}, refused.status)
            case ["pace"]:
                depot.pace = float(asked["seconds"])
            case ["webhooks"]:
                for name, value in asked.items():
                    setattr(depot.poster.conduct, name, value)
            case ["webhooks", "release"]:
                return JSONResponse({"released": depot.poster.release(reorder=asked.get("reorder", False))})
            case ["faults"]:
                if request.method == "DELETE":
                    depot.faults.asked.clear()
                else:
                    depot.faults.asked.append(Fault(**asked))
            case ["state"]:
                return JSONResponse({"parcels": list(depot.parcels.values())})
            case _:
                return Response(status_code=404)
        return Response(status_code=204)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"ok": True})

    @asynccontextmanager
    async def moving(_: Starlette) -> Any:
        task = asyncio.create_task(depot.move())
        yield
        task.cancel()

    return Starlette(
        lifespan=moving,
        routes=[
            Route("/v1/shipments", collection, methods=["GET", "POST"]),
            Route("/v1/shipments/{number}/{verb}", act, methods=["POST"]),
            Route("/labels/{number}", page),
            Route("/track/{number}", page),
            Route("/_control/{path:path}", control, methods=["GET", "POST", "DELETE"]),
            Route("/healthz", healthz),
        ],
    )
