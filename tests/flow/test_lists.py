"""Lists come a page at a time, all alike: nothing twice, nothing left out, and no cursor of another question."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.flow.access_kit import bearer, new_key, new_tenant, owner
from tests.flow.drops_kit import terms
from tests.flow.kit import Shop

Make = Callable[["Merchant", str], Awaitable[httpx.Response]]
_TIERS = [{"id": "gold", "name": "Gold", "prices": {"EUR": 0}}]
_SKU = "INSERT INTO variants (tenant_id, sku, title, weight_grams) VALUES (:t, :sku, 'Thing', 100)"


class Merchant:
    """Another merchant, who has nothing yet but a key."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.tenant = shop, new_tenant(shop)
        self.headers = bearer(new_key(shop, "*", tenant=self.tenant))

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request of theirs."""
        headers = self.headers | {"Idempotency-Key": uuid.uuid4().hex} | more.pop("headers", {})
        return await self.shop.http.request(method, f"/v1/{path}", headers=headers, **more)


async def _list(mine: Merchant, own: str) -> httpx.Response:
    return await mine.ask("PUT", f"price-lists/{own}", json={"name": "L", "priority": 5})


async def _code(mine: Merchant, own: str) -> httpx.Response:
    return await mine.ask("PUT", f"promotions/{own}", json={"name": "C", "percent_basis_points": 1})


async def _method(mine: Merchant, own: str) -> httpx.Response:
    return await mine.ask("PUT", f"shipping-methods/{own}", json={"name": "M", "rates": []})


async def _plan(mine: Merchant, own: str) -> httpx.Response:
    return await mine.ask("PUT", f"membership-plans/{own}", json={"name": "P", "interval": "month", "tiers": _TIERS})


async def _drop(mine: Merchant, own: str) -> httpx.Response:
    owner(mine.shop, _SKU, tenant=mine.tenant, sku=own)
    return await mine.ask("POST", "drops", json={"id": own, **terms(own, opens_at="2026-01-01T00:00:00Z")})


async def _key(mine: Merchant, own: str) -> httpx.Response:
    body = {"name": own, "scopes": ["stock:read"]}
    return await mine.ask("POST", "access/keys", json=body, headers={"Idempotency-Key": own})


async def _price(mine: Merchant, own: str) -> httpx.Response:
    owner(mine.shop, _SKU, tenant=mine.tenant, sku=own)
    row = {"sku": own, "currency": "EUR", "amount": 1}
    return await mine.ask("PUT", "price-lists/default/prices", json={"prices": [row]})


LISTS: dict[str, tuple[Make, str, bool]] = {
    "price-lists": (_list, "id", False),
    "price-lists/default/prices": (_price, "sku", False),
    "promotions": (_code, "code", True),
    "shipping-methods": (_method, "method", False),
    "membership-plans": (_plan, "id", False),
    "drops": (_drop, "id", True),
    "access/keys": (_key, "name", True),
}
"""How to make one, what it is called in the list, and whether the newest come first (else by name)."""


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_comes_a_page_at_a_time(whole_shop: Shop, path: str) -> None:
    make, name, newest_first = LISTS[path]
    mine = Merchant(whole_shop)
    made = [f"list-{letter}" for letter in "abc"]
    for own in made:
        answer = await make(mine, own)
        assert answer.status_code in (200, 201), answer.text

    first = (await mine.ask("GET", path, params={"limit": 2})).json()
    assert len(first["items"]) == 2
    await make(mine, "list-d" if newest_first else "list-0")  # stands before the page that is read next
    seen = first["items"]
    cursor = first["next_cursor"]
    while cursor:
        page = (await mine.ask("GET", path, params={"limit": 2, "cursor": cursor})).json()
        seen, cursor = seen + page["items"], page["next_cursor"]
    names = [one[name].lower() for one in seen]
    wanted = made[::-1] if newest_first else made
    assert [one for one in names if one in made] == wanted
    assert len(names) == len(set(names))

    other = "promotions" if path != "promotions" else "drops"
    for where, who in ((other, mine.headers), (path, Merchant(whole_shop).headers)):
        wrong = await whole_shop.http.get(f"/v1/{where}", params={"cursor": first["next_cursor"]}, headers=who)
        assert (wrong.status_code, wrong.json()["code"]) == (400, "cursor_invalid")
    for limit in (0, 201):
        assert (await mine.ask("GET", path, params={"limit": limit})).status_code == 422
