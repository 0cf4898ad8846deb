"""What members may see and buy that others may not, and how much of it."""

import asyncio
import uuid
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.flow.kit import Shop, until
from tests.flow.members_kit import DAY, Club
from tests.flow.test_selling import listed


@pytest.fixture
async def club(shop: Shop) -> Club:
    """A plan whose members may buy two of a thing a month, and see what asks for `archive`."""
    made = Club(shop)
    gold = {"id": "gold", "name": "Gold", "prices": {"EUR": 0}, "entitlements": ["archive"], "purchase_limit": 2}
    return await made.open(tiers=[gold])


async def joined(club: Club) -> dict[str, Any]:
    """A member of a plan that costs nothing, so that no card is asked for."""
    return await club.joined(payment_method=None)


async def buy(shop: Shop, sku: str, customer: str, **how: Any) -> httpx.Response:
    who = {"id": customer, "email": "ada@example.com", "name": "Ada"}
    return await shop.buy(sku, customer=who, **how)


async def test_what_is_for_members_is_not_there_for_others(club: Club, shop: Shop) -> None:
    sku, member = shop.new_sku(), await joined(club)
    await listed(shop, sku, access="archive")
    who, page = member["customer_id"], f"/v1/products/{sku.lower()}"
    seen = await shop.http.get(page, params={"customer_id": who, "view": "storefront"})
    hidden = await shop.http.get(page, params={"customer_id": "cus_stranger", "view": "storefront"})
    assert (seen.status_code, hidden.status_code) == (200, 404)
    refused = await buy(shop, sku, "cus_stranger")
    assert (refused.status_code, refused.json()["code"]) == (403, "members_only")
    assert (await buy(shop, sku, who)).status_code == 201
    await club.act(member, "cancel", at_once=True)
    assert (await buy(shop, sku, who)).json()["code"] == "members_only"


async def test_twenty_checkouts_of_a_member_at_once_buy_the_limit_and_no_more(club: Club, shop: Shop) -> None:
    sku, who = shop.new_sku(30), (await joined(club))["customer_id"]
    answers = await asyncio.gather(*(buy(shop, sku, who) for _ in range(20)))
    codes = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert codes == {(201, None): 2, (409, "purchase_limit_reached"): 18}
    assert shop.stock(sku) == (30, 2)
    assert (await buy(shop, sku, "cus_stranger")).status_code == 201


async def test_a_checkout_that_came_to_nothing_and_a_cancelled_order_leave_room(club: Club, shop: Shop) -> None:
    sku, who = shop.new_sku(30), (await joined(club))["customer_id"]
    declined = await buy(shop, sku, who, quantity=2, card="pm_card_chargeDeclined")
    assert declined.json()["code"] == "card_declined"
    order = (await buy(shop, sku, who, quantity=2)).json()["order_number"]
    assert (await buy(shop, sku, who)).json()["code"] == "purchase_limit_reached"
    await shop.cancel_order(order)
    await shop.order_in(order, "cancelled")
    assert (await buy(shop, sku, who)).status_code == 201


async def test_what_was_sold_out_was_not_bought(club: Club, shop: Shop) -> None:
    sku, who = shop.new_sku(1), (await joined(club))["customer_id"]
    assert (await buy(shop, sku, who, quantity=2)).json()["code"] == "out_of_stock"
    assert (await buy(shop, sku, who)).status_code == 201


async def test_the_next_period_has_a_limit_of_its_own(club: Club, shop: Shop) -> None:
    sku, member = shop.new_sku(30), await joined(club)
    who = member["customer_id"]
    assert (await buy(shop, sku, who, quantity=2)).status_code == 201
    await shop.skip_time(club.flow(member), DAY * 32)
    await until(lambda: club.paid_periods(member), lambda paid: paid == 2)
    assert (await buy(shop, sku, who, quantity=2)).status_code == 201


BODY: dict[str, Any] = {"customer": {"id": "cus_bad", "email": "ada@example.com"}, "tier": "gold", "currency": "EUR"}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"tier": "platinum"}, 422, "unknown_plan"),
        ({"plan": "nothing-of-it"}, 422, "unknown_plan"),
        ({"currency": "USD"}, 422, "unsupported_currency"),
        ({"currency": "euro"}, 422, "invalid_request"),
        ({"payment_method": "pm card"}, 422, "invalid_request"),
        ({"customer": {"email": "nobody"}}, 422, "invalid_request"),
        ({"gift": True}, 422, "invalid_request"),
    ],
    ids=str,
)
async def test_bad_joining_is_refused_and_begins_nothing(
    club: Club, shop: Shop, change: dict[str, Any], status: int, code: str
) -> None:
    body = BODY | {"plan": club.plan} | change
    answer = await shop.http.post("/v1/memberships", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert shop.sql("SELECT 1 FROM memberships WHERE customer_id = 'cus_bad'") == []


PLAN: dict[str, Any] = {"name": "P", "interval": "month", "tiers": [{"id": "a", "name": "A", "prices": {"EUR": 1}}]}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"interval": "week"}, 422, "invalid_request"),
        ({"tiers": []}, 422, "invalid_request"),
        ({"tiers": PLAN["tiers"] * 2}, 422, "invalid_request"),
        ({"grace_seconds": -1}, 422, "invalid_request"),
        ({"retry_seconds": [86_400], "grace_seconds": 3600}, 422, "invalid_request"),
        ({"tiers": [{"id": "a", "name": "A", "prices": {"XXQ": 1}}]}, 422, "unsupported_currency"),
        ({"tiers": [{"id": "a", "name": "A", "prices": {"EUR": -1}}]}, 422, "invalid_request"),
        ({"tiers": [{"id": "a", "name": "A", "prices": {"EUR": 1}, "purchase_limit": -1}]}, 422, "invalid_request"),
    ],
    ids=str,
)
async def test_bad_plans_are_refused(shop: Shop, change: dict[str, Any], status: int, code: str) -> None:
    name = f"bad-{uuid.uuid4().hex[:8]}"
    answer = await shop.http.put(f"/v1/membership-plans/{name}", json=PLAN | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await shop.http.get(f"/v1/membership-plans/{name}")).status_code == 404


async def test_a_plan_keeps_its_tiers_family_and_interval(club: Club, shop: Shop) -> None:
    where = f"/v1/membership-plans/{club.plan}"
    for change in ({}, {"interval": "year"}, {"family": "f"}):
        answer = await shop.edit(where, PLAN | change)
        assert (answer.status_code, answer.json()["code"]) == (409, "plan_is_fixed" if change else "tier_is_kept")


async def test_acts_on_what_is_not_there_or_over(club: Club, shop: Shop) -> None:
    nobody = {"id": "mem_none"}
    assert (await club.act(nobody, "cancel")).status_code == 404
    assert (await shop.http.get("/v1/memberships/mem_none")).status_code == 404
    member = await joined(club)
    assert (await club.act(member, "resume")).json()["code"] == "not_cancelled"
    assert (await club.act(member, "tier", tier="gold")).json()["code"] == "same_tier"
    assert (await club.act(member, "tier", tier="platinum")).json()["code"] == "unknown_plan"
    assert (await club.act(member, "card", payment_method="pm_card_chargeDeclined")).json()["code"] == "card_declined"
    await club.act(member, "cancel", at_once=True)
    assert (await club.act(member, "cancel")).json()["code"] == "already_ended"
