"""Shippo: labels of many carriers behind one API (docs.goshippo.com: shipments, transactions, refunds, tracks).

`POST /shipments/` creates and quotes; `POST /transactions/` buys a rate, and `GET /transactions/?rate=` tells whether
it was bought; `POST /refunds/` gives back. There are no idempotency keys and no look-up by our reference: a shipment
created twice costs nothing, a rate is bought once. Weights are grams, lengths centimetres, amounts decimal strings.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from pydantic import BaseModel

from domain.measures import centimetres
from domain.money import minor_units
from domain.parcels import (
    CarrierShipment,
    CarrierShipmentState,
    Dimensions,
    Label,
    ParcelRequest,
    PostalAddress,
    Rate,
    VoidOutcome,
    VoidResult,
)
from domain.tracking import POSSESSION, Scan, TrackingMessage
from gateways.carriers.http import CarrierHttp
from gateways.carriers.protocol import CarrierRejected, CarrierUnavailable
from gateways.carriers.shippo_tracking import SIGNATURE_HEADER, TrackBody, complaint, parse_event, scans
from gateways.carriers.signing import header
from gateways.signatures import verify

API_BASE = "https://api.goshippo.com"
API_VERSION = "2018-02-08"

_PENDING = frozenset({"QUEUED", "WAITING"})
_GIVEN_BACK = frozenset({"REFUNDED", "REFUNDPENDING"})
_HAVE_LABEL = frozenset({"SUCCESS", "REFUNDREJECTED"})


class _Message(BaseModel):
    source: str | None = None
    code: str | None = None
    text: str | None = None


class _ServiceLevel(BaseModel):
    token: str


class _Rate(BaseModel):
    object_id: str
    provider: str
    servicelevel: _ServiceLevel
    amount: str
    currency: str
    estimated_days: int | None = None

    @property
    def service(self) -> str:
        return f"{self.provider}/{self.servicelevel.token}"


class _Shipment(BaseModel):
    object_id: str
    status: str
    metadata: str | None = None
    rates: list[_Rate] = []
    messages: list[_Message] = []


class _Transaction(BaseModel):
    object_id: str
    status: str
    rate: str
    tracking_number: str | None = None
    tracking_url_provider: str | None = None
    label_url: str | None = None
    messages: list[_Message] = []


class _Transactions(BaseModel):
    results: list[_Transaction]


class _Refund(BaseModel):
    status: str


class _Terms(NamedTuple):
    shipment: str
    rate: _Rate


class ShippoCarrier:
    """One Shippo account, as `protocol.Carrier` has it. `timeout` is seconds a call: labels take long."""

    def __init__(
        self,
        *,
        name: str,
        api_key: str,
        webhook_secrets: Sequence[str],
        api_base: str | None = None,
        timeout: float = 25,
    ) -> None:
        self._name = name
        self._secrets = tuple(webhook_secrets)
        headers = {"Authorization": f"ShippoToken {api_key}", "Shippo-API-Version": API_VERSION}
        self._http = CarrierHttp(name, api_base or API_BASE, complaint=complaint, timeout=timeout, headers=headers)

    @property
    def name(self) -> str:
        """As it stands on labels and scans."""
        return self._name

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close()

    async def create(self, request: ParcelRequest) -> CarrierShipment:
        """Enter a parcel and have it quoted; nothing is paid yet. A repeat makes a second one.

        Shippo wants to know how large it is: without `dimensions` it is refused.
        """
        if request.dimensions is None:
            raise CarrierRejected("no_dimensions", f"{self._name} must know how large a parcel is")
        wanted = {
            "address_from": _address(request.sender),
            "address_to": _address(request.recipient),
            "parcels": [_parcel(request.weight_grams, request.dimensions)],
            "metadata": request.reference[:100],
            "async": False,
        }
        row = await self._http.call("POST", "/shipments/", _Shipment, json=wanted)
        if row.status == "ERROR":
            raise CarrierRejected("shipment_error", _said(row.messages))
        return _shipment(row)

    async def find(self, reference: str) -> CarrierShipment | None:  # noqa: ARG002  # as others
        """Shippo cannot tell by our reference: None. What was created and not bought costs nothing."""
        return None

    async def look_up(self, carrier_shipment_id: str, rate_id: str) -> CarrierShipment:
        """What became of the parcel at this rate. `CarrierUnavailable` while the label is being made."""
        row = await self._http.call("GET", f"/shipments/{_quoted(carrier_shipment_id)}/", _Shipment)
        if not rate_id:
            return _shipment(row)
        terms = _Terms(row.object_id, await self._rate(rate_id))
        found = await self._http.call("GET", "/transactions/", _Transactions, params={"rate": rate_id})
        ours = [one for one in found.results if one.rate == rate_id]
        if any(one.status in _PENDING for one in ours):
            raise CarrierUnavailable(f"{self._name} is still making the label")
        for one in ours:
            if one.status in _HAVE_LABEL:
                return _shipment(row, CarrierShipmentState.BOUGHT, self._label(one, terms))
        given_back = any(one.status in _GIVEN_BACK for one in ours)
        return _shipment(row, CarrierShipmentState.VOIDED if given_back else CarrierShipmentState.CREATED)

    async def rates(self, carrier_shipment_id: str) -> tuple[Rate, ...]:
        """What the parcel could be bought for."""
        row = await self._http.call("GET", f"/shipments/{_quoted(carrier_shipment_id)}/", _Shipment)
        return _rates(row.rates)

    async def buy(self, carrier_shipment_id: str, rate_id: str) -> Label:
        """Buy the label at a rate that was quoted for it."""
        terms = _Terms(carrier_shipment_id, await self._rate(rate_id))
        wanted = {"rate": rate_id, "label_file_type": "PDF", "async": False}
        row = await self._http.call("POST", "/transactions/", _Transaction, json=wanted)
        if row.status in _PENDING:
            raise CarrierUnavailable(f"{self._name} is still making the label")
        if row.status not in _HAVE_LABEL:
            raise CarrierRejected("label_refused", _said(row.messages))
        return self._label(row, terms)

    async def void(self, label: Label) -> VoidResult:
        """Ask for the money of an unused label, unless it was asked for before or the parcel is on its way."""
        row = await self._http.call("GET", f"/transactions/{_quoted(label.label_id)}/", _Transaction)
        if row.status in _GIVEN_BACK:
            return VoidResult(VoidOutcome.ALREADY_VOIDED, row.status.lower())
        if any(scan.status in POSSESSION for scan in await self.track(label)):
            return VoidResult(VoidOutcome.TOO_LATE, "the carrier has scanned it")
        wanted = {"transaction": label.label_id, "async": False}
        status = (await self._http.call("POST", "/refunds/", _Refund, json=wanted)).status
        if status == "ERROR":
            raise CarrierRejected("refund_refused", "the refund was refused")
        return VoidResult(VoidOutcome.VOIDED if status == "SUCCESS" else VoidOutcome.REQUESTED, status.lower())

    async def track(self, label: Label) -> tuple[Scan, ...]:
        """All scans so far, in the order in which they happened."""
        provider = label.service.partition("/")[0].lower().replace(" ", "_")
        path = f"/tracks/{_quoted(provider)}/{_quoted(label.tracking_number)}"
        return scans(self._name, await self._http.call("GET", path, TrackBody))

    async def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless Shippo signed these raw bytes; `now` is unix seconds."""
        verify(self._secrets, header(headers, SIGNATURE_HEADER), body, now)

    def parse(self, body: bytes) -> TrackingMessage:
        """The scans in a verified webhook; none if it is about something else. Raises `MalformedEvent`."""
        return parse_event(self._name, body)

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> TrackingMessage:
        """`verify`, then `parse`."""
        await self.verify(headers, body, now)
        return self.parse(body)

    async def _rate(self, rate_id: str) -> _Rate:
        return await self._http.call("GET", f"/rates/{_quoted(rate_id)}/", _Rate)

    def _label(self, row: _Transaction, terms: _Terms) -> Label:
        if row.tracking_number is None or row.label_url is None:
            raise CarrierUnavailable(f"{self._name} sold a label and did not show it")
        return Label(
            carrier=self._name,
            carrier_shipment_id=terms.shipment,
            tracking_number=row.tracking_number,
            tracking_url=row.tracking_url_provider or "",
            label_url=row.label_url,
            cost_minor=minor_units(terms.rate.amount, terms.rate.currency),
            currency=terms.rate.currency,
            service=terms.rate.service,
            label_id=row.object_id,
        )


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _said(messages: Sequence[_Message]) -> str:
    """What a carrier behind Shippo complained of."""
    return "; ".join(": ".join(filter(None, (one.source, one.text))) for one in messages)[:500] or "no reason was given"


def _shipment(
    row: _Shipment, state: CarrierShipmentState = CarrierShipmentState.CREATED, label: Label | None = None
) -> CarrierShipment:
    return CarrierShipment(row.object_id, row.metadata or "", state, label, _rates(row.rates))


def _rates(rows: Sequence[_Rate]) -> tuple[Rate, ...]:
    """Those that can be read: what cannot be compared is not offered."""
    found = []
    for row in rows:
        try:
            cost = minor_units(row.amount, row.currency)
        except ValueError:
            continue
        found.append(Rate(row.object_id, row.service, cost, row.currency, row.estimated_days))
    return tuple(found)


def _parcel(weight_grams: int, size: Dimensions) -> dict[str, str]:
    return {
        "length": str(centimetres(size.length_mm)),
        "width": str(centimetres(size.width_mm)),
        "height": str(centimetres(size.height_mm)),
        "distance_unit": "cm",
        "weight": str(weight_grams),
        "mass_unit": "g",
    }


def _address(address: PostalAddress) -> dict[str, str]:
    fields = {
        "name": address.name,
        "street1": address.line1,
        "street2": address.line2,
        "city": address.city,
        "state": address.region,
        "zip": address.postal_code,
        "country": address.country,
    }
    return {field: value for field, value in fields.items() if value}
