"""Counts compare before they swap, adjustments happen once a key, and each leaves its movement or nothing at all."""

import asyncio
from functools import partial
from typing import Any

import pytest

from domain.states import MovementKind
from domain.stock import StockOutcome, StockUpdate
from models import stock
from tests.models.kit import PLACE, PRICE, Shop, at_once

DONE = StockOutcome.DONE
_TABLES = "SELECT (SELECT count(*) FROM stock_levels), (SELECT count(*) FROM stock_movements)"


async def count(shop: Shop, sku: str, counted: int, expected: int, place: str = PLACE) -> StockUpdate:
    """One count in a transaction of its own."""
    async with shop.transaction() as session:
        return await stock.count(session, place, sku, counted=counted, expected=expected, reason="stocktake")


async def adjust(shop: Shop, sku: str, quantity: int, key: str = "k", **more: Any) -> StockUpdate:
    """One adjustment in a transaction of its own."""
    asked = {"kind": MovementKind.ADJUSTED, "reason": "found", "fingerprint": f"{sku} {quantity}", **more}
    place = asked.pop("place", PLACE)
    async with shop.transaction() as session:
        return await stock.adjust(session, place, sku, quantity=quantity, key=key, **asked)


def last_movement(shop: Shop, sku: str) -> tuple[Any, ...]:
    """Kind, quantity and cause of the newest one."""
    query = "SELECT kind, quantity, cause FROM stock_movements WHERE sku = :s ORDER BY movement_id DESC LIMIT 1"
    return tuple(shop.rows(query, s=sku)[0])


def unstocked(shop: Shop) -> str:
    """A SKU that is known and is nowhere."""
    shop.run("INSERT INTO variants (tenant_id, sku, title, weight_grams) VALUES (current_tenant(), 'NEW', 'New', 1)")
    shop.run(
        "INSERT INTO prices (tenant_id, sku, currency, amount_minor) VALUES (current_tenant(), 'NEW', 'EUR', :p)",
        p=PRICE,
    )
    return "NEW"


async def test_a_count_swaps_what_it_expected_and_leaves_the_difference(shop: Shop) -> None:
    sku = shop.new_sku(10)
    await shop.reserve("co_1", (sku, 4))
    assert await count(shop, sku, 7, 10) == StockUpdate(DONE, 7, 4)
    assert last_movement(shop, sku) == ("adjusted", -3, "count: stocktake")
    assert await count(shop, sku, 12, 7) == StockUpdate(DONE, 12, 4)
    assert shop.level(sku) == (12, 4)


@pytest.mark.parametrize(
    ("counted", "expected", "outcome"),
    [(7, 9, StockOutcome.STOCK_CHANGED), (3, 10, StockOutcome.BELOW_RESERVED), (0, 0, StockOutcome.STOCK_CHANGED)],
)
async def test_a_refused_count_writes_nothing(shop: Shop, counted: int, expected: int, outcome: StockOutcome) -> None:
    sku = shop.new_sku(10)
    await shop.reserve("co_1", (sku, 4))
    before = shop.rows(_TABLES)
    assert await count(shop, sku, counted, expected) == StockUpdate(outcome, 10, 4)
    assert (shop.rows(_TABLES), shop.level(sku)) == (before, (10, 4))


async def test_what_is_counted_as_believed_moves_nothing(shop: Shop) -> None:
    sku = shop.new_sku(10)
    before = shop.rows(_TABLES)
    assert await count(shop, sku, 10, 10) == StockUpdate(DONE, 10, 0)
    assert shop.rows(_TABLES) == before


@pytest.mark.parametrize("way", ["count", "adjust"])
async def test_a_level_is_made_where_there_was_none(shop: Shop, way: str) -> None:
    sku = unstocked(shop)
    if way == "count":
        assert await count(shop, sku, 5, 1) == StockUpdate(StockOutcome.STOCK_CHANGED, 0, 0)
        assert await count(shop, sku, 5, 0) == StockUpdate(DONE, 5, 0)
        assert last_movement(shop, sku) == ("adjusted", 5, "count: stocktake")
    else:
        assert await adjust(shop, sku, -1) == StockUpdate(StockOutcome.BELOW_RESERVED, 0, 0)
        assert shop.rows("SELECT 1 FROM stock_levels") == shop.rows("SELECT 1 FROM stock_adjustments") == []
        assert await adjust(shop, sku, 5, kind=MovementKind.RECEIVED) == StockUpdate(DONE, 5, 0)
        assert last_movement(shop, sku) == ("received", 5, "adjustment k")
    assert shop.level(sku) == (5, 0)


async def test_unknown_places_and_things(shop: Shop) -> None:
    sku, before = shop.new_sku(1), shop.rows(_TABLES)
    assert (await count(shop, sku, 5, 0, "atlantis")).outcome is StockOutcome.UNKNOWN_LOCATION
    assert (await count(shop, "unheard-of", 5, 0)).outcome is StockOutcome.UNKNOWN_SKU
    assert (await adjust(shop, sku, 5, place="atlantis")).outcome is StockOutcome.UNKNOWN_LOCATION
    assert (await adjust(shop, "unheard-of", 5)).outcome is StockOutcome.UNKNOWN_SKU
    assert shop.rows(_TABLES)[0][1] == before[0][1]


async def test_another_tenants_stock_is_unknown(shop: Shop) -> None:
    other = shop.server.new_shop()
    sku = other.new_sku(3)
    assert (await count(shop, sku, 9, 3)).outcome is StockOutcome.UNKNOWN_SKU
    assert (await adjust(shop, sku, 9)).outcome is StockOutcome.UNKNOWN_SKU
    assert other.level(sku) == (3, 0)
    assert (await adjust(other, sku, 1, "same")).on_hand == 4
    mine = shop.new_sku(1)
    assert (await adjust(shop, mine, 1, "same")).on_hand == 2


async def test_an_adjustment_happens_once_a_key(shop: Shop) -> None:
    sku = shop.new_sku(10)
    await shop.reserve("co_1", (sku, 4))
    first = await adjust(shop, sku, -2)
    assert first == StockUpdate(DONE, 8, 4)
    await adjust(shop, sku, 5, "another")
    assert await adjust(shop, sku, -2) == first
    assert (await adjust(shop, sku, -3)).outcome is StockOutcome.KEY_REUSED
    assert shop.level(sku) == (13, 4)


async def test_a_refused_adjustment_leaves_its_key_free(shop: Shop) -> None:
    sku = shop.new_sku(5)
    await shop.reserve("co_1", (sku, 4))
    assert await adjust(shop, sku, -2) == StockUpdate(StockOutcome.BELOW_RESERVED, 5, 4)
    assert shop.rows("SELECT 1 FROM stock_adjustments") == []
    await adjust(shop, sku, 1, "more")
    assert await adjust(shop, sku, -2) == StockUpdate(DONE, 4, 4)


async def test_one_of_many_counts_in_the_same_moment_wins(shop: Shop) -> None:
    sku = shop.new_sku(10)
    answers = await at_once([partial(count, shop, sku, 11 + n, 10) for n in range(12)])
    (won,) = [one for one in answers if one.outcome is DONE]
    assert {one for one in answers if one is not won} == {StockUpdate(StockOutcome.STOCK_CHANGED, won.on_hand, 0)}
    assert shop.level(sku) == (won.on_hand, 0)
    assert last_movement(shop, sku)[1] == won.on_hand - 10


@pytest.mark.parametrize("_", range(10))
async def test_a_new_level_is_made_once_by_a_crowd(shop: Shop, _: int) -> None:
    sku = unstocked(shop)
    answers = await at_once([partial(count, shop, sku, 7, 0) for _ in range(8)])
    assert sorted(one.outcome for one in answers) == ["done"] + ["stock_changed"] * 7
    assert {one.on_hand for one in answers} == {7}
    assert shop.rows("SELECT count(*), sum(quantity) FROM stock_movements") == [(1, 7)]


async def test_a_crowd_of_adjustments_adds_up_and_repeats_count_once(shop: Shop) -> None:
    sku = unstocked(shop)
    acts = [partial(adjust, shop, sku, 2, f"k{n % 6}", kind=MovementKind.RECEIVED) for n in range(24)]
    answers = await at_once(acts)
    assert {one.outcome for one in answers} == {DONE}
    assert all(answers[n] == answers[n % 6] for n in range(24))
    assert shop.level(sku) == (12, 0)
    assert shop.rows("SELECT count(*), sum(quantity) FROM stock_movements") == [(6, 12)]


async def test_a_count_waits_for_a_cart_and_then_sees_it(shop: Shop) -> None:
    sku = shop.new_sku(5)
    async with shop.transaction() as session:
        asked = await stock.adjust(
            session, PLACE, sku, kind=MovementKind.RECEIVED, quantity=1, reason="r", key="k", fingerprint="f"
        )
        assert asked.on_hand == 6
        late = asyncio.create_task(count(shop, sku, 9, 5))
        await shop.server.someone_waits()
    assert await late == StockUpdate(StockOutcome.STOCK_CHANGED, 6, 0)


async def test_levels_and_locations_are_told_in_the_order_they_are_asked(shop: Shop) -> None:
    sku = shop.new_sku(5)
    shop.run(
        "INSERT INTO locations (tenant_id, location_id, name, priority, address)"
        " VALUES (current_tenant(), 'lyon', 'Lyon', -1, '{}')"
    )
    await count(shop, sku, 2, 0, "lyon")
    async with shop.transaction() as session:
        assert [(one.location_id, one.on_hand) for one in await stock.levels(session, sku) or ()] == [
            ("lyon", 2), (PLACE, 5)
        ]  # fmt: skip
        assert [one.location_id for one in await stock.locations(session)] == ["lyon", PLACE]
        assert await stock.levels(session, "unheard-of") is None
    assert unstocked(shop)
    async with shop.transaction() as session:
        assert await stock.levels(session, "NEW") == []
