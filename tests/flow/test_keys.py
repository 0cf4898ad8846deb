"""Keys over the API: shown once, never with more than they were given, rotated without a gap, ended at once."""

import uuid
from typing import Any

import pytest

from api.keyring import REMEMBERED_SECONDS
from domain.ids import api_key_hash
from tests.flow.access_kit import bearer, new_key, new_tenant
from tests.flow.kit import KEY, Shop, until

PATH = "/v1/access/keys"


async def made(shop: Shop, **body: Any) -> dict[str, Any]:
    """A key, as its one answer shows it."""
    answer = await shop.http.post(PATH, json={"name": "a test", **body}, headers=bearer(KEY))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_key_is_shown_once_and_kept_as_its_hash(whole_shop: Shop) -> None:
    headers, body = bearer(KEY), {"name": "dock", "scopes": ["stock:read"], "expires_in": 3600}
    answer = await whole_shop.http.post(PATH, json=body, headers=headers)
    key = answer.json()
    assert answer.status_code == 201
    assert key["secret"].startswith("mp_test_")
    assert (await whole_shop.http.get("/v1/locations", headers=bearer(key["secret"]))).status_code == 200
    again = await whole_shop.http.post(PATH, json=body, headers=headers)
    assert (again.status_code, again.json()["code"], again.json()["key_id"]) == (409, "key_already_made", key["id"])
    shown = (await whole_shop.http.get(f"{PATH}/{key['id']}")).json()
    assert shown == {name: value for name, value in key.items() if name != "secret"} | {
        "last_used_at": shown["last_used_at"]
    }
    kept = whole_shop.sql("SELECT key_hash, api_keys::text FROM api_keys WHERE key_id = :id", id=key["id"])
    assert kept[0][0] == api_key_hash(key["secret"])
    assert key["secret"] not in kept[0][1]
    assert whole_shop.sql(
        "SELECT count(*) FROM kept_answers WHERE position('mp_test_' IN encode(body, 'escape')) > 0"
    ) == [(0,)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"scopes": ["orders:read"], "kind": "publishable"},
        {"scopes": ["stock:read"], "kind": "magic"},
        {"scopes": ["stock:read"], "expires_in": 0},
        {"scopes": ["stock:read"], "rate_limit": 0},
        {"scopes": ["stock:read"], "name": ""},
        {"scopes": ["stock:read"], "surprise": 1},
        {},
    ],
    ids=str,
)
async def test_a_key_that_cannot_be_is_not_made(whole_shop: Shop, wrong: dict[str, Any]) -> None:
    before = whole_shop.sql("SELECT count(*) FROM api_keys")
    answer = await whole_shop.http.post(PATH, json={"name": "n", **wrong}, headers=bearer(KEY))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert whole_shop.sql("SELECT count(*) FROM api_keys") == before


async def test_a_key_is_rotated_with_an_overlap_and_revoked_at_once(whole_shop: Shop) -> None:
    old = await made(whole_shop, scopes=["stock:read"])
    answer = await whole_shop.http.post(f"{PATH}/{old['id']}/rotate", json={"overlap": 600}, headers=bearer(KEY))
    new = answer.json()
    assert answer.status_code == 201
    assert (new["scopes"], new["name"], new["id"] != old["id"]) == (old["scopes"], old["name"], True)
    for key in (old, new):
        assert (await whole_shop.http.get("/v1/locations", headers=bearer(key["secret"]))).status_code == 200
    ends = "SELECT expires_at BETWEEN now() + interval '9 minutes' AND now() + interval '11 minutes' FROM api_keys"
    assert whole_shop.sql(f"{ends} WHERE key_id = :id", id=old["id"]) == [(True,)]
    gone = await whole_shop.http.post(f"{PATH}/{old['id']}/revoke", headers=bearer(KEY))
    assert gone.json()["revoked_at"]
    refused = await whole_shop.http.post(f"{PATH}/{old['id']}/rotate", headers=bearer(KEY))
    assert (refused.status_code, refused.json()["code"]) == (409, "key_revoked")

    async def status() -> int:
        return (await whole_shop.http.get("/v1/locations", headers=bearer(old["secret"]))).status_code

    await until(status, lambda seen: seen == 401, within=REMEMBERED_SECONDS + 3)
    assert (await whole_shop.http.get("/v1/locations", headers=bearer(new["secret"]))).status_code == 200


async def test_a_key_of_another_tenant_is_not_there(whole_shop: Shop) -> None:
    key = await made(whole_shop, scopes=["stock:read"])
    stranger = bearer(new_key(whole_shop, "*", tenant=new_tenant(whole_shop)))
    for method, path in (("GET", ""), ("POST", "/rotate"), ("POST", "/revoke")):
        answer = await whole_shop.http.request(method, f"{PATH}/{key['id']}{path}", headers=stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert key["id"] not in (await whole_shop.http.get(PATH, headers=stranger)).text
    assert (await whole_shop.http.get(f"{PATH}/{key['id']}")).json()["revoked_at"] is None


async def test_origins_and_roles_are_not_overwritten_unseen(whole_shop: Shop) -> None:
    role = f"/v1/access/roles/support-{uuid.uuid4().hex[:6]}"
    new = await whole_shop.http.put(role, json={"scopes": ["orders:read"]})
    assert (new.status_code, new.json()["version"]) == (200, 1)
    for path, body in ((role, {"scopes": ["orders:act"]}), ("/v1/access/origins", {"origins": ["https://a.example"]})):
        blind = await whole_shop.http.put(path, json=body)
        assert (blind.status_code, blind.json()["code"]) == (428, "if_match_required")
        read = await whole_shop.http.get(path)
        headers = {"If-Match": read.headers["etag"]}
        saved = await whole_shop.http.put(path, json=body, headers=headers)
        assert saved.status_code == 200, saved.text
        assert saved.headers["etag"] != read.headers["etag"]
        stale = await whole_shop.http.put(path, json=body, headers=headers)
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    here = {"If-Match": (await whole_shop.http.get("/v1/access/origins")).headers["etag"]}
    assert (await whole_shop.http.put("/v1/access/origins", json={"origins": []}, headers=here)).status_code == 200
    assert (await whole_shop.http.delete(role, headers={"If-Match": "*"})).status_code == 204
    assert (await whole_shop.http.get(role)).status_code == 404
