"""Giving back and taking, in any moment of each other: nobody waits in a circle, and no unit is counted wrongly."""

import asyncio
from collections.abc import Awaitable
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from domain.drops import Denied
from domain.pricing import CartLine
from domain.states import ReservationState
from models import drops, stock
from models.drops import Entrant
from tests.models.drops_kit import Sale, sale
from tests.models.kit import PLACE, Shop, at_once, reserve

FAR = "lyon"
RELEASED, SHIPPED = ReservationState.RELEASED, ReservationState.SHIPPED


async def move_units(session: AsyncSession, one: Sale, buyer: str, units: int, to: ReservationState) -> None:
    """A part of what their order has leaves, or is free again."""
    await stock.move_units(session, f"co_{buyer}", PLACE, {one.sku: units}, to, "test")


async def give_one(one: Sale, buyer: str) -> None:
    """One unit of their order is cancelled."""
    async with one.shop.transaction() as session:
        await move_units(session, one, buyer, 1, RELEASED)


async def ordered(one: Sale, buyer: str, units: int) -> None:
    """They have an order of so many."""
    assert await one.enter(buyer, units=units) == [None]
    await one.shop.move(f"co_{buyer}", ReservationState.ALLOCATED)


async def while_someone_waits(shop: Shop, act: Awaitable[None]) -> "asyncio.Task[None]":
    """Begun, and waiting for a lock by now."""
    begun = asyncio.ensure_future(act)
    await shop.server.someone_waits()
    return begun


async def test_the_second_of_two_units_comes_back_while_the_first_is_being_counted(shop: Shop) -> None:
    one = sale(shop, 5)
    await ordered(one, "a", 2)
    await give_one(one, "a")
    async with shop.transaction() as session:
        dropped = await drops.of_skus(session, [one.sku])
        assert await drops.enter(session, [Entrant("co_b", "b", [CartLine(one.sku, 1)])], dropped) == {}
        giving = await while_someone_waits(shop, give_one(one, "a"))
        assert await reserve(session, "co_b", (one.sku, 1))
    await giving
    await one.look()
    assert (one.counts(), shop.level(one.sku)) == ((1, 0, 0), (5, 1))


async def test_units_that_come_back_from_two_places_at_once_all_count(shop: Shop) -> None:
    one = sale(shop, 1)
    shop.run(
        "INSERT INTO locations (tenant_id, location_id, name, priority, address)"
        " VALUES (current_tenant(), :far, 'Lyon', 1, '{}')",
        "INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand) VALUES (current_tenant(), :far, :sku, 1)",
        far=FAR,
        sku=one.sku,
    )
    assert await one.enter("a", units=2) == [None]

    async def far_ones() -> None:
        async with shop.transaction() as other:
            assert await stock.move_reservations(other, "co_a", RELEASED, "test", location=FAR) == 1

    async with shop.transaction() as session:
        assert await stock.move_reservations(session, "co_a", RELEASED, "test", location=PLACE) == 1
        giving = await while_someone_waits(shop, far_ones())
    await giving
    await one.look()
    assert one.counts() == (0, 0, 0)


async def test_who_gives_back_at_two_places_locks_like_a_cart(shop: Shop) -> None:
    one, two = shop.new_sku(5), shop.new_sku(5)
    first, last = sorted((one, two))
    await shop.reserve("co_a", (first, 1), (last, 1))
    await shop.move("co_a", ReservationState.ALLOCATED)

    async def cart() -> None:
        assert await shop.reserve("co_b", (first, 1), (last, 1))

    async with shop.transaction() as session:
        await stock.lock_to_release(session, "co_a")
        await stock.move_units(session, "co_a", PLACE, {last: 1}, RELEASED, "test")
        buying = await while_someone_waits(shop, cart())
        await stock.move_units(session, "co_a", PLACE, {first: 1}, RELEASED, "test")
    await buying
    assert (shop.level(first), shop.level(last)) == ((5, 1), (5, 1))


async def test_what_left_before_the_rest_was_not_given_back(shop: Shop) -> None:
    one = sale(shop, 9, allotment=3, customer_limit=3)
    await ordered(one, "a", 3)
    async with shop.transaction() as session:
        await move_units(session, one, "a", 1, SHIPPED)
    (newcomer,) = await one.enter("b")
    assert newcomer
    assert newcomer.why is Denied.SOLD_OUT
    await give_one(one, "a")
    assert await one.enter("b") == [None]
    (again,) = await one.enter("a#2", units=2)
    assert again
    assert again.why is Denied.LIMIT
    async with shop.transaction() as session:
        await move_units(session, one, "a", 1, SHIPPED)
    assert (one.counts(), shop.level(one.sku)) == ((3, 0, 0), (7, 1))


async def test_a_crowd_that_gives_back_piece_by_piece_waits_for_nobody_in_a_circle(shop: Shop) -> None:
    one = sale(shop, 8, line_length=30)

    async def life(name: str) -> None:
        for n in range(3):
            (denial,) = await one.enter(f"{name}#{n}", units=2)
            if denial is None:
                await shop.move(f"co_{name}#{n}", ReservationState.ALLOCATED)
                await at_once([partial(give_one, one, f"{name}#{n}")] * 2)
            await one.look()

    await at_once(partial(life, f"b{n}") for n in range(12))
    assert shop.level(one.sku) == (8, 0)
    await one.look()
    taken, granted, _ = one.counts()
    assert (taken, granted % 2) == (0, 0)
