"""Whatever is wrong with a price, a code, a method, a tax or a quote, it is refused with a code and changes nothing."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flow.access_kit import bearer, new_key, new_tenant
from tests.flow.kit import Shop
from tests.flow.price_kit import new_code, new_list

TABLES = (
    "price_lists", "prices", "promotions", "promotion_redemptions", "shipping_methods", "shipping_rates", "tax_rates",
    "checkouts", "stock_movements", "events",
)  # fmt: skip

LIST: dict[str, Any] = {"name": "L", "priority": 10}
PRICE: dict[str, Any] = {"sku": "SCARF-SILK-01", "currency": "EUR", "amount": 24500}
CODE: dict[str, Any] = {"name": "C", "percent_basis_points": 1000}
BAND: dict[str, Any] = {"amount": 500}
METHOD: dict[str, Any] = {"name": "M", "rates": [{"countries": ["FR"], "currency": "EUR", "bands": [BAND]}]}
TAX: dict[str, Any] = {"included": True, "rates": [{"basis_points": 2000}]}
QUOTE: dict[str, Any] = {
    "currency": "EUR",
    "lines": [{"sku": "SCARF-SILK-01", "quantity": 1}],
    "destination": {"country": "FR"},
    "shipping_method": "standard",
}
HUGE = 10**12


@pytest.fixture
def nothing_changes(whole_shop: Shop) -> Iterator[None]:
    """Counts the rows of every table before and after."""
    count = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    before = whole_shop.sql(count)
    yield
    assert whole_shop.sql(count) == before


def zone(**band: Any) -> dict[str, Any]:
    """A method with one band changed."""
    return METHOD | {"rates": [{"countries": ["FR"], "currency": "EUR", "bands": [BAND | band]}]}


def taxed(*rates: dict[str, Any]) -> dict[str, Any]:
    """A country with these rates."""
    return TAX | {"rates": list(rates)}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *(("price-lists/bad", LIST | {"priority": value}) for value in (0, -1, 1_000_001, 1.5, "1", None, True)),
        *(("price-lists/bad", LIST | {"countries": value}) for value in (["fr"], ["FRA"], "FR", [1], None)),
        ("price-lists/bad", LIST | {"currency": "eur"}),
        ("price-lists/bad", LIST | {"currency": "XXX"}),
        ("price-lists/bad", LIST | {"currency": "QQQ"}),
        ("price-lists/bad", LIST | {"price_tier": ""}),
        ("price-lists/bad", LIST | {"starts_at": "tomorrow"}),
        ("price-lists/bad", LIST | {"starts_at": "2026-11-27T00:00:00"}),
        ("price-lists/bad", LIST | {"starts_at": "2026-11-27T00:00:00Z", "ends_at": "2026-11-27T00:00:00Z"}),
        ("price-lists/bad", LIST | {"name": "a\x00b"}),
        ("price-lists/bad", LIST | {"surprise": 1}),
        ("price-lists/BAD ID", LIST),
        *(
            ("price-lists/default/prices", {"prices": [PRICE | {"amount": value}]})
            for value in (-1, HUGE, 245.0, "245.00", True)
        ),
        *(("price-lists/default/prices", {"prices": [PRICE | {"compare_at": value}]}) for value in (-1, HUGE, 1.5)),
        *(("price-lists/default/prices", {"prices": [PRICE | {"exponent": value}]}) for value in (-1, 5, 2.0)),
        ("price-lists/default/prices", {"prices": [PRICE | {"sku": "x'; DROP TABLE prices; --"}]}),
        ("price-lists/default/prices", {"prices": []}),
        ("price-lists/default/prices", {"prices": [PRICE] * 501}),
        ("price-lists/default/prices", {"prices": [{"sku": "A", "currency": "EUR"}]}),
        *(
            ("promotions/BADCODE", CODE | {"percent_basis_points": value})
            for value in (0, -1, 10_001, 10.5, "10", None)
        ),
        ("promotions/BADCODE", CODE | {"amount": 100, "currency": "EUR"}),
        *(("promotions/BADCODE", {"name": "C", "currency": "EUR", "amount": value}) for value in (0, -1, HUGE, 1.5)),
        ("promotions/BADCODE", {"name": "C", "amount": 100}),
        ("promotions/BADCODE", {"name": "C", "amount": 100, "currency": "QQQ"}),
        ("promotions/BADCODE", CODE | {"minimum": 100}),
        ("promotions/BADCODE", CODE | {"usage_limit": 0}),
        ("promotions/BADCODE", CODE | {"customer_limit": -1}),
        ("promotions/BADCODE", CODE | {"first_order_only": True}),
        ("promotions/BADCODE", CODE | {"starts_at": "2026-11-28T00:00:00Z", "ends_at": "2026-11-27T00:00:00Z"}),
        ("promotions/BADCODE", CODE | {"skus": ["a b"]}),
        ("promotions/abc", CODE),
        ("promotions/" + "x" * 41, CODE),
        ("promotions/a%20bcd", CODE),
        *(("shipping-methods/bad", zone(amount=value)) for value in (-1, HUGE, 1.5, None)),
        ("shipping-methods/bad", zone(min_weight_grams=5, max_weight_grams=5)),
        ("shipping-methods/bad", zone(min_weight_grams=-1)),
        ("shipping-methods/bad", zone(min_order=-1)),
        ("shipping-methods/bad", METHOD | {"rates": METHOD["rates"] * 2}),
        ("shipping-methods/bad", METHOD | {"min_days": 3}),
        ("shipping-methods/bad", METHOD | {"min_days": 3, "max_days": 2}),
        ("shipping-methods/bad", METHOD | {"rates": [{"countries": ["FR"], "currency": "QQQ", "bands": [BAND]}]}),
        *(("tax-rates/AQ", taxed({"basis_points": value})) for value in (-1, 10_001, 20.0, "20")),
        ("tax-rates/AQ", taxed({"basis_points": 1}, {"basis_points": 2})),
        ("tax-rates/AQ", taxed({"basis_points": 1, "region": "CA"})),
        ("tax-rates/AQ", taxed({"basis_points": 1, "region": "California"})),
        ("tax-rates/aq", TAX),
    ],
    ids=lambda value: str(value)[-60:],
)  # fmt: skip
@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_row(whole_shop: Shop, path: str, body: dict[str, Any]) -> None:
    """422, of the fields or of the currency."""
    answer = await whole_shop.http.put(f"/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["code"] in ("invalid_request", "unsupported_currency")) == (422, True)
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"currency": "QQQ"}, 422, "unsupported_currency"),
        ({"currency": "CHF"}, 422, "unsupported_currency"),
        ({"destination": {"country": "AQ"}}, 422, "unsupported_country"),
        ({"destination": {"country": "France"}}, 422, "invalid_request"),
        ({"destination": {}}, 422, "invalid_request"),
        ({"shipping_method": "teleport"}, 422, "unknown_shipping_method"),
        ({"lines": [{"sku": "NO-SUCH", "quantity": 1}]}, 422, "unknown_sku"),
        ({"lines": [{"sku": "SCARF-SILK-01", "quantity": 0}]}, 422, "invalid_request"),
        ({"lines": []}, 422, "invalid_request"),
        ({"promotion_codes": ["NOSUCH"]}, 422, "promotion_unknown"),
        ({"promotion_codes": ["abc"]}, 422, "invalid_request"),
        ({"promotion_codes": ["CODE1"] * 6}, 422, "invalid_request"),
        ({"promotion_codes": "WELCOME10"}, 422, "invalid_request"),
        ({"promotion_codes": ["x'; --"]}, 422, "invalid_request"),
        ({"expected_total": 1}, 409, "total_mismatch"),
        ({"expected_total": -1}, 422, "invalid_request"),
        ({"customer": {"email": "nobody"}}, 422, "invalid_request"),
        ({"surprise": 1}, 422, "invalid_request"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_quote(whole_shop: Shop, changed: dict[str, Any], status: int, code: str) -> None:
    """A 4xx problem with its code, for each."""
    answer = await whole_shop.http.post("/v1/quotes", json=QUOTE | changed)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("codes", [["NOSUCH"], ["abc"], ["CODE1"] * 6])
@pytest.mark.usefixtures("nothing_changes")
async def test_a_checkout_with_a_wrong_code_begins_nothing(whole_shop: Shop, codes: list[str]) -> None:
    answer = await whole_shop.buy("SCARF-SILK-01", promotion_codes=codes)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("promotion_unknown", "invalid_request")
    assert "checkout_id" not in answer.json()


async def test_a_code_without_which_nothing_is_paid_is_refused(shop: Shop) -> None:
    """A code of 100 % needs something else to be paid."""
    code, sku = await new_code(shop, percent_basis_points=10_000), shop.new_sku()
    free = await shop.http.put(
        f"/v1/shipping-methods/free-{code.lower()}",
        json={"name": "F", "rates": [{"countries": ["FR"], "currency": "EUR", "bands": [{"amount": 0}]}]},
    )
    assert free.status_code == 201
    answer = await shop.buy(sku, promotion_codes=[code], shipping_method=f"free-{code.lower()}")
    assert (answer.status_code, answer.json()["code"]) == (422, "amount_too_small")
    paid = await shop.buy(sku, promotion_codes=[code])
    assert (paid.status_code, paid.json()["total"]) == (201, 1500)


async def test_what_is_fixed_stays_fixed(shop: Shop) -> None:
    """The default list, a list's currency, and a limit below the uses."""
    for method in ("PUT", "DELETE"):
        answer = await shop.http.request(method, "/v1/price-lists/default", json=LIST)
        assert (answer.status_code, answer.json()["code"]) == (409, "default_list_fixed")
    made = await new_list(shop, currency="EUR")
    answer = await shop.edit(f"/v1/price-lists/{made}", LIST | {"currency": "USD"})
    assert (answer.status_code, answer.json()["code"]) == (409, "list_currency_fixed")
    code, sku = await new_code(shop), shop.new_sku()
    for _ in range(2):
        assert (await shop.buy(sku, promotion_codes=[code])).status_code == 201
    answer = await shop.edit(f"/v1/promotions/{code}", CODE | {"usage_limit": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "limit_below_uses")
    assert answer.json()["facts"] == {"uses": "2"}


async def test_what_is_another_tenants_is_not_there(shop: Shop) -> None:
    """404 for their lists, codes and methods; their prices are not ours, and theirs are made beside ours."""
    key = new_key(shop, "prices:read", "prices:write", tenant=new_tenant(shop))
    made, code = await new_list(shop, ("SCARF-SILK-01", 1, None)), await new_code(shop)
    for method, path in (
        ("GET", f"price-lists/{made}"), ("DELETE", f"price-lists/{made}"), ("GET", f"price-lists/{made}/prices"),
        ("PUT", f"price-lists/{made}/prices"), ("GET", f"promotions/{code}"), ("GET", "shipping-methods/standard"),
    ):  # fmt: skip
        body = {"prices": [PRICE]} if method == "PUT" else None
        answer = await shop.http.request(method, f"/v1/{path}", json=body, headers=bearer(key))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    foreign = await shop.http.post("/v1/quotes", json=QUOTE, headers=bearer(key))
    assert foreign.json()["code"] == "unknown_sku"
    row = {"prices": [PRICE]}
    told = await shop.http.put("/v1/price-lists/default/prices", json=row, headers=bearer(key))
    assert told.json()["results"][0]["code"] == "unknown_sku"
    assert (await shop.http.put(f"/v1/price-lists/{made}", json=LIST, headers=bearer(key))).status_code == 201
    assert (await shop.http.get(f"/v1/price-lists/{made}/prices")).json()["items"][0]["amount"] == 1
    assert (await shop.edit(f"/v1/price-lists/{made}", None, method="DELETE")).status_code == 204


async def test_a_storefronts_key_quotes_and_sees_no_list_and_no_code(shop: Shop) -> None:
    """Lists tell what members pay, and codes are worth something."""
    key = new_key(shop, "prices:read")
    assert (await shop.http.post("/v1/quotes", json=QUOTE, headers=bearer(key))).status_code == 200
    for path in (
        "price-lists",
        "price-lists/default",
        "price-lists/default/prices",
        "promotions",
        "promotions/WELCOME10",
    ):
        answer = await shop.http.get(f"/v1/{path}", headers=bearer(key))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), path


async def test_ten_who_make_the_same_at_once_make_one(shop: Shop) -> None:
    """A list, a code, a method and a country's taxes, each put ten times in the same moment: nine have not seen it."""
    own = uuid.uuid4().hex[:8]
    for path, body in (
        (f"price-lists/{own}", LIST), (f"promotions/{own}", CODE), (f"shipping-methods/{own}", METHOD),
        ("tax-rates/LI", TAX),
    ):  # fmt: skip
        answers = await asyncio.gather(*(shop.http.put(f"/v1/{path}", json=body) for _ in range(10)))
        made = 200 if "tax" in path else 201
        assert Counter(answer.status_code for answer in answers) == {made: 1, 428: 9}
    await shop.edit(f"/v1/shipping-methods/{own}", METHOD | {"active": False})
    assert (await shop.edit("/v1/tax-rates/LI", TAX | {"rates": []})).status_code == 200
