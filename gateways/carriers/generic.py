"""A carrier with a plain JSON API and signed webhooks, over HTTP. It has no idempotency keys: look first, then buy."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.types import AwareDatetime

from domain.parcels import CarrierShipment, Label, ParcelRequest
from domain.tracking import Scan, TrackingStatus, scan_identity
from gateways.signatures import verify


class CarrierRejected(Exception):
    """The carrier refused for good; `code` and the message are its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CarrierUnavailable(Exception):
    """No answer, a 5xx or a 429: what happened is unknown. Look before asking again."""


class MalformedEvent(Exception):
    """Signed, but not an event that we can read."""


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore")

    event_id: str | None = Field(default=None, max_length=200)
    shipment_id: str = Field(max_length=200)
    reference: str = Field(max_length=200)
    tracking_number: str = Field(max_length=200)
    status: str = Field(max_length=100)
    code: str = Field(max_length=100)
    description: str = Field(default="", max_length=1000)
    location: str | None = Field(default=None, max_length=200)
    occurred_at: AwareDatetime


class GenericCarrier:
    """One carrier account. Timeouts are seconds."""

    signature_header = "Carrier-Signature"

    def __init__(
        self, *, name: str, api_base: str, api_key: str, webhook_secrets: Sequence[str], timeout: float = 15
    ) -> None:
        self.name = name
        self._secrets = tuple(webhook_secrets)
        headers = {"Authorization": f"Bearer {api_key}"}
        self._http = httpx.AsyncClient(base_url=api_base, headers=headers, timeout=timeout)

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def create(self, parcel: ParcelRequest) -> CarrierShipment:
        """Enter a parcel in the carrier's books. Nothing is paid yet."""
        body = {
            "reference": parcel.reference,
            "service": parcel.service,
            "weight_grams": parcel.weight_grams,
            "contents": parcel.contents,
            "sender": _address(parcel.sender),
            "recipient": _address(parcel.recipient),
        }
        return self._shipment(await self._call("POST", "/v1/shipments", json=body))

    async def find(self, reference: str) -> CarrierShipment | None:
        """The parcel entered under our reference, if any; a bought one before one that is not."""
        found = (await self._call("GET", "/v1/shipments", params={"reference": reference}))["data"]
        shipments = [self._shipment(row) for row in found if row["state"] != "voided"]
        return max(shipments, key=lambda one: one.label is not None, default=None)

    async def buy(self, carrier_shipment_id: str) -> CarrierShipment:
        """Buy the label: this costs money. Not repeatable: `find` first."""
        return self._shipment(await self._call("POST", f"/v1/shipments/{carrier_shipment_id}/buy"))

    async def void(self, carrier_shipment_id: str) -> bool:
        """Give an unused label back; False when the parcel is already on its way."""
        try:
            await self._call("POST", f"/v1/shipments/{carrier_shipment_id}/void")
        except CarrierRejected as refused:
            if refused.code == "in_transit":
                return False
            raise
        return True

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless the carrier signed these bytes."""
        verify(self._secrets, headers.get(self.signature_header), body, now)

    def parse(self, body: bytes) -> Scan:
        """The scan in a verified webhook. A status nobody knows becomes `unknown`. Raises `MalformedEvent`."""
        try:
            event = _Event.model_validate_json(body)
        except ValidationError as wrong:
            raise MalformedEvent(f"{wrong.error_count()} fields of the event are missing or wrong") from None
        occurred_at: datetime = event.occurred_at
        known = {status.value for status in TrackingStatus}
        return Scan(
            event_id=scan_identity(event.event_id, self.name, event.tracking_number, event.code, occurred_at),
            carrier=self.name,
            carrier_shipment_id=event.shipment_id,
            tracking_number=event.tracking_number,
            reference=event.reference,
            status=TrackingStatus(event.status) if event.status in known else TrackingStatus.UNKNOWN,
            carrier_code=event.code,
            description=event.description,
            occurred_at=occurred_at,
            location=event.location,
        )

    def _shipment(self, row: dict[str, Any]) -> CarrierShipment:
        label = row.get("label")
        return CarrierShipment(
            carrier_shipment_id=row["id"],
            reference=row["reference"],
            state=row["state"],
            label=Label(carrier=self.name, carrier_shipment_id=row["id"], **label) if label else None,
        )

    async def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, **more)
        except httpx.HTTPError as lost:
            raise CarrierUnavailable(f"{self.name} did not answer: {type(lost).__name__}") from lost
        if answer.status_code >= 500 or answer.status_code == 429:
            raise CarrierUnavailable(f"{self.name} answered {answer.status_code}")
        try:
            body: dict[str, Any] = answer.json()
        except ValueError as garbled:
            raise CarrierUnavailable(f"{self.name} answered something other than JSON") from garbled
        if answer.is_error:
            raise CarrierRejected(str(body.get("code", answer.status_code)), str(body.get("message", "refused")))
        return body


def _address(address: Any) -> dict[str, str | None]:
    names = ("name", "line1", "line2", "city", "region", "postal_code", "country")
    return {name: getattr(address, name) for name in names}
