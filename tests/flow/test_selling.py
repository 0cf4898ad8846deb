"""What is not on sale cannot be bought, by whatever way it got into a cart; and nothing is held or begun for it."""

import uuid

import httpx
import pytest

from tests.flow.access_kit import owner
from tests.flow.kit import Shop


async def listed(shop: Shop, sku: str, **how: object) -> None:
    """Make the SKU a variant of an active product, but for what is told."""
    body = {"title": "Thing", "status": "active", "variants": [{"sku": sku, "weight_grams": 100}]} | how
    answer = await shop.edit(f"/v1/products/{sku.lower()}?view=all", body)
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ({"status": "draft"}, 409, "not_for_sale"),
        ({"status": "archived"}, 409, "not_for_sale"),
        ({"publish_at": "2190-01-01T00:00:00Z"}, 409, "not_for_sale"),
        ({"unpublish_at": "2020-01-01T00:00:00Z"}, 409, "not_for_sale"),
        ({"variants": []}, 409, "not_for_sale"),
        ({"access": "club-1"}, 403, "members_only"),
    ],
    ids=str,
)
async def test_what_is_taken_off_sale_is_not_sold(shop: Shop, how: dict[str, object], status: int, code: str) -> None:
    sku, key = shop.new_sku(3), uuid.uuid4().hex
    await listed(shop, sku)
    await listed(shop, sku, **how)
    refused = await shop.buy(sku, key=key)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["facts"] == {"skus": sku}
    assert shop.stock(sku) == (3, 0)
    await listed(shop, sku)
    assert (await shop.buy(sku, key=key)).status_code == 201


async def test_what_goes_off_sale_after_it_was_ordered_is_delivered(shop: Shop) -> None:
    """An order keeps its word; only new carts are refused."""
    sku = shop.new_sku(3)
    await listed(shop, sku)
    order = await shop.bought(sku)
    await listed(shop, sku, status="archived", variants=[])
    assert (await shop.buy(sku)).json()["code"] == "not_for_sale"
    await shop.hand_over(order)
    assert (await shop.order(order["number"]))["lines"][0]["sku"] == sku


async def test_a_window_that_closes_while_it_is_being_bought(shop: Shop) -> None:
    """Whoever came in time has an order, the next one is told, and nothing is held for them."""
    sku = shop.new_sku(30)
    await listed(shop, sku)
    owner(
        shop,
        "UPDATE products SET unpublish_at = clock_timestamp() + interval '300 milliseconds' WHERE product_id = :p",
        p=sku.lower(),
    )
    answers: list[httpx.Response] = []
    while not answers or answers[-1].status_code == 201:
        answers.append(await shop.buy(sku))
    assert answers[-1].json()["code"] == "not_for_sale"
    assert shop.stock(sku)[1] == len(answers) - 1
