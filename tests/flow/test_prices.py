"""What a shopper pays: lists, codes, shipping and tax, from the quote to the order and back."""

import uuid
from typing import Any

from tests.flow.kit import PRICE, SHIPPING, Shop, until
from tests.flow.price_kit import ends, name, new_code, new_list, new_member, pages, put, quote


def lines_of(order: dict[str, Any]) -> list[tuple[int, ...]]:
    """Unit, discount, net, tax, gross of each line."""
    return [tuple(line[part] for part in ("unit", "discount", "net", "tax", "gross")) for line in order["lines"]]


async def test_what_was_quoted_is_what_is_ordered(shop: Shop) -> None:
    """A sale, a code on the order and a code on one SKU; the order's lines, the money and the audit agree."""
    sku = shop.new_sku()
    sale = await new_list(shop, (sku, 8000, PRICE))
    codes = [await new_code(shop, stackable=True), await new_code(shop, amount=333, currency="EUR", stackable=True)]
    answer = await quote(shop, (sku, 3), promotion_codes=codes)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    goods = 3 * 8000 - 2400 - 333
    assert (told["total"], told["discount"], told["shipping"]) == (goods + SHIPPING, 2733, SHIPPING)
    assert (told["lines"][0]["unit"], told["lines"][0]["compare_at"], told["lines"][0]["price_list"]) == (
        8000, PRICE, sale,
    )  # fmt: skip
    order = await shop.bought(sku, quantity=3, promotion_codes=codes, expected_total=told["total"])
    assert (order["total"], order["tax"], order["discount"]) == (told["total"], told["tax"], told["discount"])
    quoted = told["lines"][0]
    assert lines_of(order) == [tuple(quoted[part] for part in ("unit", "discount", "net", "tax", "gross"))]
    assert (order["lines"][0]["compare_at"], order["lines"][0]["tax_basis_points"]) == (PRICE, 2000)
    assert (await shop.intent(order["checkout_id"]))["amount"] == told["total"]
    assert (await shop.hand_over(order)).status_code == 200
    left = await shop.order_in(order["number"], "shipped")
    assert left["payment"]["captured"] == told["total"]


async def test_a_member_pays_the_price_of_their_tier_uses_a_code_and_ships_free(shop: Shop) -> None:
    """From the quote to the doorstep: tier price, code and free shipping; the next customer pays like everybody."""
    sku, tier, code = shop.new_sku(), name("tier-"), await new_code(shop, customer_limit=1)
    listed = await new_list(shop, (sku, 9000, PRICE), price_tier=tier)
    member = new_member(shop, tier)
    told = (await quote(shop, (sku, 2), customer={"id": member}, promotion_codes=[code])).json()
    assert (told["total"], told["shipping"], told["discount"]) == (16_200, 0, 1800)
    assert told["lines"][0]["price_list"] == listed
    offer = next(one for one in told["shipping_methods"] if one["method"] == "standard")
    assert (offer["amount"], offer["list"]) == (0, SHIPPING)
    who = {"id": member, "email": "gold@example.com", "name": "Ada"}
    order = await shop.bought(sku, quantity=2, customer=who, promotion_codes=[code], expected_total=16_200)
    assert (order["total"], order["shipping"], lines_of(order)) == (16_200, 0, [(9000, 1800, 13_500, 2700, 16_200)])
    again = await shop.buy(sku, customer=who, promotion_codes=[code])
    assert (again.status_code, again.json()["code"]) == (409, "promotion_already_used")
    assert (await shop.buy(sku, customer=who)).json()["total"] == 9000
    ends(shop, member)
    assert (await quote(shop, (sku, 1), customer={"id": member})).json()["total"] == PRICE + SHIPPING
    assert (await shop.hand_over(order)).status_code == 200
    await shop.scan(order, "delivered")
    done = await shop.order_in(order["number"], "delivered")
    assert done["payment"]["captured"] == 16_200


async def test_a_price_that_changes_later_is_for_the_next_checkout(shop: Shop) -> None:
    """The shopper pays what was fixed, also after the list is gone, the code is off and the tax is another."""
    sku, code = shop.new_sku(), await new_code(shop)
    sale = await new_list(shop, (sku, 8000, None))
    waiting = await shop.waiting(sku, promotion_codes=[code])
    assert waiting["total"] == 7200 + SHIPPING
    assert (await shop.edit(f"/v1/price-lists/{sale}", None, method="DELETE")).status_code == 204
    await put(shop, f"promotions/{code}", name="C", percent_basis_points=1000, active=False)
    await shop.browser_confirms(waiting)
    done = await shop.checkout_in(waiting["id"], "completed")
    order = await shop.order(done["order_number"])
    assert (order["total"], order["lines"][0]["unit"], order["discount"]) == (7200 + SHIPPING, 8000, 800)
    assert (await quote(shop, (sku, 1))).json()["lines"][0]["unit"] == PRICE
    assert (await quote(shop, (sku, 1), promotion_codes=[code])).json()["code"] == "promotion_unknown"


async def test_a_price_that_changes_between_quote_and_checkout_is_not_charged(shop: Shop) -> None:
    """The total that was shown guards it: nothing is held, and the same key buys at the price that is shown next."""
    sku, key = shop.new_sku(), uuid.uuid4().hex
    shown = (await quote(shop, (sku, 1))).json()["total"]
    await new_list(shop, (sku, 12_000, None))
    refused = await shop.buy(sku, key=key, expected_total=shown)
    assert (refused.status_code, refused.json()["code"]) == (409, "total_mismatch")
    assert refused.json()["facts"]["total_minor"] == str(12_000 + SHIPPING)
    assert shop.stock(sku) == (5, 0)
    again = (await quote(shop, (sku, 1))).json()["total"]
    assert (await shop.buy(sku, key=key, expected_total=again)).json()["total"] == 12_000 + SHIPPING


async def test_a_code_with_one_use_is_free_again_when_its_order_is_cancelled(shop: Shop) -> None:
    """Used up while it is held and while the order stands; declined and cancelled give it back."""
    sku, code = shop.new_sku(), await new_code(shop, usage_limit=1)
    declined = await shop.buy(sku, promotion_codes=[code], card="pm_card_chargeDeclined")
    assert declined.json()["code"] == "card_declined"
    order = await shop.bought(sku, promotion_codes=[code])
    refused = await shop.buy(sku, promotion_codes=[code])
    assert (refused.status_code, refused.json()["code"]) == (409, "promotion_exhausted")
    assert (await shop.http.get(f"/v1/promotions/{code.lower()}")).json()["uses"] == 1
    assert (await shop.cancel_order(order["number"])).status_code == 200
    await shop.order_in(order["number"], "cancelled")
    again = await until(lambda: shop.buy(sku, promotion_codes=[code]), lambda answer: answer.status_code == 201)
    assert again.json()["total"] == PRICE * 9 // 10 + SHIPPING


async def test_the_methods_that_take_a_cart_are_in_its_quote(shop: Shop) -> None:
    """By weight and value, with their promise; free from an order value on."""
    sku, method = shop.new_sku(), name("post-")
    bands = [
        {"amount": 700, "max_weight_grams": 250},
        {"amount": 1200, "min_weight_grams": 250, "max_weight_grams": 1000},
        {"amount": 0, "max_weight_grams": 1000, "min_order": 50_000},
    ]
    made = await put(
        shop, f"shipping-methods/{method}", name="Post", promise="In a week", min_days=5, max_days=7,
        rates=[{"countries": ["FR", "DE"], "currency": "EUR", "bands": bands}],
    )  # fmt: skip
    assert sorted(made["rates"][0]["countries"]) == ["DE", "FR"]
    costs = {}
    for quantity in (2, 3, 5, 10):  # 100 g and €100.00 each
        told = (await quote(shop, (sku, quantity), shipping_method=None)).json()
        offer = next((one for one in told["shipping_methods"] if one["method"] == method), None)
        costs[quantity] = offer and offer["amount"]
    assert costs == {2: 700, 3: 1200, 5: 0, 10: None}
    order = await shop.bought(sku, quantity=5, shipping_method=method)
    assert (order["shipping"], order["total"]) == (0, 5 * PRICE)
    await put(shop, f"shipping-methods/{method}", name="Post", active=False, rates=[])
    assert (await quote(shop, (sku, 1), shipping_method=method)).json()["code"] == "unknown_shipping_method"


async def test_states_have_their_own_tax_put_on_the_price(shop: Shop) -> None:
    """Exclusive, by region and class, in a country of this test's own."""
    sku = shop.new_sku()
    taxed = await put(
        shop, "tax-rates/CA", included=False,
        rates=[
            {"basis_points": 500},
            {"region": "QC", "basis_points": 1498},
            {"tax_class": "shipping", "basis_points": 0},
        ],
    )  # fmt: skip
    assert [one["basis_points"] for one in taxed["rates"]] == [0, 500, 1498]
    await put(
        shop, f"shipping-methods/{name('ca-')}", name="Parcel",
        rates=[{"countries": ["CA"], "currency": "EUR", "bands": [{"amount": 1000}]}],
    )  # fmt: skip
    totals = {}
    for region in ("QC", "ON"):
        told = (
            await quote(shop, (sku, 1), destination={"country": "CA", "region": region}, shipping_method=None)
        ).json()
        totals[region] = (told["total"], told["tax"], told["shipping_methods"][0]["amount"])
    assert totals == {"QC": (11_498, 1498, 1000), "ON": (10_500, 500, 1000)}
    goods = {"sku": sku, "weight_grams": 100, "tax_class": "shipping"}  # a class that is taxed nothing there
    row = {"id": name("p-"), "title": "Thing", "status": "active", "variants": [goods]}
    made = await shop.http.post("/v1/products/bulk", json={"products": [row]})
    assert made.json()["created"] == 1, made.text
    free = await quote(shop, (sku, 1), destination={"country": "CA", "region": "QC"}, shipping_method=None)
    assert (free.json()["total"], free.json()["tax"]) == (PRICE, 0)
    await put(shop, "tax-rates/CA", included=False, rates=[])
    gone = await quote(shop, (sku, 1), destination={"country": "CA"}, shipping_method=None)
    assert gone.json()["code"] == "unsupported_country"


async def test_prices_are_kept_in_step_in_bulk(shop: Shop) -> None:
    """Each row has its answer; a refused one is in no other's way; the same again changes nothing."""
    skus = [shop.new_sku() for _ in range(3)]
    made = name("list-")
    await put(shop, f"price-lists/{made}", name="L", priority=5, currency="EUR")
    rows = [
        {"sku": skus[0], "currency": "EUR", "amount": 5000, "exponent": 2},
        {"sku": skus[1], "currency": "EUR", "amount": 6000, "compare_at": 7000},
        {"sku": "NO-SUCH", "currency": "EUR", "amount": 1},
        {"sku": skus[2], "currency": "USD", "amount": 1},
        {"sku": skus[2], "currency": "QQQ", "amount": 1},
        {"sku": skus[2], "currency": "EUR", "amount": 500000, "exponent": 3},
        {"sku": skus[2], "currency": "EUR", "amount": 5000, "compare_at": 5000},
        {"sku": skus[0], "currency": "EUR", "amount": 5001},
    ]
    path = f"price-lists/{made}/prices"
    first = [(one["outcome"], one["code"]) for one in (await put(shop, path, prices=rows))["results"]]
    assert first == [
        ("created", None), ("created", None), ("refused", "unknown_sku"), ("refused", "list_currency"),
        ("refused", "unsupported_currency"), ("refused", "exponent_mismatch"), ("refused", "compare_at_too_low"),
        ("refused", "duplicate_row"),
    ]  # fmt: skip
    again = [
        rows[0],
        {"sku": skus[1], "currency": "EUR", "amount": 6500},
        {"sku": skus[2], "currency": "EUR", "amount": None},
    ]
    outcomes = [one["outcome"] for one in (await put(shop, path, prices=again))["results"]]
    assert outcomes == ["unchanged", "updated", "unchanged"]
    off = [{"sku": skus[1], "currency": "EUR", "amount": None}]
    assert (await put(shop, path, prices=off))["results"][0]["outcome"] == "removed"
    page = (await shop.http.get(f"/v1/{path}", params={"limit": 1})).json()
    assert page["items"] == [{"sku": skus[0], "currency": "EUR", "amount": 5000, "compare_at": None}]


async def test_a_list_is_read_a_page_at_a_time(shop: Shop) -> None:
    skus = sorted(shop.new_sku() for _ in range(3))
    made = await new_list(shop, *((sku, 100, None) for sku in skus))
    assert [one["sku"] for one in await pages(shop, f"price-lists/{made}/prices", 2)] == skus


async def test_the_demo_shop_has_a_market_a_members_price_and_a_code(shop: Shop) -> None:
    """As docs/prices.md tells it."""
    us = await quote(shop, ("SCARF-SILK-01", 1), currency="USD", destination={"country": "US"})
    line = us.json()["lines"][0]
    assert (line["unit"], line["compare_at"], line["price_list"]) == (25_900, 27_500, "us")
    told = await quote(shop, ("SCARF-SILK-01", 2), promotion_codes=["welcome10"])
    assert (told.json()["total"], told.json()["discount"]) == (45_600, 4900)
    lists = {one["id"]: one for one in (await shop.http.get("/v1/price-lists?limit=200")).json()["items"]}
    assert lists["gold"]["price_tier"] == "gold"
    assert {"FR", "US"} <= {one["country"] for one in (await shop.http.get("/v1/tax-rates")).json()}
    assert (await shop.http.get("/v1/shipping-methods/standard")).json()["promise"] == "3 to 5 working days"
