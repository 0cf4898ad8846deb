"""Batches of carts, side by side, over the same SKUs in every order: nobody waits for ever, and the sums are right."""

import random
from functools import partial

import pytest
import sqlalchemy as sa

from domain.checkouts import OpenCheckout
from domain.pricing import CartLine
from domain.refusals import RefusalCode
from models import audit
from models.opening import open_many
from models.reserving import Reserved, Wish, reserve_many
from tests.models.kit import PLACE, Shop, at_once, soon

FAR = "lyon"


async def batch(shop: Shop, wishes: list[tuple[str, dict[str, int]]]) -> Reserved:
    """One transaction."""
    async with shop.transaction() as session:
        asked = [Wish(cart, [CartLine(*line) for line in wanted.items()], soon()) for cart, wanted in wishes]
        return await reserve_many(session, asked)


def second_place(shop: Shop, **levels: int) -> None:
    """A place that is asked last, and what is there."""
    shop.run(
        "INSERT INTO locations (tenant_id, location_id, name, priority, address)"
        " VALUES (current_tenant(), :far, 'Lyon', 1, '{}')",
        far=FAR,
    )
    for sku, units in levels.items():
        shop.run(
            "INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand) VALUES (current_tenant(), :far, :s, :n)",
            "INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)"
            " VALUES (current_tenant(), :far, :s, 'received', :n, 'opening stock')",
            far=FAR, s=sku, n=units,
        )  # fmt: skip


async def test_a_crowd_of_batches_in_every_order_is_exact(shop: Shop) -> None:
    skus = [shop.new_sku(15, named=name) for name in "ABCDE"]
    second_place(shop, A=10, C=10)
    dice = random.Random(7)
    crowd = []
    for n in range(30):
        wishes = []
        for m in range(8):
            lines = dice.sample(skus, dice.randint(1, 3))
            wishes.append((f"co_{n}_{m}", {sku: dice.randint(1, 2) for sku in lines}))
        crowd.append(wishes)
    answers = await at_once(partial(batch, shop, wishes) for wishes in crowd)
    short = {cart for answer in answers for cart in answer.short}
    won = {cart: wanted for wishes in crowd for cart, wanted in wishes if cart not in short}
    held = shop.rows("SELECT checkout_id, sku, sum(quantity)::int AS units FROM reservations GROUP BY 1, 2")
    assert {(row.checkout_id, row.sku): row.units for row in held} == {
        (cart, sku): units for cart, wanted in won.items() for sku, units in wanted.items()
    }
    levels = shop.rows(
        "SELECT sku, sum(on_hand)::int AS units, sum(reserved)::int AS held FROM stock_levels GROUP BY 1"
    )
    for sku, units, reserved in levels:
        assert reserved == sum(wanted.get(sku, 0) for wanted in won.values()) <= units
    for cart in short:  # nobody was refused who could have had it all
        wanted = dict(next(wanted for wishes in crowd for name, wanted in wishes if name == cart))
        assert any(wanted.get(sku, 0) > units - reserved for sku, units, reserved in levels), cart
    async with shop.transaction() as session:
        stock_checks = [query for name, query in audit.CHECKS.items() if name.startswith("stock: what is")]
        assert [row for query in stock_checks for row in await session.execute(sa.text(query))] == []


async def test_a_batch_is_served_in_order_of_arrival(shop: Shop) -> None:
    sku = shop.new_sku(4)
    wishes = [("co_1", {sku: 2}), ("co_2", {sku: 3}), ("co_3", {sku: 1}), ("co_4", {sku: 1}), ("co_5", {sku: 1})]
    assert (await batch(shop, wishes)).short == {"co_2", "co_5"}
    assert (await batch(shop, wishes)).short == {"co_2", "co_5"}
    assert shop.level(sku) == (4, 4)


async def test_fewest_parcels_then_priority_and_split_when_it_must(shop: Shop) -> None:
    one, two = shop.new_sku(3), shop.new_sku(0)
    second_place(shop, **{one: 3, two: 3})
    assert await shop.reserve("near", (one, 1)) == PLACE
    assert await shop.reserve("together", (one, 1), (two, 1)) == FAR
    assert await shop.reserve("split", (one, 4)) == f"{PLACE}+{FAR}"
    assert await shop.reserve("too many", (one, 1)) is None


@pytest.mark.parametrize("name", ["bad\x00name"])
async def test_a_cart_the_database_cannot_keep_takes_nothing(shop: Shop, name: str) -> None:
    """Whatever is wrong with one cart, its batch leaves nothing behind; the others are opened without it."""
    sku = shop.new_sku(3)
    asked = [shop.asked(sku, name=each) for each in ("Ada", name)]
    openings = [OpenCheckout(one, soon()) for one in asked]
    with pytest.raises(sa.exc.DBAPIError):
        async with shop.transaction() as session:
            await open_many(session, openings, begun=False)
    assert shop.level(sku) == (3, 0)
    async with shop.transaction() as session:
        (opened,) = await open_many(session, openings[:1], begun=False)
    assert opened.refusal is None
    assert shop.level(sku) == (3, 1)


async def test_one_key_twice_in_a_batch_and_in_two_batches_at_once(shop: Shop) -> None:
    sku = shop.new_sku(5)
    one, late = OpenCheckout(shop.asked(sku), soon()), OpenCheckout(shop.asked(sku, quantity=9), soon())
    async with shop.transaction() as session:
        first, again, none = await open_many(session, [one, one, late], begun=False)
    assert first == again
    assert none.refusal is not None
    assert (none.refusal.code, none.kept) == (RefusalCode.OUT_OF_STOCK, True)
    assert shop.level(sku) == (5, 1)
    async with shop.transaction() as session:
        found, still = await open_many(session, [one, late], begun=False)
    assert (found.quote, found.authorization, found.expires_at) == (first.quote, first.authorization, one.expires_at)
    assert still.refusal == none.refusal
