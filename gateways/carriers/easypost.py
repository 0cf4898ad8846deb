"""EasyPost: labels of many carriers behind one API (docs.easypost.com: shipments, rates, refunds, trackers).

`POST /shipments` creates and quotes, `GET /shipments/{id}` looks up, `POST /shipments/{id}/buy` buys a rate,
`POST /shipments/{id}/refund` gives back; the key is the user name of basic authentication. There are no idempotency
keys. Weights are ounces, lengths inches, amounts decimal strings.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field

from domain.measures import inches, ounces
from domain.money import minor_units
from domain.parcels import (
    CarrierShipment,
    CarrierShipmentState,
    Label,
    ParcelRequest,
    PostalAddress,
    Rate,
    VoidOutcome,
    VoidResult,
)
from domain.tracking import POSSESSION, Scan, TrackingMessage
from gateways.carriers.easypost_tracking import TrackerBody, complaint, parse_event, scans, verify
from gateways.carriers.http import CarrierHttp
from gateways.carriers.protocol import CarrierRejected, CarrierUnavailable

API_BASE = "https://api.easypost.com/v2"

_NOT_FOUND = 404
_GIVEN_BACK = {"submitted": VoidOutcome.REQUESTED, "refunded": VoidOutcome.VOIDED, "not_applicable": VoidOutcome.VOIDED}
"""`refund_status` of a shipment. Not applicable: the carrier bills when it scans, so an unused label costs nothing."""


class _Rate(BaseModel):
    id: str
    carrier: str
    service: str
    rate: str
    currency: str
    delivery_days: int | None = None


class _PostageLabel(BaseModel):
    label_url: str


class _Shipment(BaseModel):
    id: str
    reference: str | None = None
    rates: list[_Rate] = []
    selected_rate: _Rate | None = None
    postage_label: _PostageLabel | None = None
    tracking_code: str | None = None
    refund_status: str | None = None
    tracker: TrackerBody | None = Field(default=None)


class EasyPostCarrier:
    """One EasyPost account, as `protocol.Carrier` has it. `timeout` is seconds a call: labels take long."""

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
        auth = httpx.BasicAuth(api_key, "")
        self._http = CarrierHttp(name, api_base or API_BASE, complaint=complaint, timeout=timeout, auth=auth)

    @property
    def name(self) -> str:
        """As it stands on labels and scans."""
        return self._name

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close()

    async def create(self, request: ParcelRequest) -> CarrierShipment:
        """Enter a parcel and have it quoted; nothing is paid yet. A repeat makes a second one."""
        parcel: dict[str, float] = {"weight": float(ounces(request.weight_grams))}
        if request.dimensions is not None:
            parcel |= {
                "length": float(inches(request.dimensions.length_mm)),
                "width": float(inches(request.dimensions.width_mm)),
                "height": float(inches(request.dimensions.height_mm)),
            }
        wanted = {
            "reference": request.reference,
            "from_address": _address(request.sender),
            "to_address": _address(request.recipient),
            "parcel": parcel,
        }
        return self._shipment(await self._http.call("POST", "/shipments", _Shipment, json={"shipment": wanted}))

    async def find(self, reference: str) -> CarrierShipment | None:
        """The parcel under our reference, which serves EasyPost as an id."""
        try:
            return await self.look_up(reference, "")
        except CarrierRejected as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise

    async def look_up(self, carrier_shipment_id: str, rate_id: str) -> CarrierShipment:  # noqa: ARG002  # as others
        """The parcel as it is now; bought when it has its label."""
        return self._shipment(await self._get(carrier_shipment_id))

    async def rates(self, carrier_shipment_id: str) -> tuple[Rate, ...]:
        """What the parcel could be bought for."""
        return _rates((await self._get(carrier_shipment_id)).rates)

    async def buy(self, carrier_shipment_id: str, rate_id: str) -> Label:
        """Buy the label at a rate that was quoted for it."""
        body = {"rate": {"id": rate_id}}
        bought = self._shipment(await self._http.call("POST", _path(carrier_shipment_id, "buy"), _Shipment, json=body))
        if bought.label is None:
            raise CarrierUnavailable(f"{self._name} sold a label and did not show it")
        return bought.label

    async def void(self, label: Label) -> VoidResult:
        """Ask for the money of an unused label, unless it was asked for before or the parcel is on its way."""
        row = await self._get(label.carrier_shipment_id)
        if row.refund_status in _GIVEN_BACK:
            return VoidResult(VoidOutcome.ALREADY_VOIDED, f"refund {row.refund_status}")
        if any(scan.status in POSSESSION for scan in scans(self._name, row.tracker)):
            return VoidResult(VoidOutcome.TOO_LATE, "the carrier has scanned it")
        row = await self._http.call("POST", _path(label.carrier_shipment_id, "refund"), _Shipment)
        status = row.refund_status or ""
        if status not in _GIVEN_BACK:
            raise CarrierRejected("refund_refused", f"the refund is {status or 'not there'}")
        return VoidResult(_GIVEN_BACK[status], f"refund {status}")

    async def track(self, label: Label) -> tuple[Scan, ...]:
        """All scans so far, in the order in which they happened."""
        return scans(self._name, (await self._get(label.carrier_shipment_id)).tracker)

    async def verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless EasyPost signed these raw bytes; `now` is unix seconds."""
        verify(self._secrets, headers, body, now)

    def parse(self, body: bytes) -> TrackingMessage:
        """The scans in a verified webhook; none if it is about something else. Raises `MalformedEvent`."""
        return parse_event(self._name, body)

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> TrackingMessage:
        """`verify`, then `parse`."""
        await self.verify(headers, body, now)
        return self.parse(body)

    async def _get(self, carrier_shipment_id: str) -> _Shipment:
        return await self._http.call("GET", _path(carrier_shipment_id), _Shipment)

    def _shipment(self, row: _Shipment) -> CarrierShipment:
        label = self._label(row)
        state = CarrierShipmentState.CREATED if label is None else CarrierShipmentState.BOUGHT
        if label is not None and row.refund_status in _GIVEN_BACK:
            state, label = CarrierShipmentState.VOIDED, None
        return CarrierShipment(row.id, row.reference or "", state, label, _rates(row.rates))

    def _label(self, row: _Shipment) -> Label | None:
        rate = row.selected_rate
        if row.postage_label is None or row.tracking_code is None or rate is None:
            return None
        return Label(
            carrier=self._name,
            carrier_shipment_id=row.id,
            tracking_number=row.tracking_code,
            tracking_url=(row.tracker.public_url or "") if row.tracker else "",
            label_url=row.postage_label.label_url,
            cost_minor=minor_units(rate.rate, rate.currency),
            currency=rate.currency,
            service=f"{rate.carrier}/{rate.service}",
        )


def _path(carrier_shipment_id: str, what: str = "") -> str:
    return "/shipments/" + "/".join(filter(None, (quote(carrier_shipment_id, safe=""), what)))


def _rates(rows: Sequence[_Rate]) -> tuple[Rate, ...]:
    """Those that can be read: what cannot be compared is not offered."""
    found = []
    for row in rows:
        try:
            cost = minor_units(row.rate, row.currency)
        except ValueError:
            continue
        found.append(Rate(row.id, f"{row.carrier}/{row.service}", cost, row.currency, row.delivery_days))
    return tuple(found)


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
