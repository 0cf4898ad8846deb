"""People come with a token of their issuer, machines change a key for a token: both get what they may, and no more."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from models.staff import trust
from tests.flow.access_kit import bearer, new_tenant, owner
from tests.flow.kit import KEY, TENANT, Shop
from tests.flow.oidc_kit import AUDIENCE, Issuer


@pytest.fixture(scope="module")
def issuer(whole_shop: Shop) -> Iterator[Issuer]:
    """One whose word the demo tenant takes; its support may read orders."""
    made = Issuer()
    made.new_key("first")
    trust(whole_shop.links.database_owner_url, TENANT, made.url, AUDIENCE, "roles")
    trust(whole_shop.links.database_owner_url, TENANT, made.url, "nested", "realm_access.roles")
    owner(whole_shop, "INSERT INTO staff_roles (tenant_id, role, scopes) VALUES (:t, 'support', '{orders:read}')")
    yield made
    made.close()


async def asks(shop: Shop, token: str, path: str = "/v1/orders/999999") -> tuple[int, str]:
    """Status and code of a look at an order that nobody has."""
    answer = await shop.http.get(path, headers=bearer(token))
    return answer.status_code, answer.json()["code"]


async def test_staff_may_do_what_their_roles_say(whole_shop: Shop, issuer: Issuer) -> None:
    assert await asks(whole_shop, issuer.token("first")) == (404, "not_found")
    assert await asks(whole_shop, issuer.token("first", aud=[AUDIENCE, "other"])) == (404, "not_found")
    nested = issuer.token("first", aud="nested", roles=None, realm_access={"roles": ["support"]})
    assert await asks(whole_shop, nested) == (404, "not_found")
    assert await asks(whole_shop, issuer.token("first", roles="clerk support")) == (404, "not_found")
    assert await asks(whole_shop, issuer.token("first", roles=["clerk"])) == (403, "insufficient_scope")
    assert await asks(whole_shop, issuer.token("first", roles=None)) == (403, "insufficient_scope")
    assert await asks(whole_shop, issuer.token("first"), "/v1/locations") == (403, "insufficient_scope")


async def test_a_wrong_token_is_refused(whole_shop: Shop, issuer: Issuer) -> None:
    now, stranger = int(time.time()), Issuer()
    stranger.new_key("first")
    good = issuer.token("first")
    header, body, signature = good.split(".")
    wrong = {
        "expired": issuer.token("first", exp=now - 61),
        "not yet": issuer.token("first", nbf=now + 120),
        "from the future": issuer.token("first", iat=now + 120),
        "for others": issuer.token("first", aud="another"),
        "for nobody": issuer.token("first", aud=None),
        "without an end": issuer.token("first", exp=None),
        "of nobody": issuer.token("first", sub=None),
        "signed by another": issuer.token("first", signed_with=stranger.keys["first"]),
        "of an issuer nobody believes": stranger.token("first"),
        "with a shared secret": issuer.token("first", signed_with="s" * 64, algorithm="HS256"),
        "unsigned": f"{_header(alg='none')}.{body}.",
        "altered": f"{header}.{body[:-2]}AA.{signature}",
        "of an unknown key": issuer.token("first", signed_with=issuer.keys["first"]).replace(
            header, _header(kid="gone")
        ),
        "garbage": "a.b.c",
        "nothing": "..",
    }
    for what, token in wrong.items():
        assert await asks(whole_shop, token) == (401, "wrong_token"), what
    assert await asks(whole_shop, issuer.token("first", exp=now - 30)) == (404, "not_found")  # clocks differ
    stranger.close()


def _header(*, alg: str = "RS256", kid: str = "first") -> str:
    return base64.urlsafe_b64encode(json.dumps({"alg": alg, "kid": kid}).encode()).decode().rstrip("=")


async def test_a_token_of_one_shop_is_nothing_in_another(whole_shop: Shop, issuer: Issuer) -> None:
    other = new_tenant(whole_shop)
    audience = f"for-{other}"
    trust(whole_shop.links.database_owner_url, other, issuer.url, audience, "roles")
    assert await asks(whole_shop, issuer.token("first", aud=audience)) == (403, "insufficient_scope")
    assert await asks(whole_shop, issuer.token("first", aud=[AUDIENCE, audience])) == (401, "wrong_token")


async def test_what_staff_do_is_in_the_audit_log_under_their_name(whole_shop: Shop, issuer: Issuer) -> None:
    for subject in ("u-17", "ada@example.com"):
        await whole_shop.http.post("/v1/orders/1/cancel", headers=bearer(issuer.token("first", sub=subject)))
    acts = whole_shop.sql("SELECT actor, status FROM audit_log WHERE actor LIKE 'staff:%' ORDER BY act_id DESC LIMIT 2")
    assert acts[1] == ("staff:u-17", 403)
    assert acts[0][0].startswith("staff:per_")


@pytest.fixture(scope="module")
async def client(whole_shop: Shop) -> dict[str, Any]:
    """A machine's key."""
    body = {"name": "erp", "kind": "client", "scopes": ["stock:read", "stock:write"]}
    answer = await whole_shop.http.post("/v1/access/keys", json=body, headers=bearer(KEY))
    assert answer.status_code == 201
    return dict(answer.json())


async def test_a_machine_gets_a_token_for_its_key(whole_shop: Shop, client: dict[str, Any]) -> None:
    http, form = whole_shop.http, {"grant_type": "client_credentials"}
    inside = {"client_id": client["id"], "client_secret": client["secret"]}
    basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
    for data, headers in ((form | inside, {"Authorization": ""}), (form, {"Authorization": f"Basic {basic}"})):
        answer = await http.post("/oauth/token", data=data, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()
        assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 600, "stock:read stock:write")
        assert (await http.get("/v1/locations", headers=bearer(token["access_token"]))).status_code == 200
        assert (await http.get("/v1/orders/1", headers=bearer(token["access_token"]))).status_code == 403
    less = await http.post("/oauth/token", data=form | inside | {"scope": "stock:read"}, headers={"Authorization": ""})
    narrow = bearer(less.json()["access_token"])
    assert (await http.put("/v1/stock/florence/X", json={}, headers=narrow)).status_code == 403
    assert (await http.get("/v1/locations", headers=bearer(client["secret"]))).status_code == 401
    owner(whole_shop, "UPDATE access_tokens SET expires_at = now() WHERE key_id = :id", id=client["id"])
    fresh = f"Bearer {uuid.uuid4().hex}"
    assert (await http.get("/v1/locations", headers={"Authorization": fresh})).status_code == 401


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "unsupported_grant_type"),
        ({"scope": "orders:read"}, 400, "invalid_scope"),
        ({"client_secret": "mp_cs_test_wrong"}, 401, "invalid_client"),
        ({"client_id": "key_another"}, 401, "invalid_client"),
        ({"client_id": ["a", "b"]}, 400, "invalid_request"),
    ],
    ids=str,
)
async def test_a_wrong_request_for_a_token(
    whole_shop: Shop, client: dict[str, Any], changed: dict[str, Any], status: int, error: str
) -> None:
    form = {"grant_type": "client_credentials", "client_id": client["id"], "client_secret": client["secret"]}
    answer = await whole_shop.http.post("/oauth/token", data=form | changed, headers={"Authorization": ""})
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_secret_key_gets_no_token(whole_shop: Shop) -> None:
    ((name,),) = whole_shop.sql("SELECT key_id FROM api_keys WHERE name = 'seeded'")
    form = {"grant_type": "client_credentials", "client_id": name, "client_secret": KEY}
    answer = await whole_shop.http.post("/oauth/token", data=form, headers={"Authorization": ""})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
