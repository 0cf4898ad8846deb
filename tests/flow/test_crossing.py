"""No tenant reaches another's things: every route that takes an id is tried with the ids of somebody else's."""

import re
from typing import Any

import pytest

from domain.ids import customer_id
from tests.flow.access_kit import GUARDED, OPENAPI, Route, bearer, new_key, new_tenant, owner
from tests.flow.drops_kit import buyer, new_drop, terms
from tests.flow.every_kit import Every
from tests.flow.kit import TENANT, Shop, until

WITH_IDS = [route for route in GUARDED if "{" in route.path]
LISTS = [route for route in GUARDED if route.method == "GET" and "{" not in route.path]

OWN_NAMES = {
    "/v1/price-lists/{number}", "/v1/promotions/{code}", "/v1/shipping-methods/{method}", "/v1/tax-rates/{country}",
    "/v1/products/{product_id}", "/v1/membership-plans/{plan_id}", "/v1/access/roles/{role}",
}  # fmt: skip
"""A PUT makes the thing under the caller's own tenant: the same name in two shops is two things."""

NOT_THINGS = {
    "/v1/customers/{customer}/standing", "/v1/customers/{customer_id}/tokens", "/v1/customers/{customer_id}/erasure",
}  # fmt: skip
"""A customer is whoever the shop says: somebody who was never seen has a standing, none, and nothing to be erased."""

UNWATCHED = {
    "audit_log",
    "mails",
    "api_keys",
    "rate_buckets",
    "kept_answers",
    "inbox",
    "watermarks",
    "access_tokens",
    "drifts",
}
"""What lines of their own are written to by looking alone, or by the clock."""


@pytest.fixture(scope="module")
async def things(whole_shop: Shop) -> dict[str, str]:
    """Ids of the demo tenant's, by the names that paths have for them; `number` is whatever the path is about."""
    order = await whole_shop.bought(whole_shop.new_sku())
    every = Every(whole_shop)
    mail, fresh = await every.mail(), await every.fresh()
    await every.call("PUT", f"/v1/promotions/{fresh['code']}", {"name": "Ten percent", "percent_basis_points": 1000})
    ((key,),) = whole_shop.sql("SELECT key_id FROM api_keys WHERE name = 'seeded'")
    member = (await every.member())["number"]
    ((customer,),) = whole_shop.sql("SELECT customer_id FROM memberships WHERE membership_id = :m", m=member)
    scarce = whole_shop.new_sku(1)
    drop = await new_drop(whole_shop, scarce, skus=[{"sku": scarce, "allotment": 1}], line_length=5)
    await whole_shop.bought(scarce, **buyer("ada"))
    late = await whole_shop.buy(scarce, **buyer("bea"))
    return {
        "/v1/orders": order["number"],
        "/v1/checkouts": order["checkout_id"],
        "/v1/shipments": order["shipments"][0]["id"],
        "sku": order["lines"][0]["sku"],
        "location": "florence",
        "key_id": key,
        "/v1/returns": (await every.sent_back("label_sent"))["number"],
        "/v1/memberships": member,
        "customer": customer,
        "/v1/price-lists": (await every.price_list())["number"],
        "refund": (await every.asked_refund())["refund"],
        "mail": mail["mail"],
        "drop": drop,
        "customer_id": customer_id(TENANT, "ada@example.com"),
        "ticket": late.json()["facts"]["ticket"],
        "code": fresh["code"],
        "product_id": (await every.product())["product_id"],
        "role": (await every.role())["role"],
        "plan_id": "maison",
        "method": "standard",
        "country": "FR",
    }


def stranger(shop: Shop) -> dict[str, str]:
    """A key with every scope, of another tenant who has nothing."""
    return bearer(new_key(shop, "*", tenant=new_tenant(shop)))


def address(route: Route, things: dict[str, str]) -> str:
    """The path with somebody else's ids."""
    about = "/".join(route.path.split("/")[:3])

    def known(found: re.Match[str]) -> str:
        return things.get(found[1]) or (things.get(about) if found[1] == "number" else None) or "theirs-1"

    return re.sub(r"{(\w+)}", known, route.path)


def example(route: Route) -> Any:
    """The body that the description shows."""
    operation = OPENAPI["paths"][route.path][route.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    for way in (schema, *schema.get("anyOf", [])):
        if "$ref" in way:
            shown = OPENAPI["components"]["schemas"][way["$ref"].rpartition("/")[2]].get("examples")
            return shown[0] if shown else None
    return None


def everything(shop: Shop) -> dict[str, Any]:
    """A digest of each table of the demo tenant's."""
    tables = shop.sql(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    digest = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t WHERE tenant_id = :tenant"
    return {name: shop.sql(digest.format(name), tenant=TENANT) for (name,) in tables if name not in UNWATCHED}


async def settled(shop: Shop) -> dict[str, Any]:
    """The same, once nothing is under way any more that was begun before."""
    seen = {"": everything(shop)}

    async def look() -> bool:
        last, seen[""] = seen[""], everything(shop)
        return last == seen[""]

    for _ in range(3):
        await until(look)
    return seen[""]


async def test_graphql_shows_and_does_nothing_of_another_tenants(whole_shop: Shop, things: dict[str, str]) -> None:
    """Its ids are those of the routes."""
    before, headers = await settled(whole_shop), stranger(whole_shop)
    for question, about in (
        ("query ($id: ID!) { order(number: $id) { state } }", things["/v1/orders"]),
        ("query ($id: ID!) { checkout(id: $id) { state } }", things["/v1/checkouts"]),
        ("query ($id: ID!) { product(id: $id) { title } }", things["product_id"]),
        ("query ($id: String!) { variant(sku: $id) { title } }", things["sku"]),
        ("query ($id: ID!) { memberships(customerId: $id) { id } }", things["customer"]),
        ("mutation ($id: ID!) { cancelOrder(number: $id) { state } }", things["/v1/orders"]),
        ("mutation ($id: ID!) { cancelCheckout(id: $id) { state } }", things["/v1/checkouts"]),
        ('mutation ($id: ID!) { refundOrder(number: $id, idempotencyKey: "k") { id } }', things["/v1/orders"]),
    ):
        asked = {"query": question, "variables": {"id": about}}
        answer = await whole_shop.http.post("/graphql", json=asked, headers=headers)
        told = answer.json()
        reached = [one for one in (told.get("data") or {}).values() if one not in (None, [])]
        assert reached == [], f"{question}: {told}"
        assert all(error["extensions"]["code"] == "not_found" for error in told.get("errors", ())), told
    assert everything(whole_shop) == before


async def test_another_tenants_things_are_not_there_and_stay_as_they_are(
    whole_shop: Shop, things: dict[str, str]
) -> None:
    """One walk through all routes, so that the tables are compared once."""
    before, reached = await settled(whole_shop), []
    for route in WITH_IDS:
        headers = stranger(whole_shop) | {"If-Match": "*"}
        path = address(route, things)
        answer = await whole_shop.http.request(route.method, path, headers=headers, json=example(route))
        own = (route.method == "PUT" and route.path in OWN_NAMES) or route.path in NOT_THINGS
        if answer.status_code != 404 and not own:
            reached.append(f"{route.method} {path}: {answer.status_code} {answer.text[:200]}")
        assert answer.status_code < 500, answer.text
    assert reached == []
    assert everything(whole_shop) == before


async def test_a_drop_of_the_same_name_has_a_line_of_its_own(whole_shop: Shop, things: dict[str, str]) -> None:
    """And nobody's ticket of the other tenant is in it."""
    tenant, before = new_tenant(whole_shop), await settled(whole_shop)
    headers, sku = bearer(new_key(whole_shop, "*", tenant=tenant)), "theirs-2"
    variant = "INSERT INTO variants (tenant_id, sku, title, weight_grams) VALUES (:t, :sku, 'Thing', 100)"
    owner(whole_shop, variant, tenant=tenant, sku=sku)
    made = await whole_shop.http.post("/v1/drops", json={"id": things["drop"], **terms(sku)}, headers=headers)
    assert made.status_code == 201, made.text
    place = f"/v1/drops/{things['drop']}/line/{things['ticket']}"
    assert (await whole_shop.http.get(place)).json()["state"] == "waiting"
    answer = await whole_shop.http.get(place, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await whole_shop.http.get(f"/v1/drops/{things['drop']}", headers=headers)).json()["skus"][0]["waiting"] == 0
    assert everything(whole_shop) == before


async def test_a_checkouts_secret_opens_nothing_with_another_tenants_key(whole_shop: Shop) -> None:
    """Neither a page's key nor a server's."""
    sku = whole_shop.new_sku()
    begun = await whole_shop.waiting(sku)
    tenant, before = new_tenant(whole_shop), await settled(whole_shop)
    page = new_key(whole_shop, "checkouts:write", "checkouts:read", tenant=tenant, kind="publishable")
    address = f"/v1/checkouts/{begun['id']}"
    for headers in (bearer(page), stranger(whole_shop)):
        for method, path in (("GET", address), ("POST", f"{address}/confirm"), ("POST", f"{address}/cancel")):
            answer = await whole_shop.http.request(
                method, path, headers=headers | {"Milepost-Checkout-Secret": begun["secret"]}
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text
    assert await settled(whole_shop) == before


@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.path)
async def test_lists_show_nothing_of_another_tenants(whole_shop: Shop, things: dict[str, str], route: Route) -> None:
    """To a stranger who has nothing, and whose key is the one thing there is."""
    answer = await whole_shop.http.get(route.path, headers=stranger(whole_shop))
    for name, thing in things.items():
        assert thing not in answer.text, name
