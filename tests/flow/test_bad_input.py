"""Whatever is wrong with a request, it is refused with a stable code and changes nothing."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from domain.ids import api_key_hash
from gateways.signatures import sign
from tests.flow.kit import KEY, Shop

TABLES = (
    "checkouts", "payments", "payment_operations", "reservations", "stock_levels", "stock_movements",
    "stock_adjustments", "events", "orders", "inbox",
)  # fmt: skip


@pytest.fixture
def nothing_changes(whole_shop: Shop) -> Iterator[None]:
    """Counts the rows of every table before and after."""
    count = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    before = whole_shop.sql(count)
    yield
    assert whole_shop.sql(count) == before


def cart(**changed: Any) -> dict[str, Any]:
    """A cart that would sell, but for what is changed."""
    return {
        "currency": "EUR",
        "lines": [{"sku": "SCARF-SILK-01", "quantity": 2}],
        "customer": {"email": "ada@example.com", "name": "Ada"},
        "shipping_address": {"name": "Ada", "line1": "1", "city": "Paris", "postal_code": "75002", "country": "FR"},
        "shipping_method": "standard",
        "payment": {"mode": "server", "payment_method": "pm_card_visa"},
        **changed,
    }


def lines(quantity: Any, sku: str = "SCARF-SILK-01") -> dict[str, Any]:
    """So many of one SKU."""
    return {"lines": [{"sku": sku, "quantity": quantity}]}


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        (lines(0), 422, "invalid_request"),
        (lines(-1), 422, "invalid_request"),
        (lines(10**12), 422, "invalid_request"),
        (lines(10**30), 422, "invalid_request"),
        (lines("2"), 422, "invalid_request"),
        (lines(1.5), 422, "invalid_request"),
        (lines(True), 422, "invalid_request"),
        (lines(None), 422, "invalid_request"),
        ({"lines": []}, 422, "invalid_request"),
        ({"lines": [{"sku": "SCARF-SILK-01", "quantity": 1}] * 51}, 422, "invalid_request"),
        (lines(1, "NO-SUCH-SKU"), 422, "unknown_sku"),
        (lines(1, "x'; DROP TABLE orders; --"), 422, "invalid_request"),
        ({"currency": "EURO"}, 422, "invalid_request"),
        ({"currency": "XXX"}, 422, "unsupported_currency"),
        ({"currency": "QQQ"}, 422, "unsupported_currency"),
        ({"currency": "CHF"}, 422, "unsupported_currency"),
        ({"shipping_method": "teleport"}, 422, "unknown_shipping_method"),
        ({"expected_total": 1}, 409, "total_mismatch"),
        ({"expected_total": -1}, 422, "invalid_request"),
        ({"payment": {"mode": "cash"}}, 422, "invalid_request"),
        ({"payment": {"mode": "server"}}, 422, "invalid_request"),
        ({"customer": {"email": "not an address", "name": "A"}}, 422, "invalid_request"),
        ({"customer": {"email": "a@example.com", "name": "A\x00B"}}, 422, "invalid_request"),
        ({"surprise": 1}, 422, "invalid_request"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_cart(whole_shop: Shop, changed: dict[str, Any], status: int, code: str) -> None:
    """A 4xx problem with its code, for each."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    answer = await whole_shop.http.post("/v1/checkouts", json=cart(**changed), headers=key)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.usefixtures("nothing_changes")
async def test_a_country_we_do_not_deliver_to(whole_shop: Shop) -> None:
    """Said before anything is reserved."""
    address = cart()["shipping_address"] | {"country": "AQ"}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    answer = await whole_shop.http.post("/v1/checkouts", json=cart(shipping_address=address), headers=key)
    assert answer.json()["code"] == "unsupported_country"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"cart"', b"\xff\xfe", b'{"lines": NaN}'])
@pytest.mark.usefixtures("nothing_changes")
async def test_what_is_not_json(whole_shop: Shop, body: bytes) -> None:
    """400 or 422, and a problem."""
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await whole_shop.http.post("/v1/checkouts", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("malformed_json", "invalid_request")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "idempotency_key_required"),
        ({"Idempotency-Key": '""'}, 400, "idempotency_key_required"),
        ({"Idempotency-Key": "k" * 256}, 400, "idempotency_key_invalid"),
        ({"Idempotency-Key": "k", "Authorization": ""}, 401, "no_api_key"),
        ({"Idempotency-Key": "k", "Authorization": "Bearer mp_test_wrong"}, 401, "wrong_api_key"),
        ({"Idempotency-Key": "k", "Authorization": "Basic abc"}, 401, "no_api_key"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("nothing_changes")
async def test_wrong_headers(whole_shop: Shop, headers: dict[str, str], status: int, code: str) -> None:
    """Who asks, and under which key, comes first."""
    answer = await whole_shop.http.post("/v1/checkouts", json=cart(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.usefixtures("nothing_changes")
async def test_a_body_of_ten_megabytes(whole_shop: Shop) -> None:
    """413, declared or not."""
    body = b"x" * 10_000_000

    async def chunks() -> Any:
        for _ in range(100):
            yield b"x" * 100_000

    for content in (body, chunks()):
        answer = await whole_shop.http.post("/v1/checkouts", content=content, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_what_belongs_to_another_tenant_is_not_there(whole_shop: Shop) -> None:
    """404 for ids of others, as for ids of nobody."""
    other = f"mp_test_{uuid.uuid4().hex}"
    tenant = f"other-{uuid.uuid4().hex[:8]}"
    with sa.create_engine(whole_shop.links.database_owner_url, poolclass=sa.NullPool).begin() as owner:
        owner.exec_driver_sql("SELECT set_config('milepost.tenant', %s, true)", (tenant,))
        owner.exec_driver_sql("INSERT INTO tenants (tenant_id, name) VALUES (%s, 'Other')", (tenant,))
        owner.exec_driver_sql(
            "INSERT INTO api_keys (tenant_id, key_hash, key_id, name, scopes) VALUES (%s, %s, 'key_1', 'k', '{*}')",
            (tenant, api_key_hash(other)),
        )
    order = await whole_shop.bought(whole_shop.new_sku())
    parcel = order["shipments"][0]["id"]
    for method, path in (
        ("GET", f"/v1/orders/{order['number']}"),
        ("GET", f"/v1/checkouts/{order['checkout_id']}"),
        ("POST", f"/v1/orders/{order['number']}/cancel"),
        ("POST", f"/v1/checkouts/{order['checkout_id']}/cancel"),
        ("POST", f"/v1/checkouts/{order['checkout_id']}/confirm"),
        ("POST", f"/v1/shipments/{parcel}/handover"),
        ("GET", f"/v1/stock/{order['lines'][0]['sku']}"),
    ):
        mine = await whole_shop.http.request(method, path, headers={"Authorization": f"Bearer {other}"})
        assert (mine.status_code, mine.json()["code"]) == (404, "not_found"), path
    assert (await whole_shop.order(order["number"]))["state"] == "placed"
    missing = await whole_shop.http.get("/v1/orders/999999", headers={"Authorization": f"Bearer {KEY}"})
    assert missing.json()["code"] == "not_found"


COUNT: dict[str, Any] = {"count": 3, "expected": 100, "reason": "stocktake"}
ADJUSTMENT: dict[str, Any] = {"quantity": 3, "reason": "delivery", "kind": "received"}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    """All but one field."""
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize(
    "wrong",
    [
        *(COUNT | {name: value} for name in ("count", "expected") for value in (-1, 1.5, "3", None, True, 10**10)),
        *(COUNT | {"reason": value} for value in ("", " ", "a\x00b", "x" * 201, None, 3)),
        *(without(COUNT, name) for name in COUNT),
        COUNT | {"surprise": 1},
        [],
        "three",
    ],
    ids=str,
)
@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_count(whole_shop: Shop, wrong: Any) -> None:
    """422, and the fields that are wrong."""
    answer = await whole_shop.http.put("/v1/stock/florence/SCARF-SILK-01", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


TERMS: dict[str, Any] = {"safety_stock": 1, "backorder_limit": 2, "expected": {}}


@pytest.mark.parametrize(
    "wrong",
    [
        *(TERMS | {name: -1} for name in ("safety_stock", "backorder_limit")),
        *(TERMS | {"backorder_limit": limit} for limit in (1.5, "3", None, True, 10**10)),
        *(TERMS | {"backorder_kind": kind} for kind in ("sold", "", None)),
        *(TERMS | {"expected_on": day} for day in ("tomorrow", "2026-02-30", 5)),
        TERMS | {"expected": None},
        TERMS | {"expected": []},
        TERMS | {"expected": {"surprise": 1}},
        without(TERMS, "expected"),
        TERMS | {"surprise": 1},
    ],
    ids=str,
)
@pytest.mark.usefixtures("nothing_changes")
async def test_wrong_terms(whole_shop: Shop, wrong: Any) -> None:
    """422, and the level is sold as before."""
    answer = await whole_shop.http.put("/v1/stock/florence/SCARF-SILK-01/terms", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "wrong",
    [
        *(ADJUSTMENT | {"quantity": value} for value in (0, -1, 1.5, "3", None, True, 10**10, -(10**10))),
        *(ADJUSTMENT | {"kind": value} for value in ("sold", "shipped", "", None, "RECEIVED")),
        ADJUSTMENT | {"quantity": -1, "kind": "returned"},
        ADJUSTMENT | {"reason": ""},
        *(without(ADJUSTMENT, name) for name in ADJUSTMENT),
        ADJUSTMENT | {"surprise": 1},
    ],
    ids=str,
)
@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_adjustment(whole_shop: Shop, wrong: Any) -> None:
    """422, and its key is not used up."""
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answer = await whole_shop.http.post("/v1/stock/florence/SCARF-SILK-01/adjustments", json=wrong, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("place", "status", "code"),
    [
        ("atlantis/SCARF-SILK-01", 404, "not_found"),
        ("florence/NO-SUCH-SKU", 404, "not_found"),
        ("florence/x'; DROP TABLE orders; --", 422, "invalid_request"),
        ("florence/a%00b", 422, "invalid_request"),
        ("flor%20ence/SCARF-SILK-01", 422, "invalid_request"),
        ("x" * 65 + "/SCARF-SILK-01", 422, "invalid_request"),
    ],
)
@pytest.mark.usefixtures("nothing_changes")
async def test_stock_that_is_nowhere(whole_shop: Shop, place: str, status: int, code: str) -> None:
    """Unknown is 404; what cannot be an id is 422. Reading tells the same of SKUs."""
    put = await whole_shop.http.put(f"/v1/stock/{place}", json=COUNT | {"expected": 0})
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    post = await whole_shop.http.post(f"/v1/stock/{place}/adjustments", json=ADJUSTMENT, headers=headers)
    assert [(one.status_code, one.json()["code"]) for one in (put, post)] == [(status, code)] * 2
    if place.startswith("florence/"):
        read = await whole_shop.http.get(f"/v1/stock/{place.removeprefix('florence/')}")
        assert (read.status_code, read.json()["code"]) == (status, code)


@pytest.mark.usefixtures("nothing_changes")
async def test_an_adjustment_needs_its_key_and_stock_needs_an_api_key(whole_shop: Shop) -> None:
    """400 and 401."""
    path = "/v1/stock/florence/SCARF-SILK-01"
    answer = await whole_shop.http.post(f"{path}/adjustments", json=ADJUSTMENT)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
    for method, where in (("GET", "/v1/stock/SCARF-SILK-01"), ("GET", "/v1/locations"), ("PUT", path)):
        nobody = await whole_shop.http.request(method, where, json=COUNT, headers={"Authorization": ""})
        assert nobody.status_code == 401


EVENT = {"id": "evt_forged1", "type": "payment_intent.succeeded", "data": {"object": {"object": "payment_intent"}}}


@pytest.mark.usefixtures("nothing_changes")
async def test_forged_stripe_webhooks(whole_shop: Shop) -> None:
    """Not signed, signed by another, changed by one byte, too old, signed garbage, another's address: all refused."""
    body, now = json.dumps(EVENT).encode(), int(time.time())
    secret = whole_shop.links.stripe_webhook_secret
    good = sign(secret, body, now)
    changed = body.replace(b"succeeded", b"succeedee")
    for sent, signature, path, code in (
        (body, "", "demo", "signature_invalid"),
        (body, "nonsense", "demo", "signature_invalid"),
        (body, sign("whsec_wrong", body, now), "demo", "signature_invalid"),
        (changed, good, "demo", "signature_invalid"),
        (body, sign(secret, body, now - 301), "demo", "signature_invalid"),
        (body, good.replace(f"t={now}", f"t={now + 1}"), "demo", "signature_invalid"),
        (b"{}", sign(secret, b"{}", now), "demo", "malformed_event"),
        (b"\xff", sign(secret, b"\xff", now), "demo", "malformed_event"),
        (body, good, "nobody", "not_found"),
    ):
        headers = {"Stripe-Signature": signature}
        answer = await whole_shop.http.post(f"/webhooks/stripe/{path}", content=sent, headers=headers)
        assert answer.json()["code"] == code, (sent, signature)
        assert 400 <= answer.status_code < 500


@pytest.mark.usefixtures("nothing_changes")
async def test_forged_carrier_webhooks(whole_shop: Shop) -> None:
    """As Stripe's; and a carrier that we do not know."""
    body, now = b'{"shipment_id": "x"}', int(time.time())
    secret = whole_shop.links.carrier_webhook_secret
    for path, signature, code in (
        ("sandbox/demo", "", "signature_invalid"),
        ("sandbox/demo", sign("wrong", body, now), "signature_invalid"),
        ("sandbox/demo", sign(secret, body, now), "malformed_event"),
        ("pigeon/demo", sign(secret, body, now), "not_found"),
    ):
        headers = {"Milepost-Signature": signature}
        answer = await whole_shop.http.post(f"/webhooks/carriers/{path}", content=body, headers=headers)
        assert answer.json()["code"] == code
        assert 400 <= answer.status_code < 500


async def test_a_webhook_played_again_is_kept_once(whole_shop: Shop) -> None:
    """The same event twice is one row, and both are answered with success."""
    event = EVENT | {"id": f"evt_{uuid.uuid4().hex}"}
    body = json.dumps(event).encode()
    for _ in range(2):
        headers = {"Stripe-Signature": sign(whole_shop.links.stripe_webhook_secret, body, int(time.time()))}
        answer = await whole_shop.http.post("/webhooks/stripe/demo", content=body, headers=headers)
        assert answer.status_code == 204
    assert whole_shop.sql("SELECT count(*) FROM inbox WHERE event_id = :event", event=event["id"]) == [(1,)]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/v1/checkouts", 405)])
async def test_wrong_addresses_are_problems_too(whole_shop: Shop, method: str, path: str, status: int) -> None:
    """404 and 405 have the same shape as all others."""
    answer = await whole_shop.http.request(method, path)
    assert answer.status_code == answer.json()["status"] == status


async def test_the_api_describes_itself(whole_shop: Shop) -> None:
    """OpenAPI with the routes and an example of each body; the probes answer."""
    described = (await whole_shop.http.get("/openapi.json")).json()
    assert "/v1/checkouts" in described["paths"]
    for schema in (
        "CheckoutIn", "CheckoutOut", "OrderOut", "HandoverOut", "ProblemOut", "CountIn", "AdjustmentIn", "LevelOut",
                   "StockOut", "LocationOut",
    ):  # fmt: skip
        assert described["components"]["schemas"][schema]["examples"]
    assert (await whole_shop.http.get("/livez")).status_code == 200
    assert (await whole_shop.http.get("/readyz")).json()["checks"] == dict.fromkeys(
        ("database", "migrations", "temporal"), "ok"
    )
