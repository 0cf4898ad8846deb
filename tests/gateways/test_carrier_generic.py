"""The generic carrier client against the stand-in, over HTTP: labels, lost answers, refusals, webhooks."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from domain.parcels import CarrierShipmentState, VoidOutcome
from domain.tracking import TrackingStatus
from gateways.carriers.generic import SIGNATURE_HEADER, GenericCarrier
from gateways.carriers.protocol import Carrier, CarrierRejected, CarrierUnavailable, MalformedEvent
from gateways.signatures import SignatureFault, SignatureInvalid, sign
from tests.sandbox.carrier_rig import RECIPIENT, SECRET, Rig, label_of, parcel

NOW = 1_772_000_000
EVENT = {
    "event_id": "evt_1",
    "shipment_id": "shp_1",
    "tracking_number": "MP1",
    "reference": "ref-1",
    "status": "delivered",
    "code": "DL",
    "description": "Handed to the recipient",
    "location": "Gdańsk",
    "occurred_at": "2026-02-25T06:13:20+01:00",
}


@pytest_asyncio.fixture(scope="module")
async def shared() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.start()
    yield rig
    await rig.close()


@pytest_asyncio.fixture
async def rig(shared: Rig) -> Rig:
    await shared.set("reset")
    shared.shop.got.clear()
    return shared


def signed(body: bytes, at: int = NOW, secret: str = SECRET) -> dict[str, str]:
    return {SIGNATURE_HEADER: sign(secret, body, at)}


def encoded(**changes: Any) -> bytes:
    event = {**EVENT, **changes}
    return json.dumps({name: value for name, value in event.items() if value is not ...}).encode()


async def test_a_label_is_found_created_and_bought(rig: Rig) -> None:
    carrier: Carrier = rig.carrier
    assert await carrier.find("ref-1") is None
    created = await carrier.create(parcel("ref-1"))
    assert (created.reference, created.state, created.label) == ("ref-1", CarrierShipmentState.CREATED, None)
    assert await carrier.find("ref-1") == created
    label = await carrier.buy(created.carrier_shipment_id, "")
    assert (label.carrier, label.service, label.cost_minor, label.currency) == (
        "sandbox",
        "express",
        1050,
        "EUR",
    )
    assert label.tracking_number in label.tracking_url
    found = await carrier.find("ref-1")
    assert found is not None
    assert (found.state, found.label) == (CarrierShipmentState.BOUGHT, label)


@pytest.mark.parametrize("fault", [{"status": None}, {"status": 502}])
async def test_a_lost_answer_after_buying_leaves_one_label_to_find(rig: Rig, fault: dict[str, Any]) -> None:
    created = await rig.carrier.create(parcel("ref-lost"))
    await rig.set("faults", operation="buy", when="after", **fault)
    with pytest.raises(CarrierUnavailable):
        await rig.carrier.buy(created.carrier_shipment_id)
    found = await rig.carrier.find("ref-lost")
    assert found is not None
    assert found.label is not None
    sold = await rig.sold("ref-lost")
    assert (sold["labels_bought"], sold["labels_live"], sold["repeat_buys"]) == (1, 1, 0)


async def test_a_carrier_that_never_answers_times_out(rig: Rig) -> None:
    hasty = rig.client(timeout=0.2)
    created = await hasty.create(parcel("ref-slow"))
    await rig.set("faults", operation="buy", when="hang")
    with pytest.raises(CarrierUnavailable, match="ReadTimeout"):
        await hasty.buy(created.carrier_shipment_id)
    found = await hasty.find("ref-slow")
    await hasty.close()
    assert found is not None
    assert found.state is CarrierShipmentState.BOUGHT


async def test_a_naive_retry_is_refused_and_seen(rig: Rig) -> None:
    shipment = await rig.bought("ref-twice")
    with pytest.raises(CarrierRejected) as refused:
        await rig.carrier.buy(shipment)
    assert refused.value.code == "already_bought"
    assert (await rig.sold("ref-twice"))["repeat_buys"] == 1


async def test_a_second_parcel_under_one_reference_is_a_second_parcel(rig: Rig) -> None:
    shipment = await rig.bought("ref-2")
    await rig.carrier.create(parcel("ref-2"))
    found = await rig.carrier.find("ref-2")
    assert found is not None
    assert found.carrier_shipment_id == shipment
    assert len((await rig.sold("ref-2"))["shipments"]) == 2


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"recipient": {"city": " "}}, "invalid_address", "recipient.city"),
        ({"recipient": {"country": "Poland"}}, "invalid_address", "recipient.country"),
        ({"recipient": {"postal_code": "00000"}}, "invalid_address", "no such postal code"),
        ({"weight_grams": 0}, "invalid_request", "weight_grams"),
        ({"weight_grams": 31_501}, "invalid_request", "weight_grams"),
    ],
)
async def test_a_bad_parcel_is_rejected_with_what_is_wrong(
    rig: Rig, changes: dict[str, Any], code: str, named: str
) -> None:
    if "recipient" in changes:
        known = {name: getattr(RECIPIENT, name) for name in ("name", "line1", "city", "postal_code", "country")}
        changes = {"recipient": type(RECIPIENT)(**{**known, **changes["recipient"]})}
    with pytest.raises(CarrierRejected, match=named) as refused:
        await rig.carrier.create(parcel("ref-bad", **changes))
    assert refused.value.code == code
    assert await rig.carrier.find("ref-bad") is None


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"), [(429, 7, 7.0), (503, None, None), (500, 0, 0.0), (408, None, None)]
)
async def test_what_is_worth_another_try(rig: Rig, status: int, retry_after: int | None, seconds: float | None) -> None:
    await rig.set("faults", operation="create", status=status, retry_after=retry_after)
    with pytest.raises(CarrierUnavailable) as unknown:
        await rig.carrier.create(parcel("ref-503"))
    assert unknown.value.retry_after_seconds == seconds
    assert await rig.carrier.find("ref-503") is None


async def test_a_wrong_key_and_a_carrier_that_is_away_fail_no_parcel(rig: Rig) -> None:
    for carrier in (rig.client(api_key="wrong"), rig.client(api_base="http://127.0.0.1:9")):
        with pytest.raises(CarrierUnavailable):
            await carrier.create(parcel("ref-away"))
        await carrier.close()


async def test_an_unknown_shipment_is_rejected(rig: Rig) -> None:
    none, carrier = "shp/../none?", rig.carrier
    calls = (carrier.buy(none), carrier.look_up(none, ""), carrier.void(label_of(none)), carrier.track(label_of(none)))
    for call in calls:
        with pytest.raises(CarrierRejected) as refused:
            await call
        assert refused.value.code in ("unknown_shipment", "http_404")


async def test_a_label_is_voided_once_and_again_is_harmless(rig: Rig) -> None:
    shipment = await rig.bought("ref-void")
    assert (await rig.carrier.void(label_of(shipment))).outcome is VoidOutcome.VOIDED
    again = await rig.carrier.void(label_of(shipment))
    assert again.outcome is VoidOutcome.ALREADY_VOIDED
    assert again.is_void
    found = await rig.carrier.find("ref-void")
    assert found is not None
    assert (found.state, found.label) == (CarrierShipmentState.VOIDED, None)
    assert (await rig.sold("ref-void"))["labels_live"] == 0
    with pytest.raises(CarrierRejected):
        await rig.carrier.buy(shipment)


async def test_after_the_pick_up_it_is_too_late_to_void(rig: Rig) -> None:
    shipment = await rig.bought("ref-late")
    await rig.scan(shipment, "picked_up")
    refused = await rig.carrier.void(label_of(shipment))
    assert refused.outcome is VoidOutcome.TOO_LATE
    assert not refused.is_void
    assert "picked up" in refused.reason


async def test_tracking_is_in_the_order_things_happened(rig: Rig) -> None:
    shipment = await rig.bought("ref-track")
    await rig.scan(shipment, "in_transit", occurred_at="2026-03-02T10:00:00Z", event_id="evt_b")
    await rig.scan(shipment, "picked_up", occurred_at="2026-03-01T10:00:00Z", event_id="evt_a")
    await rig.scan(shipment, "picked_up", occurred_at="2026-03-01T10:00:00Z", event_id="evt_a")
    scans = await rig.carrier.track(label_of(shipment))
    assert [(scan.event_id, scan.status.value, scan.carrier_code) for scan in scans] == [
        ("evt_a", "picked_up", "PU"),
        ("evt_b", "in_transit", "IT"),
    ]
    assert {scan.reference for scan in scans} == {"ref-track"}


async def test_a_webhook_says_what_tracking_says(rig: Rig) -> None:
    shipment = await rig.bought("ref-hook")
    await rig.scan(shipment, "customs_inspection", location="Gdynia")
    await rig.until(lambda: len(rig.shop.got) == 1)
    headers, body = rig.shop.got[0]
    (scan,) = (await rig.carrier.parse_webhook(headers, body, int(time.time()))).scans
    assert (scan,) == await rig.carrier.track(label_of(shipment))
    assert (scan.status, scan.carrier_code, scan.location) == (
        TrackingStatus.UNKNOWN,
        "CUSTOMS_INSPECTION",
        "Gdynia",
    )


@pytest.fixture
def offline() -> GenericCarrier:
    return GenericCarrier(name="sandbox", api_base="http://127.0.0.1:9", api_key="k", webhook_secrets=["new", SECRET])


async def test_a_webhook_is_read(offline: GenericCarrier) -> None:
    body = encoded()
    message = await offline.parse_webhook({SIGNATURE_HEADER.lower(): sign(SECRET, body, NOW)}, body, NOW)
    (scan,) = message.scans
    assert message.event_id == scan.event_id
    assert scan.occurred_at == datetime(2026, 2, 25, 5, 13, 20, tzinfo=UTC)
    assert (scan.carrier, scan.event_id, scan.status) == ("sandbox", "evt_1", TrackingStatus.DELIVERED)


def test_a_webhook_without_an_event_id_is_known_by_what_it_says(offline: GenericCarrier) -> None:
    first, again = (offline.parse(encoded(event_id=value)) for value in (..., None))
    other = offline.parse(encoded(event_id=..., occurred_at="2026-02-25T06:13:21+01:00"))
    assert first.event_id == again.event_id != other.event_id


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        (signed(encoded()), encoded(status="lost"), SignatureFault.MISMATCH),
        (signed(encoded(), at=NOW - 301), encoded(), SignatureFault.OUTSIDE_TOLERANCE),
        (signed(encoded(), secret="another"), encoded(), SignatureFault.MISMATCH),
        ({}, encoded(), SignatureFault.MISSING),
        ({SIGNATURE_HEADER: "t=1"}, encoded(), SignatureFault.MALFORMED),
    ],
)
async def test_a_forged_webhook_is_refused(
    offline: GenericCarrier, headers: dict[str, str], body: bytes, reason: SignatureFault
) -> None:
    with pytest.raises(SignatureInvalid) as caught:
        await offline.parse_webhook(headers, body, NOW)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "the body"),
        (b"[]", "the body"),
        (b"{", "the body"),
        (b"\xff", "the body"),
        (encoded(shipment_id=...), "shipment_id"),
        (encoded(occurred_at="yesterday"), "occurred_at"),
        (encoded(occurred_at="2026-02-25T06:13:20"), "occurred_at"),
        (encoded(status=7), "status"),
        (encoded(description="x" * 1001), "description"),
        (encoded(description="\0"), "NUL"),
    ],
)
async def test_a_signed_event_that_cannot_be_read(offline: GenericCarrier, body: bytes, named: str) -> None:
    with pytest.raises(MalformedEvent, match=named):
        await offline.parse_webhook(signed(body), body, NOW)
