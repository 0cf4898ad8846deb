"""Who may do what, for every route that the API describes: a new one is in these tables by itself."""

import pytest

from tests.flow.access_kit import GUARDED, Route, all_but, bearer, new_key
from tests.flow.kit import KEY, Shop, until

by_route = pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.method} {route.path}")


@pytest.fixture(scope="module")
def keys(whole_shop: Shop) -> dict[str, str]:
    """Keys that are no good, and for each scope one that has all others."""
    past = "now() - interval '1 second'"
    return {
        "expired": new_key(whole_shop, "*", end=past),
        "revoked": new_key(whole_shop, "*", gone=past),
        "powerless": new_key(whole_shop),
        "unknown": "mp_test_nobody",
        **{f"not {scope}": new_key(whole_shop, *all_but(scope)) for scope in {route.scope for route in GUARDED}},
    }


@by_route
async def test_no_key_or_a_dead_one_is_refused(whole_shop: Shop, keys: dict[str, str], route: Route) -> None:
    without = await whole_shop.http.request(route.method, route.address(), headers={"Authorization": ""})
    assert (without.status_code, without.json()["code"]) == (401, "no_api_key")
    for bad in ("expired", "revoked", "unknown"):
        answer = await whole_shop.http.request(route.method, route.address(), headers=bearer(keys[bad]))
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_api_key"), bad
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@by_route
async def test_a_key_without_the_scope_is_told_which_it_lacks(
    whole_shop: Shop, keys: dict[str, str], route: Route
) -> None:
    for name in ("powerless", f"not {route.scope}"):
        answer = await whole_shop.http.request(route.method, route.address(), headers=bearer(keys[name]))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        assert answer.json()["needed"] == route.scope
        assert f'scope="{route.scope}"' in answer.headers["www-authenticate"]


async def test_a_key_with_the_one_scope_it_needs_is_let_in(whole_shop: Shop) -> None:
    key = new_key(whole_shop, "stock:read")
    answer = await whole_shop.http.get("/v1/locations", headers=bearer(key))
    assert answer.status_code == 200
    assert (await whole_shop.http.get("/v1/orders/1", headers=bearer(key))).status_code == 403


async def test_the_use_of_a_key_is_noted(whole_shop: Shop) -> None:
    await whole_shop.http.get("/v1/locations", headers=bearer(KEY))
    used = "SELECT count(*) FROM api_keys WHERE name = 'seeded' AND last_used_at IS NOT NULL"

    async def seen() -> bool:
        return whole_shop.sql(used) == [(1,)]

    await until(seen)
