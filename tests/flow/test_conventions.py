"""What every answer keeps to, whatever it is an answer to."""

import asyncio
import re
import uuid
from typing import Any

import httpx
import pytest

from api.conventions import HEADERS
from domain.ids import api_key_hash, api_key_id
from tests.flow.access_kit import bearer, new_key, new_tenant, owner
from tests.flow.kit import ADDRESS, KEY, TENANT, Shop

ANSWERS: dict[str, tuple[str, str, int]] = {
    "a page": ("GET", "/v1/locations", 200),
    "nothing there": ("GET", "/nowhere", 404),
    "another's or nobody's": ("GET", "/v1/orders/999999", 404),
    "the wrong method": ("DELETE", "/v1/orders/1", 405),
    "not allowed": ("GET", "/v1/locations", 401),
    "wrong fields": ("PUT", "/v1/stock/florence/SCARF-SILK-01", 422),
    "too much": ("POST", "/v1/checkouts", 413),
    "a probe": ("GET", "/livez", 200),
    "a forged webhook": ("POST", "/webhooks/stripe/demo", 400),
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_every_answer_has_the_headers_of_owasps_list_and_a_request_id(whole_shop: Shop, kind: str) -> None:
    method, path, status = ANSWERS[kind]
    content = b"x" * 2_000_000 if kind == "too much" else b"{}"
    headers = {"X-Request-Id": f"test-{uuid.uuid4().hex}", "Content-Type": "application/json"}
    if kind == "not allowed":
        headers["Authorization"] = ""
    answer = await whole_shop.http.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["x-request-id"] == headers["X-Request-Id"]
    assert "server" not in answer.headers
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == headers["X-Request-Id"]
        assert {"type", "title", "status", "code", "detail"} <= answer.json().keys()


async def test_a_request_id_that_is_none_is_replaced(whole_shop: Shop) -> None:
    for brought in ("", "two words", "x" * 129, "a\tb"):
        answer = await whole_shop.http.get("/livez", headers={"X-Request-Id": brought})
        assert answer.headers["x-request-id"].startswith("req_")


async def test_a_key_that_asks_too_often_is_told_how_long_to_wait(whole_shop: Shop) -> None:
    key = new_key(whole_shop, "stock:read")
    owner(whole_shop, "UPDATE api_keys SET rate_limit = 5 WHERE name = 'a test' AND scopes = '{stock:read}'")
    one = await whole_shop.http.get("/v1/locations", headers=bearer(key))
    assert one.headers["ratelimit-policy"] == '"key";q=10;w=2'
    assert one.headers["ratelimit"].startswith('"key";r=9;t=')
    crowd = await asyncio.gather(
        *(whole_shop.http.get("/v1/locations", headers=bearer(key)) for _ in range(40)),
    )
    refused = [answer for answer in crowd if answer.status_code == 429]
    assert refused
    assert len(crowd) - len(refused) >= 9
    assert refused[0].json()["code"] == "rate_limited"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].headers["ratelimit"].startswith('"key";r=0;')


def limited(shop: Shop, rate: int) -> dict[str, str]:
    """The header of a key that may ask `rate` times a second."""
    key = new_key(shop, "*")
    owner(
        shop, "UPDATE api_keys SET rate_limit = :rate WHERE key_id = :id", rate=rate, id=api_key_id(api_key_hash(key))
    )
    return bearer(key)


def agreed(answer: httpx.Response, rate: int) -> int:
    """The seconds that one who was refused is to wait, once its three headers are seen to agree."""
    assert answer.headers["ratelimit-policy"] == f'"key";q={2 * rate};w=2'
    told = re.fullmatch(r'"key";r=0;t=(\d+)', answer.headers["ratelimit"])
    assert told, answer.headers["ratelimit"]
    wait = int(answer.headers["retry-after"])
    assert 1 <= wait <= int(told[1]) <= 2
    return wait


@pytest.mark.parametrize("rate", [1, 3])
async def test_who_waits_as_long_as_they_are_told_is_let_in(whole_shop: Shop, rate: int) -> None:
    """Time is the subject here, so it is waited for: a second or two."""
    headers = limited(whole_shop, rate)
    crowd = await asyncio.gather(*(whole_shop.http.get("/v1/locations", headers=headers) for _ in range(10 * rate)))
    waits = [agreed(answer, rate) for answer in crowd if answer.status_code == 429]
    assert waits
    await asyncio.sleep(max(waits))
    answer = await whole_shop.http.get("/v1/locations", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["ratelimit"].startswith('"key";r=')


async def test_a_question_of_graphql_waits_until_all_of_it_may_be_asked(whole_shop: Shop) -> None:
    """Each field at its root is a request: to wait for one of them would be to be refused for ever."""
    headers = limited(whole_shop, 1)

    async def ask(fields: int) -> tuple[httpx.Response, str | None]:
        asked = {"query": "{" + " ".join(f"q{n}: __typename" for n in range(fields)) + "}"}
        answer = await whole_shop.http.post("/graphql", json=asked, headers=headers)
        errors = answer.json().get("errors", [])
        told = errors[0]["extensions"]["code"] if errors else None
        return answer, answer.json().get("code", told)

    answer, code = await ask(3)
    assert code == "query_too_large", answer.text
    for _ in range(5):
        answer, code = await ask(2)
        if code is not None:
            break
    assert code == "rate_limited", answer.text
    for _ in range(2):  # at the door nobody knows yet how much is asked
        await asyncio.sleep(int(answer.headers["retry-after"]))
        answer, code = await ask(2)
        if code is None:
            break
    assert code is None, answer.text


async def test_browsers_may_call_from_the_tenants_own_pages_only(whole_shop: Shop) -> None:
    mine, theirs = f"https://{uuid.uuid4().hex}.example", f"https://{uuid.uuid4().hex}.example"
    other = new_tenant(whole_shop)
    for tenant, origin in ((TENANT, mine), (other, theirs)):
        owner(
            whole_shop,
            "INSERT INTO storefront_origins (tenant_id, origin) VALUES (:t, :origin)",
            tenant=tenant,
            origin=origin,
        )
    page = new_key(whole_shop, "checkouts:write", "checkouts:read", "catalog:read", kind="publishable")
    for origin, known in ((mine, True), (theirs, True), ("https://evil.example", False)):
        asks = {"Origin": origin, "Access-Control-Request-Method": "POST", "Authorization": ""}
        before = await whole_shop.http.options("/v1/checkouts", headers=asks)
        assert before.status_code == 204
        assert before.headers.get("access-control-allow-origin") == (origin if known else None)
        answer = await whole_shop.http.get("/v1/checkouts/co_x", headers=bearer(page) | {"Origin": origin})
        allowed = answer.headers.get("access-control-allow-origin")
        assert (answer.json()["code"], allowed) == (
            ("not_found", mine) if origin == mine else ("origin_not_allowed", None)
        )
        assert "origin" in answer.headers["vary"].lower()
        assert "access-control-allow-credentials" not in answer.headers


def cart(sku: str, **customer: Any) -> dict[str, Any]:
    """A cart that is paid in the browser."""
    return {
        "currency": "EUR",
        "lines": [{"sku": sku, "quantity": 1}],
        "customer": {"email": "ada@example.com", "name": "Ada", **customer},
        "shipping_address": ADDRESS,
        "shipping_method": "standard",
        "payment": {"mode": "client"},
    }


async def test_a_page_sees_the_checkout_that_it_began_and_no_other(whole_shop: Shop) -> None:
    page = new_key(whole_shop, "checkouts:write", "checkouts:read", kind="publishable")
    sku, http = whole_shop.new_sku(), whole_shop.http
    begun = await http.post("/v1/checkouts", json=cart(sku), headers=bearer(page))
    assert begun.status_code == 202, begun.text
    address, secret = f"/v1/checkouts/{begun.json()['id']}", begun.json()["secret"]
    another = (await http.post("/v1/checkouts", json=cart(sku), headers=bearer(page))).json()
    for given in ({}, {"Milepost-Checkout-Secret": ""}, {"Milepost-Checkout-Secret": another["secret"]}):
        for method, path in (("GET", address), ("POST", f"{address}/confirm"), ("POST", f"{address}/cancel")):
            answer = await http.request(method, path, headers=bearer(page) | given)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    mine = {"Milepost-Checkout-Secret": secret}
    assert (await http.get(address, headers=bearer(page) | mine)).json()["state"] == "awaiting_payment"
    assert "secret" not in {k for k, v in (await http.get(address, headers=bearer(page) | mine)).json().items() if v}
    assert (await http.post(f"{address}/cancel", headers=bearer(page) | mine)).json()["state"] == "cancelled"
    away = f"/v1/checkouts/{another['id']}/cancel"
    assert (await http.post(away, headers=bearer(KEY))).json()["state"] == "cancelled"
    named = await http.post("/v1/checkouts", json=cart(sku, id="cus_1"), headers=bearer(page))
    assert (named.status_code, named.json()["code"]) == (403, "secret_key_required")


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    """What counts of an answer."""
    return answer.status_code, answer.text, answer.headers.get("idempotency-replayed")


async def test_the_same_key_is_answered_alike_and_done_once(whole_shop: Shop) -> None:
    sku = whole_shop.new_sku(5)
    path, body = f"/v1/stock/florence/{sku}", {"count": 7, "expected": 5, "reason": "stocktake"}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = await whole_shop.http.put(path, json=body, headers=headers)
    assert first.status_code == 200
    quoted = {"Idempotency-Key": f'"{headers["Idempotency-Key"]}"'}
    for again in (headers, quoted):
        assert told(await whole_shop.http.put(path, json=body, headers=again)) == (200, first.text, "true")
    other = await whole_shop.http.put(path, json=body | {"count": 8}, headers=headers)
    elsewhere = await whole_shop.http.put(path + "-2", json=body, headers=headers)
    for answer in (other, elsewhere):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert whole_shop.stock(sku) == (7, 0)
    refused = {"Idempotency-Key": uuid.uuid4().hex}
    stale = await whole_shop.http.put(path, json=body, headers=refused)
    assert (stale.status_code, stale.json()["code"]) == (409, "stock_changed")
    assert told(await whole_shop.http.put(path, json=body, headers=refused))[::2] == (409, "true")


async def test_a_key_whose_request_was_wrong_may_be_used_for_the_mended_one(whole_shop: Shop) -> None:
    sku = whole_shop.new_sku(5)
    path, headers = f"/v1/stock/florence/{sku}", {"Idempotency-Key": uuid.uuid4().hex}
    assert (await whole_shop.http.put(path, json={"count": -1}, headers=headers)).status_code == 422
    good = await whole_shop.http.put(path, json={"count": 6, "expected": 5, "reason": "r"}, headers=headers)
    assert (good.status_code, good.headers.get("idempotency-replayed")) == (200, None)


async def test_of_requests_with_one_key_at_once_one_is_done(whole_shop: Shop) -> None:
    sku = whole_shop.new_sku(5)
    path, headers = f"/v1/stock/florence/{sku}", {"Idempotency-Key": uuid.uuid4().hex}
    body = {"count": 9, "expected": 5, "reason": "stocktake"}
    crowd = await asyncio.gather(*(whole_shop.http.put(path, json=body, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in crowd} <= {200, 409}
    assert {answer.json()["code"] for answer in crowd if answer.status_code == 409} <= {"idempotency_key_in_use"}
    counted = "SELECT count(*) FROM stock_movements WHERE sku = :sku AND kind = 'adjusted'"
    assert whole_shop.sql(counted, sku=sku) == [(1,)]


async def test_an_act_is_in_the_audit_log_and_a_look_is_not(whole_shop: Shop) -> None:
    sku, request = whole_shop.new_sku(5), f"test-{uuid.uuid4().hex}"
    path, body = f"/v1/stock/florence/{sku}", {"count": 7, "expected": 5, "reason": "stocktake"}
    headers = {"X-Request-Id": request, "Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):
        assert (await whole_shop.http.put(path, json=body, headers=headers)).status_code == 200
    await whole_shop.http.get(f"/v1/stock/{sku}", headers=headers)
    await whole_shop.http.put(path, json=body, headers={"X-Request-Id": request})
    acts = "SELECT actor, action, target, status, code FROM audit_log WHERE request_id = :id ORDER BY act_id"
    ((actor,),) = whole_shop.sql("SELECT key_id FROM api_keys WHERE name = 'seeded'")
    action = "PUT /v1/stock/{location}/{sku}"
    assert whole_shop.sql(acts, id=request) == [
        (actor, action, path, 200, None),
        (actor, action, path, 409, "stock_changed"),
    ]
    page = (await whole_shop.http.get("/v1/access/audit", params={"limit": 1})).json()
    assert page["acts"][0]["request_id"] == request
    assert page["acts"][0]["code"] == "stock_changed"
    following = {"limit": 1, "cursor": page["next_cursor"]}
    assert (await whole_shop.http.get("/v1/access/audit", params=following)).json()["acts"][0]["status"] == 200
    stranger = new_key(whole_shop, "admin", tenant=new_tenant(whole_shop))
    crossed = await whole_shop.http.get("/v1/access/audit", params=following, headers=bearer(stranger))
    assert (crossed.status_code, crossed.json()["code"]) == (400, "cursor_invalid")
