"""What a test of prices may do with the shop: lists, codes, quotes, and a checkout with its lines told in full."""

import uuid
from typing import Any

import httpx

from tests.flow.access_kit import owner
from tests.flow.kit import Shop


def name(prefix: str) -> str:
    """An id of its own."""
    return f"{prefix}{uuid.uuid4().hex[:10]}"


async def put(shop: Shop, path: str, **body: Any) -> dict[str, Any]:
    """`PUT /v1/{path}`, which must go well."""
    answer = await shop.edit(f"/v1/{path}", body)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def pages(shop: Shop, path: str, limit: int) -> list[dict[str, Any]]:
    """All of a list, read page by page."""
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    while cursor or not seen:
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = await shop.http.get(f"/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        page, cursor = answer.json()["items"], answer.json()["next_cursor"]
        assert len(page) == limit or (page and cursor is None), path
        seen += page
    return seen


async def new_list(shop: Shop, *prices: tuple[str, int, int | None], **terms: Any) -> str:
    """A list in EUR with these prices (SKU, amount, compare_at). Its id."""
    made = name("list-")
    await put(shop, f"price-lists/{made}", **{"name": "L", "priority": 10} | terms)
    if not prices:
        return made
    rows = [{"sku": sku, "currency": "EUR", "amount": amount, "compare_at": was} for sku, amount, was in prices]
    told = await put(shop, f"price-lists/{made}/prices", prices=rows)
    assert {one["outcome"] for one in told["results"]} == {"created"}
    return made


async def new_code(shop: Shop, **terms: Any) -> str:
    """A code of its own: 10 % unless told otherwise."""
    made = name("CODE").upper()
    amount = {} if "amount" in terms else {"percent_basis_points": 1000}
    await put(shop, f"promotions/{made}", **{"name": "C"} | amount | terms)
    return made


async def quote(shop: Shop, *lines: tuple[str, int], **more: Any) -> httpx.Response:
    """`POST /v1/quotes` of a cart to France in EUR, sent by `standard` unless told otherwise."""
    body = {
        "currency": "EUR",
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        "destination": {"country": "FR"},
        "shipping_method": "standard",
    }
    return await shop.http.post("/v1/quotes", json=body | more)


_GOLD = (
    """
    INSERT INTO membership_plans (tenant_id, plan_id, family, name, status, interval, grace_seconds, retry_seconds,
      refund_policy) VALUES (:t, :plan, :plan, 'Club', 'active', 'year', 0, '{}', 'nothing')
    """,
    """
    INSERT INTO membership_tiers (tenant_id, plan_id, tier_id, name, rank, price_tier, entitlements, free_shipping,
      early_access_seconds) VALUES (:t, :plan, 'gold', 'Gold', 1, :tier, '{}', true, 0)
    """,
    """
    INSERT INTO memberships (tenant_id, membership_id, fingerprint, customer_id, family, plan_id, tier_id, state,
      interval, grace_seconds, retry_seconds, refund_policy, currency, amount_minor, period_starts_at, period_ends_at,
      benefits_until) VALUES (:t, :plan, 'f', :who, :plan, :plan, 'gold', 'active', 'year', 0, '{}', 'nothing', 'EUR',
      0, now(), now() + interval '1 year', now() + interval '1 year')
    """,
)


def new_member(shop: Shop, price_tier: str) -> str:
    """A customer whose membership gives them a price tier and free shipping. Their id, which is its plan's as well."""
    customer = name("cus_")
    owner(shop, *_GOLD, plan=customer, who=customer, tier=price_tier)
    return customer


def ends(shop: Shop, customer: str) -> None:
    """Their membership is over."""
    over = "UPDATE memberships SET state = 'cancelled', ended_at = now(), reason = 'test' WHERE membership_id = :who"
    owner(shop, over, who=customer)
