"""A code is used as often as it may be and not once more, whoever comes at once; and an end gives its use back."""

import asyncio
import json
import sys
import uuid
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from activities.orders import OrderActivities
from domain.orders import CancelOrder
from domain.promotions import AppliedPromotion, PromotionKind
from domain.refusals import RefusalCode
from models import promotions
from models.promotions import Promotion, Redemption
from tests.models.kit import APP, PRICE, SHIPPING, Shop, at_once

ROOT = Path(__file__).resolve().parents[2]


def new_code(shop: Shop, **terms: Any) -> str:
    """A code of its own: 10 % unless told otherwise."""
    code = f"C{uuid.uuid4().hex[:8].upper()}"
    kind: dict[str, Any] = {"kind": PromotionKind.PERCENT, "basis_points": 1000}
    shop.server.add(shop.tenant, Promotion(tenant_id=shop.tenant, code=code, name="Ten", **kind | terms))
    return code


async def use(shop: Shop, code: str, customer: str = "cus_ada", checkout: str | None = None) -> RefusalCode | None:
    """One checkout's use in a transaction of its own: None, or why not."""
    mine = checkout or f"co_{uuid.uuid4().hex}"
    async with shop.transaction() as session:
        wanted = Redemption(mine, customer, "EUR", (AppliedPromotion(code, 100),))
        refused = await promotions.redeem(session, [wanted])
    return refused[mine].code if mine in refused else None


def uses(shop: Shop, code: str) -> dict[str, int]:
    """How many uses are in each state."""
    told = shop.rows("SELECT state, count(*) FROM promotion_redemptions WHERE code = :c GROUP BY state", c=code)
    return {row.state: row.count for row in told}


async def test_forty_at_once_use_a_code_ten_times(shop: Shop) -> None:
    code = new_code(shop, usage_limit=10)
    answers = await at_once([partial(use, shop, code, f"cus_{n}") for n in range(40)])
    assert answers.count(None) == 10
    assert answers.count(RefusalCode.PROMOTION_EXHAUSTED) == 30
    assert uses(shop, code) == {"held": 10}


async def tills(shop: Shop, code: str, customer: str) -> Counter[str]:
    """How forty checkouts end, twenty in each of two processes, all with one code."""
    sku = shop.new_sku(40)
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.models.tills", shop.server.urls[APP], shop.tenant, sku, code, customer,
            str(first), "20", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )
        for first in (0, 20)
    ]  # fmt: skip
    told = await asyncio.gather(*(one.communicate() for one in started))
    counted = Counter(outcome for out, _ in told for outcome in json.loads(out))
    assert shop.level(sku) == (40, counted["opened"]), "a refused checkout holds no stock"
    return counted


async def test_forty_checkouts_of_two_processes_use_a_code_ten_times(shop: Shop) -> None:
    code = new_code(shop, usage_limit=10)
    assert await tills(shop, code, "each") == {"opened": 10, "promotion_exhausted": 30}
    assert uses(shop, code) == {"held": 10}


async def test_a_shopper_who_is_in_two_processes_at_once_uses_a_code_three_times(shop: Shop) -> None:
    code = new_code(shop, customer_limit=3)
    assert await tills(shop, code, "cus_ada") == {"opened": 3, "promotion_already_used": 37}
    assert uses(shop, code) == {"held": 3}


async def test_a_shopper_at_forty_tills_uses_a_code_as_often_as_a_shopper_may(shop: Shop) -> None:
    code = new_code(shop, customer_limit=2)
    answers = await at_once([partial(use, shop, code, f"cus_{n % 2}") for n in range(40)])
    assert answers.count(None) == 4
    assert answers.count(RefusalCode.PROMOTION_ALREADY_USED) == 36
    told = shop.rows("SELECT customer_id, count(*) FROM promotion_redemptions GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in told] == [("cus_0", 2), ("cus_1", 2)]


async def test_many_in_one_batch_use_it_in_their_order(shop: Shop) -> None:
    code, other = new_code(shop, usage_limit=2), new_code(shop)
    wanted = [Redemption(f"co_{n}", f"cus_{n}", "EUR", (AppliedPromotion(code, 1),)) for n in range(3)]
    wanted[2] = Redemption("co_2", "cus_2", "EUR", (AppliedPromotion(code, 1), AppliedPromotion(other, 1)))
    async with shop.transaction() as session:
        refused = await promotions.redeem(session, wanted)
    assert {checkout: no.code for checkout, no in refused.items()} == {"co_2": RefusalCode.PROMOTION_EXHAUSTED}
    assert uses(shop, other) == {}, "all of a checkout's codes or none"


async def test_asking_again_for_the_same_checkout_uses_nothing_more(shop: Shop) -> None:
    code = new_code(shop, usage_limit=1, customer_limit=1)
    for _ in range(2):
        assert await use(shop, code, checkout="co_same") is None
    assert uses(shop, code) == {"held": 1}


async def test_a_limit_that_is_set_meanwhile_waits_for_those_who_are_using_the_code(shop: Shop) -> None:
    code = new_code(shop)
    async with shop.transaction() as session:
        wanted = Redemption("co_1", "cus_1", "EUR", (AppliedPromotion(code, 1),))
        assert await promotions.redeem(session, [wanted]) == {}
        limiting = asyncio.to_thread(
            shop.run,
            "SELECT 1 FROM promotions WHERE code = :c FOR UPDATE",
            "UPDATE promotions SET usage_limit = 1 WHERE code = :c",
            c=code,
        )
        task = asyncio.create_task(limiting)
        await shop.server.someone_waits()
    await task
    assert await use(shop, code) is RefusalCode.PROMOTION_EXHAUSTED


async def test_a_code_that_was_switched_off_meanwhile_is_not_known(shop: Shop) -> None:
    code = new_code(shop, active=False)
    assert await use(shop, code) is RefusalCode.PROMOTION_UNKNOWN
    assert await use(shop, "NOSUCH") is RefusalCode.PROMOTION_UNKNOWN


async def test_an_order_keeps_its_use_and_a_checkout_without_one_gives_it_back(shop: Shop) -> None:
    code = new_code(shop, usage_limit=1)
    gone = await shop.open(shop.new_sku(), codes=(code,))
    assert uses(shop, code) == {"held": 1}
    await shop.give_up(gone)
    assert uses(shop, code) == {"released": 1}
    checkout = await shop.open(shop.new_sku(), codes=(code.lower(),))
    total = PRICE - PRICE // 10 + SHIPPING
    placed = await shop.place(checkout, shop.authorized(checkout, total))
    assert uses(shop, code) == {"redeemed": 1, "released": 1}
    assert await use(shop, code) is RefusalCode.PROMOTION_EXHAUSTED
    cancel = CancelOrder(shop.tenant, placed.order_number, checkout, shop.payment_of(checkout), "support", "test")
    await OrderActivities(shop.server.database).cancel(cancel)
    assert uses(shop, code) == {"released": 2}
    assert await use(shop, code) is None


async def test_a_checkout_that_finds_no_stock_has_used_nothing(shop: Shop) -> None:
    code, sku = new_code(shop, usage_limit=1), shop.new_sku(0)
    with pytest.raises(AssertionError, match="out_of_stock"):
        await shop.open(sku, codes=(code,))
    assert uses(shop, code) == {}


async def test_a_code_for_a_first_order_is_for_those_who_have_none(shop: Shop) -> None:
    code, sku = new_code(shop, first_order_only=True, customer_limit=1), shop.new_sku()
    first = await shop.place(await shop.open(sku))
    with pytest.raises(AssertionError, match="promotion_not_applicable"):
        await shop.open(sku, codes=(code,))
    shop.run("UPDATE orders SET state = 'cancelled' WHERE order_number = :n", n=first.order_number)
    await shop.open(sku, codes=(code,))
    assert uses(shop, code) == {"held": 1}


async def test_an_order_has_what_was_taken_off_line_by_line(shop: Shop) -> None:
    code = new_code(shop)
    checkout = await shop.open(shop.new_sku(), codes=(code,))
    await shop.place(checkout, shop.authorized(checkout, 9000 + SHIPPING))
    (line,) = shop.rows("SELECT * FROM order_lines")
    assert (line.unit_minor, line.discount_minor, line.net_minor, line.tax_minor, line.gross_minor) == (
        PRICE, 1000, 7500, 1500, 9000,
    )  # fmt: skip
    assert (line.tax_basis_points, line.tax_included) == (2000, True)
    (order,) = shop.rows("SELECT discount_minor, shipping_tax_minor, tax_minor, total_minor FROM orders")
    assert tuple(order) == (1000, 250, 1750, 9000 + SHIPPING)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("kind = 'fixed'", "what_it_takes_off"),
        ("basis_points = 10001", "basis_points"),
        ("basis_points = 0", "basis_points"),
        ("usage_limit = 0", "usage_limit"),
        ("customer_limit = -1", "customer_limit"),
        ("minimum_minor = 5", "amounts_have_currency"),
        ("first_order_only = true", "first_order_is_once"),
        ("starts_at = now(), ends_at = now()", "window"),
        ("code = 'abcd'", "code"),
    ],
)
def test_the_database_refuses_a_code_that_makes_no_sense(shop: Shop, change: str, constraint: str) -> None:
    new_code(shop)
    assert shop.refusal(f"UPDATE promotions SET {change}") == f"23514/ck_promotions_{constraint}"
