"""A page speaks for a customer with a token that their shop's server got; its own word brings no benefits."""

import time
import uuid
from typing import Any

import httpx
import pytest

from api.shopper import sign
from domain.access import STOREFRONT
from domain.ids import customer_id
from settings import Settings
from tests.flow.access_kit import bearer, new_key
from tests.flow.kit import ADDRESS, KEY, TENANT, Shop
from tests.flow.members_kit import Club
from tests.flow.test_selling import listed


@pytest.fixture(scope="module")
def page(whole_shop: Shop) -> str:
    """A publishable key, as it stands in a page."""
    return new_key(whole_shop, *sorted(STOREFRONT), kind="publishable")


async def token(shop: Shop, customer: str, **body: int) -> str:
    answer = await shop.http.post(f"/v1/customers/{customer}/tokens", json=body or None, headers=bearer(KEY))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def checkout(shop: Shop, key: str, sku: str, email: str, **headers: str) -> httpx.Response:
    body = {
        "currency": "EUR",
        "lines": [{"sku": sku, "quantity": 1}],
        "customer": {"email": email, "name": "Ada"},
        "shipping_address": ADDRESS,
        "shipping_method": "standard",
        "payment": {"mode": "server", "payment_method": "pm_card_visa"},
    }
    return await shop.http.post("/v1/checkouts", json=body, headers=bearer(key) | headers)


def signed(shop: Shop, tenant: str, customer: str, ends: float) -> str:
    environment: dict[str, Any] = {name.lower(): value for name, value in shop.stack.environment().items()}
    return sign(Settings.model_validate(environment), tenant, customer, int(ends))


async def test_a_token_says_whose_checkout_it_is(shop: Shop, page: str) -> None:
    sku, ada = shop.new_sku(), f"cus_{uuid.uuid4().hex[:8]}"
    speaks = {"Milepost-Customer-Token": await token(shop, ada)}
    answer = await checkout(shop, page, sku, "ada@example.com", **speaks)
    assert answer.status_code == 201, answer.text
    assert shop.sql("SELECT customer_id FROM checkouts WHERE checkout_id = :c", c=answer.json()["id"]) == [(ada,)]


async def test_an_address_that_a_page_sends_brings_no_benefits_and_a_token_does(shop: Shop, page: str) -> None:
    """The member is known to us by their e-mail address: whoever guesses that must not have their goods."""
    sku, email = shop.new_sku(), f"{uuid.uuid4().hex}@example.com"
    await listed(shop, sku, access="archive")
    who = customer_id(TENANT, email)
    await (await Club(shop).open()).joined(customer=who)
    quote = {
        "currency": "EUR", "lines": [{"sku": sku, "quantity": 1}], "destination": {"country": "FR"},
        "customer": {"email": email},
    }  # fmt: skip
    guessed = await shop.http.post("/v1/quotes", json=quote, headers=bearer(page))
    assert (guessed.status_code, guessed.json()["code"]) == (403, "members_only")
    guessed = await checkout(shop, page, sku, email)
    assert (guessed.status_code, guessed.json()["code"]) == (403, "members_only")

    speaks = {"Milepost-Customer-Token": await token(shop, who)}
    assert (await shop.http.post("/v1/quotes", json=quote, headers=bearer(page) | speaks)).status_code == 200
    assert (await checkout(shop, page, sku, email, **speaks)).status_code == 201
    assert (await checkout(shop, KEY, sku, email)).status_code == 201  # a server's word counts
    seen = await shop.http.get("/v1/products", headers=bearer(page) | speaks)
    assert seen.status_code == 200


@pytest.mark.parametrize("flaw", ["ended", "another tenant's", "changed", "not one", "not ASCII"])
async def test_a_token_that_is_not_good_is_refused(shop: Shop, page: str, flaw: str) -> None:
    sku, soon = shop.new_sku(), time.time() + 60
    good = signed(shop, TENANT, "cus_ada", soon)
    bad = {
        "ended": signed(shop, TENANT, "cus_ada", time.time() - 1),
        "another tenant's": signed(shop, "other", "cus_ada", soon),
        "changed": good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1],
        "not one": "mct_",
        "not ASCII": "mct_ü.ü",
    }[flaw]
    answer = await shop.http.post(
        "/v1/quotes",
        json={"currency": "EUR", "lines": [{"sku": sku, "quantity": 1}], "destination": {"country": "FR"}},
        headers=httpx.Headers({**bearer(page), "Milepost-Customer-Token": bad}, encoding="utf-8"),
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "customer_token_invalid")


async def test_a_publishable_key_gets_no_token(shop: Shop, page: str) -> None:
    answer = await shop.http.post("/v1/customers/cus_ada/tokens", headers=bearer(page))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("seconds", [0, 59, 3601, "900", True])
async def test_a_token_lasts_a_minute_to_an_hour(shop: Shop, seconds: Any) -> None:
    answer = await shop.http.post("/v1/customers/cus_ada/tokens", json={"expires_in": seconds}, headers=bearer(KEY))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
