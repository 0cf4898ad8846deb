"""A carrier with a plain JSON API and signed webhooks. It has no idempotency keys: look first, then buy.

`POST /v1/shipments`, `GET /v1/shipments?reference=`, `POST /v1/shipments/{id}/buy`,
`POST /v1/shipments/{id}/void`, `GET /v1/shipments/{id}/tracking`, all with `Authorization: Bearer <key>`;
refusals are RFC 9457 problems with a `code`. Webhooks carry one scan, signed in the header
`Milepost-Signature` (`gateways/signatures.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from domain.parcels import (
    CarrierShipment,
    CarrierShipmentState,
    Label,
    ParcelRequest,
    VoidOutcome,
    VoidResult,
)
from domain.tracking import Scan, TrackingStatus, scan_identity
from gateways.carriers.protocol import CarrierRejected, CarrierUnavailable, MalformedEvent
from gateways.signatures import verify

SIGNATURE_HEADER = "Milepost-Signature"

_CONNECT_SECONDS = 5.0
_UNKNOWN_OUTCOME = frozenset({401, 403, 408, 425, 429})
"""Refusals that say nothing of the parcel. A wrong key too: it is mended by us, and no order fails for it."""

_STATUSES = {status.value: status for status in TrackingStatus}
_VOIDS = {"already_voided": VoidOutcome.ALREADY_VOIDED, "too_late": VoidOutcome.TOO_LATE}
_PREFERENCE = (CarrierShipmentState.BOUGHT, CarrierShipmentState.CREATED, CarrierShipmentState.VOIDED)


class _Label(BaseModel):
    tracking_number: str = Field(max_length=200)
    tracking_url: str
    label_url: str
    cost_minor: int
    currency: str
    service: str


class _Shipment(BaseModel):
    id: str
    reference: str
    state: CarrierShipmentState
    label: _Label | None = None


class _Shipments(BaseModel):
    data: list[_Shipment]


class _Event(BaseModel):
    event_id: str | None = Field(default=None, max_length=200)
    shipment_id: str = Field(min_length=1, max_length=200)
    tracking_number: str = Field(max_length=200)
    reference: str = Field(max_length=200)
    status: str = Field(max_length=100)
    code: str = Field(default="", max_length=100)
    description: str = Field(default="", max_length=1000)
    location: str | None = Field(default=None, max_length=200)
    occurred_at: AwareDatetime


class _Events(BaseModel):
    data: list[_Event]


class _Problem(BaseModel):
    code: str = "refused"
    detail: str = "the carrier gave no reason"


_Shape = TypeVar("_Shape", bound=BaseModel)


class GenericCarrier:
    """One account with such a carrier, as `protocol.Carrier` has it. `timeout` is seconds a call."""

    def __init__(
        self, *, name: str, api_base: str, api_key: str, webhook_secrets: Sequence[str], timeout: float = 15
    ) -> None:
        self._name = name
        self._secrets = tuple(webhook_secrets)
        self._http = httpx.AsyncClient(
            base_url=api_base,
            headers={"Authorization": f"Bearer {api_key}", "Accept": "application/json"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
        )

    @property
    def name(self) -> str:
        """As it stands on labels and scans."""
        return self._name

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def create(self, request: ParcelRequest) -> CarrierShipment:
        """Enter a parcel in the carrier's books; nothing is paid yet. A repeat makes a second one."""
        return self._shipment(await self._call("POST", "/v1/shipments", _Shipment, json=asdict(request)))

    async def find(self, reference: str) -> CarrierShipment | None:
        """The parcel under our reference: bought before created before voided; None if none."""
        found = await self._call("GET", "/v1/shipments", _Shipments, params={"reference": reference})
        rows = sorted(found.data, key=lambda row: _PREFERENCE.index(row.state))
        return self._shipment(rows[0]) if rows else None

    async def buy(self, carrier_shipment_id: str) -> Label:
        """Buy the label, which costs money. `CarrierRejected("already_bought")` when it was bought before."""
        bought = self._shipment(await self._call("POST", _path(carrier_shipment_id, "buy"), _Shipment))
        if bought.label is None:
            raise CarrierUnavailable(f"{self._name} sold a label and did not show it")
        return bought.label

    async def void(self, carrier_shipment_id: str) -> VoidResult:
        """Give an unused label back, or a shipment without one; again is harmless."""
        try:
            await self._call("POST", _path(carrier_shipment_id, "void"), _Shipment)
        except CarrierRejected as refused:
            if refused.code not in _VOIDS:
                raise
            return VoidResult(_VOIDS[refused.code], refused.message)
        return VoidResult(VoidOutcome.VOIDED)

    async def track(self, carrier_shipment_id: str) -> tuple[Scan, ...]:
        """All scans so far, in the order in which they happened."""
        events = await self._call("GET", _path(carrier_shipment_id, "tracking"), _Events)
        return tuple(sorted(map(self._scan, events.data), key=lambda scan: (scan.occurred_at, scan.event_id)))

    def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless the carrier signed these raw bytes; `now` is unix seconds."""
        wanted = SIGNATURE_HEADER.lower()
        given = [value for name, value in headers.items() if name.lower() == wanted]
        verify(self._secrets, ",".join(given), body, now)

    def parse(self, body: bytes) -> Scan:
        """The scan in a verified webhook, `unknown` if nobody knows its status. Raises `MalformedEvent`."""
        try:
            return self._scan(_Event.model_validate_json(body))
        except ValidationError as wrong:
            places = sorted({".".join(map(str, error["loc"])) or "the body" for error in wrong.errors()})
            raise MalformedEvent(f"missing or wrong: {', '.join(places)}") from None

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> Scan:
        """`verify`, then `parse`."""
        self.verify(headers, body, now)
        return self.parse(body)

    def _shipment(self, row: _Shipment) -> CarrierShipment:
        live = row.label if row.state is CarrierShipmentState.BOUGHT else None
        label = Label(carrier=self._name, carrier_shipment_id=row.id, **live.model_dump()) if live else None
        return CarrierShipment(row.id, row.reference, row.state, label)

    def _scan(self, event: _Event) -> Scan:
        code = event.code or event.status
        return Scan(
            event_id=scan_identity(event.event_id, self._name, event.tracking_number, code, event.occurred_at),
            carrier=self._name,
            carrier_shipment_id=event.shipment_id,
            tracking_number=event.tracking_number,
            reference=event.reference,
            status=_STATUSES.get(event.status, TrackingStatus.UNKNOWN),
            carrier_code=code,
            description=event.description,
            occurred_at=event.occurred_at,
            location=event.location,
        )

    async def _call(
        self,
        method: str,
        path: str,
        shape: type[_Shape],
        *,
        json: object = None,
        params: dict[str, str] | None = None,
    ) -> _Shape:
        """One request, its answer read as `shape`, every failure as one of the protocol's two."""
        try:
            answer = await self._http.request(method, path, json=json, params=params)
        except httpx.HTTPError as lost:
            raise CarrierUnavailable(f"{self._name} did not answer: {type(lost).__name__}") from lost
        status = answer.status_code
        if answer.is_client_error and status not in _UNKNOWN_OUTCOME:
            problem = _problem(answer)
            raise CarrierRejected(problem.code, problem.detail)
        if not answer.is_success:
            raise CarrierUnavailable(f"{self._name} answered {status}", _retry_after(answer))
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as garbled:
            raise CarrierUnavailable(f"{self._name} answered {status} with an unreadable body") from garbled


def _path(carrier_shipment_id: str, what: str) -> str:
    return f"/v1/shipments/{quote(carrier_shipment_id, safe='')}/{what}"


def _problem(answer: httpx.Response) -> _Problem:
    try:
        return _Problem.model_validate_json(answer.content)
    except ValidationError:
        return _Problem(code=f"http_{answer.status_code}")


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds of `Retry-After`; its other form, a date, is rare and left to our own backoff."""
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 8 else None
