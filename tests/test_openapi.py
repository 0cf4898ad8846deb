"""The API's description is the committed one, and a change that would break a caller is found."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.openapi import Json, breaks, committed, described


def test_the_committed_description_is_that_of_the_code() -> None:
    known, current = committed(), described()
    assert breaks(known, current) == [], "this breaks callers; if it must be: `make openapi ARGS=--breaking`"
    assert known == current, "run `make openapi` and commit docs/openapi.json"


CHECKOUT = ("paths", "/v1/checkouts", "post")
CART = ("components", "schemas", "CheckoutIn")
ANSWER = ("components", "schemas", "CheckoutOut")


def at(api: Json, *place: str) -> Any:
    """What is at a place."""
    for name in place:
        api = api[name]
    return api


def bounded(api: Json) -> None:
    """Fewer pieces a line."""
    at(api, "components", "schemas", "LineIn", "properties", "quantity")["maximum"] = 2


BROKEN: dict[str, Callable[[Json], Any]] = {
    "POST /v1/checkouts is gone": lambda api: at(api, "paths", "/v1/checkouts").pop("post"),
    "POST /v1/checkouts body: coupon is needed now": lambda api: at(api, *CART)["required"].append("coupon"),
    "POST /v1/checkouts body: currency is gone": lambda api: at(api, *CART, "properties").pop("currency"),
    "POST /v1/checkouts 201: total is gone": lambda api: at(api, *ANSWER, "properties").pop("total"),
    "POST /v1/checkouts 201: id may be missing now": lambda api: at(api, *ANSWER)["required"].remove("id"),
    "POST /v1/checkouts 202 is gone": lambda api: at(api, *CHECKOUT, "responses").pop("202"),
    "POST /v1/checkouts needs admin as well": lambda api: at(api, *CHECKOUT)["security"][0]["api_key"].append("admin"),
    "POST /v1/checkouts needs query page now": lambda api: at(api, *CHECKOUT)["parameters"].append(
        {"in": "query", "name": "page", "required": True, "schema": {}}
    ),
    "POST /v1/checkouts body.lines[].quantity: maximum is 2 now": bounded,
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_change_that_breaks_callers_is_named(what: str) -> None:
    known = described()
    changed = copy.deepcopy(known)
    BROKEN[what](changed)
    assert what in breaks(known, changed)


def test_a_new_route_a_new_field_and_a_wider_bound_break_nobody() -> None:
    known = described()
    wider = copy.deepcopy(known)
    wider["paths"]["/v1/new"] = wider["paths"]["/v1/checkouts"]
    at(wider, *CART, "properties")["note"] = {"type": "string"}
    at(wider, *ANSWER, "properties")["note"] = {"type": "string"}
    at(wider, "components", "schemas", "LineIn", "properties", "quantity")["maximum"] = 10**6
    assert breaks(known, wider) == []


def test_every_unsafe_route_takes_a_key_and_every_route_says_how_it_refuses() -> None:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            if "security" not in operation:
                continue
            names = {parameter["name"].lower() for parameter in operation.get("parameters", [])}
            assert method == "get" or "idempotency-key" in names, f"{method} {path}"
            assert {"401", "403", "429"} <= operation["responses"].keys(), f"{method} {path}"


WITHOUT_IF_MATCH = {
    "PUT /v1/stock/{location}/{sku}": "says in `expected` what was on hand",
    "PUT /v1/stock/{location}/{sku}/terms": "says in `expected` what the terms were",
    "PUT /v1/price-lists/{number}/prices": "says in `expected`, row by row, what the price was",
}


def test_whatever_is_replaced_or_removed_is_not_overwritten_unseen() -> None:
    api, without = described(), set()
    for path, methods in api["paths"].items():
        for method in {"put", "patch", "delete"} & methods.keys():
            names = {one["name"] for one in methods[method].get("parameters", [])}
            if "if-match" in names:
                assert {"412", "428"} <= methods[method]["responses"].keys(), f"{method} {path}"
                assert "get" in methods, f"{path} has no tag to read"
            else:
                without.add(f"{method.upper()} {path}")
    assert without == WITHOUT_IF_MATCH.keys()
    for name in WITHOUT_IF_MATCH:
        body = api["paths"][name.split()[1]]["put"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = at(api, "components", "schemas", body.rpartition("/")[2])
        rows = schema["properties"].get("prices", {}).get("items", {}).get("$ref", body)
        assert "expected" in at(api, "components", "schemas", rows.rpartition("/")[2], "properties")


WITHOUT_PAGES = {
    "/v1/access/roles": "as many as the issuer has roles",
    "/v1/locations": "as many as there are warehouses",
    "/v1/memberships": "one customer's",
    "/v1/orders/{number}/mails": "one order's",
    "/v1/tax-rates": "as many as there are countries",
}
"""Lists that are short by what they are of."""


def test_every_list_that_grows_comes_a_page_at_a_time() -> None:
    api, without = described(), set()
    for path, methods in api["paths"].items():
        schema = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json")
        if not schema:
            continue
        shape = schema["schema"]
        if shape.get("type") == "array":
            without.add(path)
        fields = (
            at(api, "components", "schemas", shape["$ref"].rpartition("/")[2])["properties"] if "$ref" in shape else {}
        )
        if "next_cursor" in fields:
            names = {one["name"] for one in methods["get"]["parameters"]}
            assert {"limit", "cursor"} <= names, path
            assert "400" in methods["get"]["responses"], path
    assert without == WITHOUT_PAGES.keys()
