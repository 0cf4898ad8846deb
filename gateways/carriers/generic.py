"""A carrier with a plain JSON API and signed webhooks. It has no idempotency keys: look first, then buy.

`POST /v1/shipments`, `GET /v1/shipments?reference=`, `GET /v1/shipments/{id}`, `POST /v1/shipments/{id}/buy`,
`POST /v1/shipments/{id}/void`, `GET /v1/shipments/{id}/tracking`, all with `Authorization: Bearer <key>`;
refusals are RFC 9457 problems with a `code`. Webhooks carry one scan, signed in the header
`Milepost-Signature` (`gateways/signatures.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from domain.parcels import (
    CarrierShipment,
    CarrierShipmentState,
    Label,
    ParcelRequest,
    VoidOutcome,
    VoidResult,
)
from domain.tracking import Scan, TrackingMessage, TrackingStatus, scan_identity
from gateways.carriers.http import CarrierHttp, read
from gateways.carriers.protocol import CarrierRejected, CarrierUnavailable
from gateways.signatures import verify

SIGNATURE_HEADER = "Milepost-Signature"

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


class GenericCarrier:
    """One account with such a carrier, as `protocol.Carrier` has it. `timeout` is seconds a call."""

    def __init__(
        self, *, name: str, api_base: str, api_key: str, webhook_secrets: Sequence[str], timeout: float = 15
    ) -> None:
        self._name = name
        self._secrets = tuple(webhook_secrets)
        self._http = CarrierHttp(
            name, api_base, complaint=_complaint, timeout=timeout, headers={"Authorization": f"Bearer {api_key}"}
        )

    @property
    def name(self) -> str:
        """As it stands on labels and scans."""
        return self._name

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close()

    async def create(self, request: ParcelRequest) -> CarrierShipment:
        """Enter a parcel in the carrier's books; nothing is paid yet. A repeat makes a second one."""
        return self._shipment(await self._http.call("POST", "/v1/shipments", _Shipment, json=asdict(request)))

    async def find(self, reference: str) -> CarrierShipment | None:
        """The parcel under our reference: bought before created before voided; None if none."""
        found = await self._http.call("GET", "/v1/shipments", _Shipments, params={"reference": reference})
        rows = sorted(found.data, key=lambda row: _PREFERENCE.index(row.state))
        return self._shipment(rows[0]) if rows else None

    async def look_up(self, carrier_shipment_id: str, rate_id: str) -> CarrierShipment:  # noqa: ARG002  # as others
        """The parcel with this id."""
        return self._shipment(await self._http.call("GET", _path(carrier_shipment_id), _Shipment))

    async def rates(self, carrier_shipment_id: str) -> None:
        """Such a carrier quotes no rates: it sells the service asked for."""

    async def buy(self, carrier_shipment_id: str, rate_id: str = "") -> Label:  # noqa: ARG002  # as others
        """Buy the label, which costs money. `CarrierRejected("already_bought")` when it was bought before."""
        bought = self._shipment(await self._http.call("POST", _path(carrier_shipment_id, "buy"), _Shipment))
        if bought.label is None:
            raise CarrierUnavailable(f"{self._name} sold a label and did not show it")
        return bought.label

    async def void(self, label: Label) -> VoidResult:
        """Give an unused label back; again is harmless."""
        try:
            await self._http.call("POST", _path(label.carrier_shipment_id, "void"), _Shipment)
        except CarrierRejected as refused:
            if refused.code not in _VOIDS:
                raise
            return VoidResult(_VOIDS[refused.code], refused.message)
        return VoidResult(VoidOutcome.VOIDED)

    async def track(self, label: Label) -> tuple[Scan, ...]:
        """All scans so far, in the order in which they happened."""
        events = await self._http.call("GET", _path(label.carrier_shipment_id, "tracking"), _Events)
        return tuple(sorted(map(self._scan, events.data), key=lambda scan: (scan.occurred_at, scan.event_id)))

    async def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless the carrier signed these raw bytes; `now` is unix seconds."""
        wanted = SIGNATURE_HEADER.lower()
        given = [value for name, value in headers.items() if name.lower() == wanted]
        verify(self._secrets, ",".join(given), body, now)

    def parse(self, body: bytes) -> TrackingMessage:
        """The one scan in a verified webhook, `unknown` if nobody knows its status. Raises `MalformedEvent`."""
        scan = self._scan(read(_Event, body))
        return TrackingMessage(scan.event_id, (scan,))

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> TrackingMessage:
        """`verify`, then `parse`."""
        await self.verify(headers, body, now)
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


def _path(carrier_shipment_id: str, what: str = "") -> str:
    return "/v1/shipments/" + "/".join(filter(None, (quote(carrier_shipment_id, safe=""), what)))


def _complaint(body: bytes) -> tuple[str, str] | None:
    try:
        problem = _Problem.model_validate_json(body)
    except ValidationError:
        return None
    return problem.code, problem.detail
