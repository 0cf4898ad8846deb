"""The depot with the face of EasyPost (docs.easypost.com): shipments, rates, refunds, trackers, webhooks."""

import base64
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from sandbox.carrier.control import Control
from sandbox.carrier.depot import Depot, Offer, Refused
from sandbox.carrier.door import Answer, Door
from sandbox.carrier.records import Address, Event, Face, Parcel, ShipmentWanted

FACE: Face = "easypost"
_GRAMS_AN_OUNCE = 28.349523125

SAID = {
    "pending": ("pre_transit", "label_created"),
    "picked_up": ("in_transit", "received_at_origin_facility"),
    "in_transit": ("in_transit", "arrived_at_facility"),
    "out_for_delivery": ("out_for_delivery", "out_for_delivery"),
    "ready_for_pickup": ("available_for_pickup", "arrived_at_pickup_location"),
    "attempt_failed": ("in_transit", "delivery_exception"),
    "on_hold": ("in_transit", "held"),
    "delayed": ("in_transit", "weather_delay"),
    "delivered": ("delivered", "arrived_at_destination"),
    "return_to_sender": ("return_to_sender", "return"),
    "lost": ("failure", "lost"),
    "cancelled": ("cancelled", "cancelled"),
}
"""What the depot says → `status` and `status_detail`; anything else stands as it is."""


def routes(depot: Depot, control: Control, api_key: str) -> list[BaseRoute]:
    """Everything under `/easypost/v2`."""
    face = _Face(depot, control, api_key)
    return [
        Mount(
            "/easypost/v2",
            routes=[
                Route("/shipments", face.create, methods=["POST"]),
                Route("/shipments/{id}", face.read, methods=["GET"]),
                Route("/shipments/{id}/buy", face.buy, methods=["POST"]),
                Route("/shipments/{id}/refund", face.refund, methods=["POST"]),
            ],
        )
    ]


class _Face:
    def __init__(self, depot: Depot, control: Control, api_key: str) -> None:
        self._depot = depot
        basic = base64.b64encode(f"{api_key}:".encode()).decode()
        self._door = Door(control, f"Basic {basic}", _refusal)

    async def create(self, request: Request) -> Response:
        body = json.loads(await request.body())["shipment"]

        def work() -> Answer:
            wanted = ShipmentWanted(
                reference=body.get("reference") or "none",
                service=FACE,
                weight_grams=int(body["parcel"]["weight"] * _GRAMS_AN_OUNCE),
                sender=_address(body["from_address"]),
                recipient=_address(body["to_address"]),
            )
            return 201, _shipment(self._depot, self._depot.create(wanted, FACE))

        return await self._door.answer(request, "create", work)

    async def read(self, request: Request) -> Response:
        asked = request.path_params["id"]

        def work() -> Answer:
            under = [parcel for parcel in self._depot.under(asked) if parcel.face == FACE]
            return 200, _shipment(self._depot, under[-1] if under else self._depot.get(asked))

        return await self._door.answer(request, "find", work)

    async def buy(self, request: Request) -> Response:
        rate = json.loads(await request.body())["rate"]["id"]
        asked = request.path_params["id"]

        def work() -> Answer:
            offer = self._depot.offer(rate)
            if offer.parcel_id != asked:
                raise Refused(422, "SHIPMENT.RATE.INVALID", "The rate is not one of this shipment.")
            return 200, _shipment(self._depot, self._depot.buy(asked, offer))

        return await self._door.answer(request, "buy", work)

    async def refund(self, request: Request) -> Response:
        def work() -> Answer:
            return 200, _shipment(self._depot, self._depot.void(request.path_params["id"]))

        return await self._door.answer(request, "void", work)


def _refusal(status: int, code: str, detail: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": detail, "errors": []}}, status)


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
        "id": offer.id,
        "object": "Rate",
        "carrier": offer.carrier,
        "service": offer.service,
        "rate": f"{offer.cost_minor / 100:.2f}",
        "currency": offer.currency,
        "delivery_days": offer.days,
    }


def _shipment(depot: Depot, parcel: Parcel) -> dict[str, Any]:
    label = parcel.label
    return {
        "id": parcel.id,
        "object": "Shipment",
        "mode": "test",
        "reference": parcel.wanted.reference,
        "rates": [_rate(offer) for offer in depot.offers(parcel)],
        "selected_rate": _rate(depot.offer(parcel.offer_id)) if parcel.offer_id else None,
        "postage_label": {"object": "PostageLabel", "label_url": label.label_url} if label else None,
        "tracking_code": label.tracking_number if label else None,
        "refund_status": "submitted" if parcel.state == "voided" else None,
        "tracker": _tracker(parcel) if label else None,
    }


def _tracker(parcel: Parcel) -> dict[str, Any]:
    label = parcel.label
    details = [_detail(scan) for scan in parcel.scans]
    return {
        "id": f"trk_{parcel.id}",
        "object": "Tracker",
        "tracking_code": label.tracking_number if label else None,
        "status": details[-1]["status"] if details else "unknown",
        "status_detail": details[-1]["status_detail"] if details else "unknown",
        "shipment_id": parcel.id,
        "carrier": "Post",
        "tracking_details": details,
        "public_url": label.tracking_url if label else None,
    }


def _detail(scan: Event) -> dict[str, Any]:
    status, detail = SAID.get(scan.status, (scan.status, "unknown"))
    return {
        "object": "TrackingDetail",
        "message": scan.description,
        "status": status,
        "status_detail": detail,
        "datetime": scan.occurred_at.isoformat(),
        "tracking_location": {"object": "TrackingLocation", "city": scan.location, "state": None, "country": None},
    }


def webhook(parcel: Parcel, event: Event) -> str:
    """The body of a webhook: a tracker with all scans so far."""
    body = {
        "id": event.event_id,
        "object": "Event",
        "mode": "test",
        "description": "tracker.updated",
        "previous_attributes": {},
        "result": _tracker(parcel),
    }
    return json.dumps(body)
