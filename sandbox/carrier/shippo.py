"""The depot with the face of Shippo (docs.goshippo.com): shipments, transactions, refunds, tracks, webhooks."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from sandbox.carrier.control import Control
from sandbox.carrier.depot import Depot, Offer, Refused
from sandbox.carrier.door import Answer, Door
from sandbox.carrier.records import Address, Event, Face, Parcel, ShipmentWanted

FACE: Face = "shippo"

SAID = {
    "pending": ("PRE_TRANSIT", "information_received"),
    "picked_up": ("TRANSIT", "package_accepted"),
    "in_transit": ("TRANSIT", "package_departed"),
    "out_for_delivery": ("TRANSIT", "out_for_delivery"),
    "ready_for_pickup": ("TRANSIT", "pickup_available"),
    "attempt_failed": ("TRANSIT", "delivery_attempted"),
    "on_hold": ("TRANSIT", "package_held"),
    "delayed": ("TRANSIT", "delayed"),
    "delivered": ("DELIVERED", "delivered"),
    "return_to_sender": ("RETURNED", "return_to_sender"),
    "lost": ("FAILURE", "package_lost"),
}
"""What the depot says → `status` and `substatus.code`; anything else stands as it is."""


def routes(depot: Depot, control: Control, api_key: str) -> list[BaseRoute]:
    """Everything under `/shippo`."""
    face = _Face(depot, control, api_key)
    return [
        Mount(
            "/shippo",
            routes=[
                Route("/shipments/", face.create, methods=["POST"]),
                Route("/shipments/{id}/", face.read, methods=["GET"]),
                Route("/rates/{id}/", face.rate, methods=["GET"]),
                Route("/transactions/", face.buy, methods=["POST"]),
                Route("/transactions/", face.bought, methods=["GET"]),
                Route("/transactions/{id}/", face.transaction, methods=["GET"]),
                Route("/refunds/", face.refund, methods=["POST"]),
                Route("/tracks/{carrier}/{number}", face.track, methods=["GET"]),
            ],
        )
    ]


class _Face:
    def __init__(self, depot: Depot, control: Control, api_key: str) -> None:
        self._depot = depot
        self._door = Door(control, f"ShippoToken {api_key}", _refusal)

    async def create(self, request: Request) -> Response:
        body = json.loads(await request.body())

        def work() -> Answer:
            parcel = body["parcels"][0]
            if {"length", "width", "height", "distance_unit"} - parcel.keys() or parcel["mass_unit"] != "g":
                raise Refused(400, "refused", "A parcel has three lengths and a weight in grams.")
            wanted = ShipmentWanted(
                reference=body.get("metadata") or "none",
                service=FACE,
                weight_grams=int(parcel["weight"]),
                sender=_address(body["address_from"]),
                recipient=_address(body["address_to"]),
            )
            return 201, self._shipment(self._depot.create(wanted, FACE))

        return await self._door.answer(request, "create", work)

    async def read(self, request: Request) -> Response:
        asked = request.path_params["id"]
        return await self._door.answer(request, "find", lambda: (200, self._shipment(self._depot.get(asked))))

    async def rate(self, request: Request) -> Response:
        asked = request.path_params["id"]
        return await self._door.answer(request, "find", lambda: (200, _rate(self._depot.offer(asked))))

    async def buy(self, request: Request) -> Response:
        rate = json.loads(await request.body())["rate"]

        def work() -> Answer:
            offer = self._depot.offer(rate)
            try:
                return 201, _transaction(self._depot.buy(offer.parcel_id, offer))
            except Refused as refused:
                said = [{"source": offer.carrier, "code": refused.code, "text": refused.detail}]
                return 201, {"object_id": "none", "status": "ERROR", "rate": rate, "messages": said}

        return await self._door.answer(request, "buy", work)

    async def bought(self, request: Request) -> Response:
        rate = request.query_params.get("rate", "")

        def work() -> Answer:
            parcel = self._depot.get(self._depot.offer(rate).parcel_id)
            found = [_transaction(parcel)] if parcel.label and parcel.offer_id == rate else []
            return 200, {"next": None, "previous": None, "results": found}

        return await self._door.answer(request, "find", work)

    async def transaction(self, request: Request) -> Response:
        asked = request.path_params["id"]
        return await self._door.answer(request, "find", lambda: (200, _transaction(self._of(asked))))

    async def refund(self, request: Request) -> Response:
        asked = json.loads(await request.body())["transaction"]

        def work() -> Answer:
            self._depot.void(self._of(asked).id)
            return 201, {"object_id": f"rf_{asked}", "status": "PENDING", "transaction": asked}

        return await self._door.answer(request, "void", work)

    async def track(self, request: Request) -> Response:
        number = request.path_params["number"]

        def work() -> Answer:
            parcel = self._depot.numbered(number)
            if parcel is None:
                raise Refused(404, "refused", "Not found.")
            return 200, _track(parcel)

        return await self._door.answer(request, "track", work)

    def _of(self, transaction: str) -> Parcel:
        return self._depot.get(transaction.removeprefix("tx_"))

    def _shipment(self, parcel: Parcel) -> dict[str, Any]:
        rates = [_rate(offer) for offer in self._depot.offers(parcel)]
        said = {"object_id": parcel.id, "status": "SUCCESS", "metadata": parcel.wanted.reference, "messages": []}
        return {**said, "rates": rates}


def _refusal(status: int, code: str, detail: str) -> JSONResponse:
    return JSONResponse({"detail": f"{code}: {detail}"}, status)


def _address(given: dict[str, str]) -> Address:
    return Address(
        name=given.get("name", ""),
        line1=given.get("street1", ""),
        line2=given.get("street2"),
        city=given.get("city", ""),
        region=given.get("state"),
        postal_code=given.get("zip", ""),
        country=given.get("country", ""),
    )


def _rate(offer: Offer) -> dict[str, Any]:
    return {
        "object_id": offer.id,
        "provider": offer.carrier,
        "servicelevel": {"name": offer.service, "token": f"{offer.carrier}_{offer.service}".lower()},
        "amount": f"{offer.cost_minor / 100:.2f}",
        "currency": offer.currency,
        "estimated_days": offer.days,
    }


def _transaction(parcel: Parcel) -> dict[str, Any]:
    label = parcel.label
    return {
        "object_id": f"tx_{parcel.id}",
        "status": "REFUNDPENDING" if parcel.state == "voided" else "SUCCESS",
        "rate": parcel.offer_id,
        "tracking_number": label.tracking_number if label else None,
        "tracking_url_provider": label.tracking_url if label else None,
        "label_url": label.label_url if label else None,
        "messages": [],
    }


def _track(parcel: Parcel) -> dict[str, Any]:
    history = [_status(scan) for scan in parcel.scans]
    return {
        "carrier": "post",
        "tracking_number": parcel.label.tracking_number if parcel.label else None,
        "transaction": f"tx_{parcel.id}",
        "tracking_status": history[-1] if history else None,
        "tracking_history": history,
        "metadata": None,
    }


def _status(scan: Event) -> dict[str, Any]:
    status, code = SAID.get(scan.status, (scan.status.upper(), "other"))
    return {
        "status": status,
        "status_details": scan.description,
        "status_date": scan.occurred_at.isoformat(),
        "substatus": {"code": code, "text": scan.description, "action_required": False},
        "location": {"city": scan.location, "state": None, "zip": None, "country": None},
    }


def webhook(parcel: Parcel, event: Event) -> str:  # noqa: ARG001  # as EasyPost's
    """The body of a webhook: where the parcel is, with all scans so far."""
    return json.dumps({"event": "track_updated", "test": True, "data": _track(parcel)})
