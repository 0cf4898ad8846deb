"""The Temporal UI's codec server: it opens payloads for staff who may, on the UI's own page, and for nobody else."""

import base64
import uuid
from typing import Any

import pytest

from tests.flow.access_kit import all_but, bearer, new_key
from tests.flow.kit import Shop


def as_json(payload: Any) -> dict[str, Any]:
    """As the UI sends one."""
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


@pytest.fixture
async def sealed(shop: Shop) -> dict[str, Any]:
    """A payload as Temporal keeps it."""
    (payload,) = await shop.temporal.data_converter.encode([{"street": "2 Rue de la Paix"}])
    return as_json(payload)


PLAIN = {"metadata": {"encoding": base64.b64encode(b"json/plain").decode()}, "data": base64.b64encode(b"1").decode()}
ODD = {"metadata": {"encoding": base64.b64encode(b"binary/zstd").decode()}, "data": "AAAA", "externalPayloads": []}


async def test_it_opens_what_is_encrypted_and_leaves_the_rest(shop: Shop, sealed: dict[str, Any]) -> None:
    reader, request = new_key(shop, "histories:read"), uuid.uuid4().hex
    answer = await shop.http.post(
        "/codec/decode",
        json={"payloads": [PLAIN, sealed, ODD]},
        headers=bearer(reader) | {"X-Namespace": "default", "X-Request-Id": request},
    )
    assert answer.status_code == 200, answer.text
    plain, opened, odd = answer.json()["payloads"]
    assert base64.b64decode(opened["data"]) == b'{"street":"2 Rue de la Paix"}'
    assert plain == PLAIN
    assert odd.items() <= ODD.items()
    seen = "SELECT action, status FROM audit_log WHERE request_id = :r"
    assert shop.sql(seen, r=request) == [("POST /codec/decode", 200)]


async def test_it_encrypts_nothing(shop: Shop) -> None:
    answer = await shop.http.post("/codec/encode", json={"payloads": [PLAIN]}, headers=bearer(new_key(shop, "*")))
    assert (answer.status_code, answer.json()["code"]) == (403, "encoding_refused")


async def test_the_keys_of_everything_else_open_nothing(shop: Shop, sealed: dict[str, Any]) -> None:
    key = new_key(shop, *all_but("histories:read"))
    answer = await shop.http.post("/codec/decode", json={"payloads": [sealed]}, headers=bearer(key))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


async def test_only_the_page_of_the_ui_may_ask_from_a_browser(shop: Shop, sealed: dict[str, Any]) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-namespace"}
    for origin, allowed in ((shop.links.temporal_ui, shop.links.temporal_ui), ("https://evil.example", None)):
        answer = await shop.http.options("/codec/decode", headers={"Origin": origin, **asks, "Authorization": ""})
        assert answer.headers.get("access-control-allow-origin") == allowed
        answer = await shop.http.post("/codec/decode", json={"payloads": [sealed]}, headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed
    answer = await shop.http.options("/v1/orders/1", headers={"Origin": shop.links.temporal_ui, **asks})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"payloads": [{"metadata": {"encoding": 1}}]}, "invalid_request"),
        ({"payloads": [{}] * 1001}, "invalid_request"),
        ({"payloads": [{"metadata": {"encoding": "!"}, "data": "AAAA"}]}, "payload_unreadable"),
        ({"payloads": [{"data": "not base64"}]}, "payload_unreadable"),
        ({"payloads": [{"data": "ü"}]}, "payload_unreadable"),
    ],
)
async def test_what_are_no_payloads_is_said(shop: Shop, body: Any, code: str) -> None:
    answer = await shop.http.post("/codec/decode", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_payload_that_was_changed_or_whose_key_is_lost_is_said(shop: Shop, sealed: dict[str, Any]) -> None:
    lost = sealed | {"metadata": sealed["metadata"] | {"encryption-key-id": base64.b64encode(b"2019").decode()}}
    changed = sealed | {"data": sealed["data"][:-8] + "AAAAAAA="}
    for one, said in ((lost, "key '2019'"), (changed, "does not fit its key")):
        answer = await shop.http.post("/codec/decode", json={"payloads": [one]})
        assert (answer.status_code, answer.json()["code"]) == (422, "payload_unreadable")
        assert said in answer.json()["detail"]


async def test_a_body_that_is_too_large_is_refused(shop: Shop) -> None:
    large = {"payloads": [{"data": "A" * 9_000_000}]}
    answer = await shop.http.post("/codec/decode", json=large)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
