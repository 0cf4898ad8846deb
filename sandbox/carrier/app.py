"""The carrier stand-in's API: shipments, labels, tracking. No idempotency keys, as few carriers have them."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.carrier import easypost, shippo
from sandbox.carrier.control import Control
from sandbox.carrier.depot import Depot, Refused
from sandbox.carrier.door import Answer, Door, named
from sandbox.carrier.pages import label_svg, tracking_html
from sandbox.carrier.post import running
from sandbox.carrier.records import Parcel, ShipmentWanted


class Api:
    """The carrier's own endpoints around a depot, each able to have the faults that were asked for."""

    def __init__(self, depot: Depot, control: Control, api_key: str) -> None:
        self._depot = depot
        self._door = Door(control, f"Bearer {api_key}", problem)

    async def create(self, request: Request) -> Response:
        """`POST /v1/shipments`."""
        body = await request.body()

        def work() -> Answer:
            return 201, _shipment(self._depot.create(ShipmentWanted.model_validate_json(body)))

        return await self._door.answer(request, "create", work, _reference_in(body))

    async def search(self, request: Request) -> Response:
        """`GET /v1/shipments?reference=`."""
        reference = request.query_params.get("reference", "")
        found = self._depot.under
        return await self._door.answer(
            request, "find", lambda: (200, {"data": [_shipment(parcel) for parcel in found(reference)]})
        )

    async def read(self, request: Request) -> Response:
        """`GET /v1/shipments/{id}`."""
        return await self._on_one(request, "find", self._depot.get)

    async def buy(self, request: Request) -> Response:
        """`POST /v1/shipments/{id}/buy`."""
        return await self._on_one(request, "buy", self._depot.buy)

    async def void(self, request: Request) -> Response:
        """`POST /v1/shipments/{id}/void`."""
        return await self._on_one(request, "void", self._depot.void)

    async def track(self, request: Request) -> Response:
        """`GET /v1/shipments/{id}/tracking`."""

        def work() -> Answer:
            scans = self._depot.get(request.path_params["id"]).scans
            return 200, {"data": [scan.model_dump(mode="json") for scan in scans]}

        return await self._door.answer(request, "track", work)

    async def label(self, request: Request) -> Response:
        """`GET /labels/{id}`: the label as SVG, without a key, as carriers' label links are."""
        parcel = self._depot.parcels.get(request.path_params["id"])
        if parcel is None or parcel.label is None:
            return problem(404, "no_label", "There is no such label.")
        if parcel.state == "voided":
            return problem(410, "voided", "This label was voided.")
        name = f"{parcel.label.tracking_number}.svg"
        headers = {
            "Content-Disposition": f'inline; filename="{name}"',
            "Content-Security-Policy": "default-src 'none'",
        }
        return Response(label_svg(parcel), media_type="image/svg+xml", headers=headers)

    async def page(self, request: Request) -> Response:
        """`GET /track/{tracking number}`: for people."""
        parcel = self._depot.numbered(request.path_params["number"])
        if parcel is None:
            return HTMLResponse("<!doctype html><title>Unknown</title><p>Unknown tracking number.</p>", 404)
        return HTMLResponse(tracking_html(parcel))

    async def _on_one(self, request: Request, operation: str, act: Callable[[str], Parcel]) -> Response:
        return await self._door.answer(request, operation, lambda: (200, _shipment(act(request.path_params["id"]))))


def _reference_in(body: bytes) -> str:
    """The caller's id of the parcel, for faults that are aimed; empty when the body has none."""
    try:
        return str(json.loads(body)["reference"])
    except (ValueError, KeyError, TypeError):
        return ""


def problem(status: int, code: str, detail: str) -> JSONResponse:
    """An RFC 9457 problem."""
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


def invalid(wrong: ValidationError) -> JSONResponse:
    """A 422 that names each field that is missing or wrong."""
    return problem(422, *named(wrong))


def build(depot: Depot, *, api_key: str, webhook_url: str, webhook_secret: str) -> Starlette:
    """The ASGI application around a depot; it moves parcels and posts webhooks while it runs."""
    control = Control(depot)
    depot.bodies = {easypost.FACE: easypost.webhook, shippo.FACE: shippo.webhook}
    api = Api(depot, control, api_key)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with running(depot, webhook_url, webhook_secret):
            yield
        depot.close()

    async def refused(_: Request, error: Exception) -> Response:
        if isinstance(error, Refused):
            return problem(error.status, error.code, error.detail)
        if isinstance(error, ValidationError):
            return invalid(error)
        raise error

    async def healthz(_: Request) -> Response:
        return JSONResponse({"ok": True})

    return Starlette(
        lifespan=lifespan,
        exception_handlers={Refused: refused, ValidationError: refused},
        routes=[
            Route("/v1/shipments", api.create, methods=["POST"]),
            Route("/v1/shipments", api.search, methods=["GET"]),
            Route("/v1/shipments/{id}", api.read, methods=["GET"]),
            Route("/v1/shipments/{id}/buy", api.buy, methods=["POST"]),
            Route("/v1/shipments/{id}/void", api.void, methods=["POST"]),
            Route("/v1/shipments/{id}/tracking", api.track, methods=["GET"]),
            Route("/labels/{id}", api.label, methods=["GET"]),
            Route("/track/{number}", api.page, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
            *easypost.routes(depot, control, api_key),
            *shippo.routes(depot, control, api_key),
            *control.routes(),
        ],
    )


def _shipment(parcel: Parcel) -> dict[str, Any]:
    """A parcel as callers read it."""
    wanted = parcel.wanted.model_dump(mode="json")
    label = parcel.label.model_dump(mode="json") if parcel.label else None
    return {"id": parcel.id, **wanted, "state": parcel.state, "label": label, "position": parcel.position}
