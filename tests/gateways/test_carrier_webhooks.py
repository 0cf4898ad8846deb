"""Webhooks as carriers document them: what is signed is read, and everything else is refused for the right reason."""

import base64
import hashlib
import hmac
import json
import unicodedata
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from domain.tracking import TrackingStatus
from gateways.carriers import aftership, easypost_tracking, shipengine, shippo_tracking
from gateways.carriers.aftership import AfterShip
from gateways.carriers.easypost import EasyPostCarrier
from gateways.carriers.protocol import CarrierUnavailable, MalformedEvent, Tracker
from gateways.carriers.shipengine import ShipEngine
from gateways.carriers.shippo import ShippoCarrier
from gateways.key_sets import KeySet
from gateways.signatures import SignatureFault, SignatureInvalid, sign
from tests.gateways.key_server import OTHER, OURS, KeyServer, b64url, rsa_sign

NOW = 1_795_190_400
AT = "2026-11-20T16:00:00Z"
SECRET = "whsec_Å"  # a letter with two forms: NFKD takes it apart
BODIES = {path.stem: path.read_bytes() for path in (Path(__file__).parent / "webhooks").glob("*.json")}

S = TrackingStatus
Headers = dict[str, str]


@pytest_asyncio.fixture(scope="module")
async def keys() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    yield server
    server.close()


@pytest_asyncio.fixture
async def trackers(keys: KeyServer) -> AsyncIterator[dict[str, Tracker]]:
    secrets = ["whsec_next", SECRET]
    made: dict[str, Tracker] = {
        "easypost": EasyPostCarrier(name="easypost", api_key="k", webhook_secrets=secrets),
        "shippo": ShippoCarrier(name="shippo", api_key="k", webhook_secrets=secrets),
        "aftership": AfterShip(name="aftership", webhook_secrets=secrets),
        "shipengine": ShipEngine(name="shipengine", keys=KeySet(keys.url)),
    }
    yield made
    for one in made.values():
        await one.close()


def digest(secret: str, message: bytes) -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def signed(kind: str, body: bytes, *, secret: str = SECRET, at: int = NOW) -> Headers:
    """The headers as each carrier's documents say."""
    if kind == "easypost":
        key = unicodedata.normalize("NFKD", secret)
        return {"X-Hmac-Signature": "hmac-sha256-hex=" + digest(key, body).hex()}
    if kind == "shippo":
        return {"Shippo-Auth-Signature": sign(secret, body, at)}
    if kind == "aftership":
        return {"aftership-hmac-sha256": base64.b64encode(digest(secret, body)).decode()}
    when = datetime.fromtimestamp(at, UTC).isoformat()
    key_name = "ours" if secret == SECRET else "unpublished"
    return {
        "x-shipengine-rsa-sha256-key-id": key_name,
        "x-shipengine-rsa-sha256-signature": rsa_sign(OURS, when.encode() + b"." + body),
        "x-shipengine-timestamp": when,
    }


KINDS = ["easypost", "shippo", "aftership", "shipengine"]
SAID = {
    "easypost": [S.PENDING, S.PICKED_UP, S.DELAYED, S.OUT_FOR_DELIVERY, S.DELIVERED],
    "shippo": [S.PENDING, S.PICKED_UP, S.ATTEMPT_FAILED, S.RETURN_TO_SENDER],
    "aftership": [S.PENDING, S.PICKED_UP, S.DELAYED, S.LOST],
    "shipengine": [S.PICKED_UP, S.READY_FOR_PICKUP],  # what has no time cannot be ordered
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_documented_webhook_is_read(trackers: dict[str, Tracker], kind: str) -> None:
    body = BODIES[kind]
    headers = {name.upper(): value for name, value in signed(kind, body).items()}
    message = await trackers[kind].parse_webhook(headers, body, NOW)
    assert [scan.status for scan in message.scans] == SAID[kind]
    times = [scan.occurred_at for scan in message.scans]
    assert times == sorted(times)
    assert len({scan.event_id for scan in message.scans}) == len(message.scans)
    assert {scan.carrier for scan in message.scans} == {kind}
    assert trackers[kind].parse(body) == message


async def test_what_tells_whose_parcel_it_is(trackers: dict[str, Tracker]) -> None:
    scans = {kind: trackers[kind].parse(BODIES[kind]).scans[-1] for kind in KINDS}
    assert scans["easypost"].carrier_shipment_id == "shp_ffeeddccbbaa99887766554433221100"
    assert scans["shippo"].label_id == "0123456789abcdef0123456789abcdef"
    assert scans["aftership"].tracking_number == "MP000000000031"
    assert scans["shipengine"].tracking_number == "1Z0000000000000043"
    assert (scans["easypost"].carrier_code, scans["easypost"].location) == (
        "delivered/arrived_at_destination",
        "SAN FRANCISCO, CA, US",
    )


async def test_a_time_without_a_zone_is_taken_as_utc(trackers: dict[str, Tracker]) -> None:
    (delayed,) = [scan for scan in trackers["aftership"].parse(BODIES["aftership"]).scans if scan.status is S.DELAYED]
    assert delayed.occurred_at == datetime(2026, 11, 19, 8, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_forged_webhook_is_refused(trackers: dict[str, Tracker], kind: str) -> None:
    body = BODIES[kind]
    good = signed(kind, body)
    forged: list[tuple[Headers, bytes, SignatureFault]] = [
        (good, body + b" ", SignatureFault.MISMATCH),
        (signed(kind, body, secret="another"), body, SignatureFault.MISMATCH),
        ({}, body, SignatureFault.MISSING),
    ]
    for headers, given, reason in forged:
        with pytest.raises(SignatureInvalid) as caught:
            await trackers[kind].parse_webhook(headers, given, NOW)
        assert caught.value.reason is reason


@pytest.mark.parametrize("kind", ["shippo", "shipengine"])
@pytest.mark.parametrize("late", [-301, 301])
async def test_a_stale_webhook_is_refused_where_a_time_is_signed(
    trackers: dict[str, Tracker], kind: str, late: int
) -> None:
    body = BODIES[kind]
    with pytest.raises(SignatureInvalid) as caught:
        await trackers[kind].parse_webhook(signed(kind, body), body, NOW + late)
    assert caught.value.reason is SignatureFault.OUTSIDE_TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_secret_nothing_is_trusted(kind: str) -> None:
    none: dict[str, Tracker] = {
        "easypost": EasyPostCarrier(name="easypost", api_key="k", webhook_secrets=[""]),
        "shippo": ShippoCarrier(name="shippo", api_key="k", webhook_secrets=[]),
        "aftership": AfterShip(name="aftership", webhook_secrets=[""]),
        "shipengine": ShipEngine(name="shipengine", keys=KeySet("http://127.0.0.1:9")),
    }
    body = BODIES[kind]
    with pytest.raises((SignatureInvalid, CarrierUnavailable)):
        await none[kind].parse_webhook(signed(kind, body, secret="x"), body, NOW)
    for one in none.values():
        await one.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"null", b'{"id": 7}', b'{"event": "\\u0000"}'])
async def test_what_is_signed_and_cannot_be_read_is_malformed(
    trackers: dict[str, Tracker], kind: str, body: bytes
) -> None:
    with pytest.raises(MalformedEvent):
        await trackers[kind].parse_webhook(signed(kind, body), body, NOW)


def changed(kind: str, **changes: Any) -> bytes:
    return json.dumps({**json.loads(BODIES[kind]), **changes}).encode()


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("easypost", {"description": "batch.updated", "result": {"id": "batch_1"}}),
        ("shippo", {"event": "transaction_created", "data": {}}),
        ("aftership", {"event": "edd_revise"}),
        ("shipengine", {"resource_type": "BATCH_PROCESSED_V2", "data": None}),
    ],
)
async def test_a_webhook_about_something_else_has_no_scans(
    trackers: dict[str, Tracker], kind: str, changes: dict[str, Any]
) -> None:
    assert trackers[kind].parse(changed(kind, **changes)).scans == ()


def test_every_word_in_the_tables_is_one_of_ours() -> None:
    tables = [
        easypost_tracking.STATUSES,
        *easypost_tracking.DETAILS.values(),
        shippo_tracking.STATUSES,
        shippo_tracking.SUBSTATUSES,
        aftership.TAGS,
        aftership.SUBTAGS,
        shipengine.STATUSES,
        shipengine.DETAILS,
    ]
    assert all(isinstance(status, TrackingStatus) for table in tables for status in table.values())
    assert all(status is not S.UNKNOWN for table in tables for status in table.values())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_status_nobody_knows_becomes_unknown_and_keeps_its_code(
    trackers: dict[str, Tracker], kind: str
) -> None:
    body = BODIES[kind].replace(b'"status": "delivered"', b'"status": "beamed"')
    body = body.replace(b'"status": "RETURNED"', b'"status": "beamed"').replace(b'"return_to_sender"', b'"beamed"')
    body = body.replace(b'"tag": "Exception"', b'"tag": "beamed"').replace(b"Exception_013", b"beamed")
    body = body.replace(b'"SP"', b'"beamed"').replace(b"AWAITING_COLLECTION_FROM_PICKUP_POINT", b"beamed")
    last = trackers[kind].parse(body).scans[-1]
    assert last.status is S.UNKNOWN
    assert "beamed" in last.carrier_code


# EasyPost's second signature: over time, method, path and body.


def second(body: bytes, when: str, path: str = "/webhooks/carriers/easypost/demo") -> Headers:
    key = unicodedata.normalize("NFKD", SECRET)
    given = digest(key, f"{when}POST{path}".encode() + body).hex()
    return {"X-Hmac-Signature-V2": f"hmac-sha256-hex={given}", "X-Timestamp": when, "X-Path": path}


FRESH = "Fri, 20 Nov 2026 16:00:00 -0000"


async def test_a_second_signature_that_is_ours_will_do_alone_and_must_be_fresh(trackers: dict[str, Tracker]) -> None:
    body = BODIES["easypost"]
    assert datetime(2026, 11, 20, 16, tzinfo=UTC).timestamp() == NOW
    await trackers["easypost"].verify(second(body, FRESH), body, NOW)
    stale = second(body, "Fri, 20 Nov 2026 15:54:00 -0000") | signed("easypost", body)
    with pytest.raises(SignatureInvalid) as caught:
        await trackers["easypost"].verify(stale, body, NOW)
    assert caught.value.reason is SignatureFault.OUTSIDE_TOLERANCE


async def test_a_second_signature_that_we_cannot_read_leaves_the_first_to_decide(
    trackers: dict[str, Tracker],
) -> None:
    body = BODIES["easypost"]
    other = second(b"another", FRESH)
    await trackers["easypost"].verify(other | signed("easypost", body), body, NOW)
    with pytest.raises(SignatureInvalid):
        await trackers["easypost"].verify(other, body, NOW)
    with pytest.raises(SignatureInvalid):
        await trackers["easypost"].verify(second(body, "not a time"), body, NOW)


# ShipEngine's keys.


async def test_a_key_of_somebody_else_proves_nothing(trackers: dict[str, Tracker]) -> None:
    body = BODIES["shipengine"]
    headers = signed("shipengine", body)
    headers["x-shipengine-rsa-sha256-signature"] = rsa_sign(
        OTHER, headers["x-shipengine-timestamp"].encode() + b"." + body
    )
    with pytest.raises(SignatureInvalid) as caught:
        await trackers["shipengine"].verify(headers, body, NOW)
    assert caught.value.reason is SignatureFault.MISMATCH


async def test_an_unknown_key_is_looked_for_once_a_minute_at_most(
    keys: KeyServer, trackers: dict[str, Tracker]
) -> None:
    body, engine = BODIES["shipengine"], trackers["shipengine"]
    await engine.verify(signed("shipengine", body), body, NOW)
    fetched = keys.fetched
    for _ in range(5):
        with pytest.raises(SignatureInvalid):
            await engine.verify(signed("shipengine", body, secret="another"), body, NOW)
    assert keys.fetched == fetched
    later = signed("shipengine", body, secret="another", at=NOW + 61)
    with pytest.raises(SignatureInvalid):
        await engine.verify(later, body, NOW + 61)
    assert keys.fetched == fetched + 1


async def test_while_the_keys_cannot_be_had_nobody_is_called_a_forger() -> None:
    away = ShipEngine(name="shipengine", keys=KeySet("http://127.0.0.1:9"))
    body = BODIES["shipengine"]
    with pytest.raises(CarrierUnavailable):
        await away.verify(signed("shipengine", body), body, NOW)
    await away.close()


def test_the_key_server_publishes_what_a_jwk_is() -> None:
    assert b64url(65537) == "AQAB"
