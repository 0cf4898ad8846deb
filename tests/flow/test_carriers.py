"""Several carriers in one shop: each parcel is bought once from its own, whatever is lost, and heard of by webhook."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gateways.signatures import sign
from tests.flow.carrier_kit import (
    documented,
    in_front_of_a_person,
    now,
    parcel,
    placed,
    post,
    scans,
    sku_at,
)
from tests.flow.kit import Shop, until
from workflows.shipment import ShipmentWorkflow

DOCKS = {"sandbox": "florence", "easypost": "easypost-dock", "shippo": "shippo-dock"}
SERVICES = {"easypost": ("Post/Priority", 690), "shippo": ("Swift/swift_nextday", 1890)}
"""The cheapest that arrives within three days, and the fastest: what the routes of these docks ask for."""


@pytest.mark.parametrize("carrier", ["easypost", "shippo"])
async def test_a_parcel_goes_with_the_carrier_of_its_dock(shop: Shop, carrier: str) -> None:
    order = await shop.bought(sku_at(shop, DOCKS[carrier]))
    row = parcel(shop, order)
    assert (row["carrier"], row["state"]) == (carrier, "label_bought")
    assert row["carrier_shipment_id"]
    assert row["rate_id"]
    paid = "SELECT label_cost_minor, label_currency FROM shipments WHERE tracking_number = :n"
    assert shop.sql(paid, n=row["tracking_number"]) == [(SERVICES[carrier][1], "EUR")]
    found, _ = await shop.attributes(shop.parcel_flow(order))
    assert (found["Carrier"], found["TrackingNumber"]) == (carrier, row["tracking_number"])

    await shop.carrier("webhooks", duplicate=1)
    await shop.scan(order, "picked_up", "out_for_delivery", "attempt_failed", "delivered")
    await shop.order_in(order["number"], "delivered")
    seen = await until(lambda: _scans(shop, order), lambda found: len(found) == 4)
    assert [status for status, _ in seen] == ["picked_up", "out_for_delivery", "attempt_failed", "delivered"]
    assert all("/" in code or code == "out_for_delivery" for _, code in seen)
    labels = await shop.labels(order)
    assert (labels["labels_bought"], labels["repeat_buys"]) == (1, 0)


async def _scans(shop: Shop, order: dict[str, Any]) -> list[tuple[str, str]]:
    return scans(shop, order)


LOST = {"when": "after", "status": None}
FAULTS = [
    ("sandbox", "create", LOST),
    ("easypost", "create", LOST),
    ("shippo", "create", {"when": "before", "status": 500}),
    ("sandbox", "buy", {"when": "after", "status": 502}),
    ("easypost", "buy", LOST),
    ("shippo", "buy", LOST),
    ("easypost", "buy", {"when": "before", "status": 429, "retry_after": 1}),
    ("shippo", "buy", {"when": "after", "status": 500}),
]


@pytest.mark.parametrize(("carrier", "operation", "fault"), FAULTS)
async def test_one_label_is_paid_whatever_is_lost(
    shop: Shop, carrier: str, operation: str, fault: dict[str, Any]
) -> None:
    await shop.carrier("faults", operation=operation, **fault)
    order = await shop.bought(sku_at(shop, DOCKS[carrier]))
    labels = await shop.labels(order)
    assert (labels["labels_bought"], labels["labels_live"], labels["repeat_buys"]) == (1, 1, 0)
    bought = [one["id"] for one in labels["shipments"] if one["state"] == "bought"]
    assert bought == [parcel(shop, order)["carrier_shipment_id"]]


async def test_what_is_created_is_written_down_before_it_is_bought(shop: Shop) -> None:
    await shop.carrier("faults", operation="buy", status=400)
    order = await placed(shop, "easypost-dock")
    order = await in_front_of_a_person(shop, order["number"])
    row = parcel(shop, order)
    assert (row["state"], row["tracking_number"]) == ("pending", None)
    assert row["carrier_shipment_id"].startswith("shp_")
    assert row["rate_id"].startswith("rate_")

    await shop.parcel_flow(order).execute_update(ShipmentWorkflow.retry)
    order = await shop.labelled(order["number"])
    labels = await shop.labels(order)
    assert (labels["labels_bought"], len(labels["shipments"])) == (1, 2)  # refused for good: another was created
    assert parcel(shop, order)["carrier_shipment_id"] != row["carrier_shipment_id"]
    await until(lambda: shop.order(order["number"]), lambda seen: not seen["needs_attention"])


async def test_a_label_nobody_heard_of_is_given_back(shop: Shop) -> None:
    async def purchases() -> int:
        return int((await shop.carrier("state")).json()["calls"].get("buy", 0))

    before = await purchases()
    await shop.carrier("faults", operation="buy", when="after", status=None)
    order = await placed(shop, "shippo-dock")
    await until(purchases, lambda count: count > before)
    await shop.carrier("faults", operation="find", status=503, times=1000)
    cancelling = asyncio.create_task(shop.cancel_order(order["number"]))
    await until(lambda: shop.details(shop.order_flow(order["number"])), lambda page: "ancel" in page)
    await shop.calm()
    assert (await cancelling).json()["state"] == "cancelled"
    labels = await shop.labels(order)
    assert (labels["labels_bought"], labels["labels_live"], labels["repeat_buys"]) == (1, 0, 0)


async def test_a_promise_that_nobody_keeps_is_brought_before_a_person(shop: Shop) -> None:
    order = await placed(shop, "strict-dock")
    order = await in_front_of_a_person(shop, order["number"])
    assert "offers none of Post/Teleport" in order["attention_reason"]
    assert (await shop.labels(order))["labels_bought"] == 0
    assert (await shop.cancel_order(order["number"])).json()["state"] == "cancelled"


async def test_one_who_tracks_only_is_heard_by_the_number_on_the_label(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    message = {
        "id": "t1",
        "tracking_number": order["shipments"][0]["tracking_number"],
        "checkpoints": [
            {"tag": "InTransit", "subtag": "InTransit_002", "checkpoint_time": _stamp(-60), "message": "Accepted"},
            {"tag": "Delivered", "subtag": "Delivered_001", "checkpoint_time": _stamp(-30), "message": "There"},
        ],
    }
    body = documented("aftership", event_id=f"evt-{order['number']}", msg=message)
    for _ in range(2):
        assert (await post(shop, "aftership", _aftership(shop, body), body)).status_code == 204
    await shop.order_in(order["number"], "delivered")
    assert scans(shop, order) == [("picked_up", "InTransit_002"), ("delivered", "Delivered_001")]


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(now() + seconds, UTC).isoformat()


def _aftership(shop: Shop, body: bytes, secret: str | None = None) -> dict[str, str]:
    key = (secret or shop.links.carrier_webhook_secret).encode()
    return {"aftership-hmac-sha256": base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()}


def _easypost(secret: str, body: bytes) -> dict[str, str]:
    return {"X-Hmac-Signature": "hmac-sha256-hex=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


TABLES = ("inbox", "tracking_events", "events", "shipments", "orders")


async def test_what_is_forged_stale_or_malformed_is_refused_and_changes_nothing(shop: Shop) -> None:
    order = await shop.bought(sku_at(shop, "easypost-dock"))
    secret = shop.links.carrier_webhook_secret
    easypost, shippo, aftership = documented("easypost"), documented("shippo"), documented("aftership")
    junk = b'{"id": 7}'
    attempts = [
        ("easypost", _easypost("forged", easypost), easypost, "signature_invalid"),
        ("easypost", _easypost(secret, easypost), easypost + b" ", "signature_invalid"),
        ("easypost", {}, easypost, "signature_invalid"),
        ("easypost", _easypost(secret, junk), junk, "malformed_event"),
        ("shippo", {"Shippo-Auth-Signature": sign("forged", shippo, now())}, shippo, "signature_invalid"),
        ("shippo", {"Shippo-Auth-Signature": sign(secret, shippo, now() - 600)}, shippo, "signature_invalid"),
        ("shippo", {"Shippo-Auth-Signature": sign(secret, junk, now())}, junk, "malformed_event"),
        ("aftership", _aftership(shop, aftership, "forged"), aftership, "signature_invalid"),
        ("aftership", _aftership(shop, junk), junk, "malformed_event"),
    ]
    count = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    before = shop.sql(count), parcel(shop, order)
    for account, headers, body, code in attempts:
        answer = await post(shop, account, headers, body)
        assert (answer.status_code, answer.json()["code"]) == (400, code), (account, answer.text)
    unknown = await post(shop, "nobody", {}, b"{}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert (shop.sql(count), parcel(shop, order)) == before


async def test_a_webhook_that_is_played_again_is_known(shop: Shop) -> None:
    order = await shop.bought(sku_at(shop, "easypost-dock"))
    row = parcel(shop, order)
    tracker = {
        "id": "trk_1",
        "tracking_code": row["tracking_number"],
        "shipment_id": row["carrier_shipment_id"],
        "tracking_details": [{"status": "in_transit", "status_detail": "departed_facility", "datetime": _stamp(-5)}],
    }
    body = documented("easypost", id=f"evt_{order['number']}", result=tracker)
    headers = _easypost(shop.links.carrier_webhook_secret, body)
    answers = await asyncio.gather(*(post(shop, "easypost", headers, body) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {204}
    await shop.order_in(order["number"], "shipped")  # a scan proves that it left
    kept = "SELECT outcome FROM inbox WHERE source = 'easypost' AND event_id = :e"
    assert await until(lambda: _rows(shop, kept, f"evt_{order['number']}"), lambda rows: rows == [("delivered",)])
    assert scans(shop, order) == [("in_transit", "in_transit/departed_facility")]


async def _rows(shop: Shop, query: str, event: str) -> list[tuple[Any, ...]]:
    return shop.sql(query, e=event)


async def test_a_parcel_nobody_knows_is_written_down_as_that(shop: Shop) -> None:
    body = documented("easypost", id="evt_of_another_shop")
    answer = await post(shop, "easypost", _easypost(shop.links.carrier_webhook_secret, body), body)
    assert answer.status_code == 204
    kept = "SELECT outcome FROM inbox WHERE source = 'easypost' AND event_id = :e"
    await until(lambda: _rows(shop, kept, "evt_of_another_shop"), lambda rows: rows == [("unknown_object",)])
    told = (await shop.http.get("/v1/unknown-parcels", params={"limit": 1})).json()
    (found,) = told["parcels"]
    assert (found["account"], found["event_id"]) == ("easypost", "evt_of_another_shop")
    assert found["tracking_number"] == json.loads(body)["result"]["tracking_code"]
    older = {"limit": 1, "cursor": told["next_cursor"]} if told["next_cursor"] else None
    assert older is None or (await shop.http.get("/v1/unknown-parcels", params=older)).json()["parcels"] != [found]
