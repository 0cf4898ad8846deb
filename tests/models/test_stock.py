"""A unit is never sold twice: crowds at the last pieces, carts that cross, repeats, and what has ended."""

import asyncio
from collections import Counter
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from domain.states import ReservationState
from models import stock
from models.base import RowMissing
from tests.models.kit import PLACE, Shop, at_once, complaint, reserve

ALLOCATED, SHIPPED, RELEASED = ReservationState.ALLOCATED, ReservationState.SHIPPED, ReservationState.RELEASED


def movements(shop: Shop, sku: str) -> Counter[str]:
    """How many units moved, by kind."""
    rows = shop.rows(
        "SELECT kind, sum(quantity)::int AS units FROM stock_movements WHERE sku = :s GROUP BY kind", s=sku
    )
    return Counter({row.kind: row.units for row in rows})


async def test_forty_carts_want_ten_units_and_ten_get_one(shop: Shop) -> None:
    sku = shop.new_sku(10)
    start = asyncio.Barrier(40)

    async def grab(n: int) -> tuple[str | None, int]:
        async with shop.transaction() as session:
            connection = int(await session.scalar(sa.text("SELECT pg_backend_pid()")) or 0)
            await start.wait()
            return await reserve(session, f"co_{n}", (sku, 1)), connection

    answers = await asyncio.gather(*(grab(n) for n in range(40)))
    assert len({connection for _, connection in answers}) == 40
    assert Counter(place for place, _ in answers) == {PLACE: 10, None: 30}
    assert shop.level(sku) == (10, 10)
    assert movements(shop, sku) == {"received": 10, "reserved": 10}
    assert shop.rows("SELECT count(*), sum(quantity) FROM reservations") == [(10, 10)]


async def test_carts_that_cross_never_wait_for_each_other(shop: Shop) -> None:
    first, second = shop.new_sku(100), shop.new_sku(100)

    async def life(n: int) -> int:
        lines = ((first, 1), (second, 1))
        assert await shop.reserve(f"co_{n}", *(lines if n % 2 else reversed(lines))) == PLACE
        return await shop.move(f"co_{n}", RELEASED)

    assert await at_once(partial(life, n) for n in range(40)) == [2] * 40
    assert shop.level(first) == shop.level(second) == (100, 0)


@pytest.mark.parametrize("act", ["reserve", "release"])
async def test_rows_are_locked_in_sku_order_whatever_the_carts(shop: Shop, act: str) -> None:
    high, low = shop.new_sku(named="Z"), shop.new_sku(named="A")
    backwards = ((high, 1), (low, 1))
    if act == "release":
        await shop.reserve("co_1", *backwards)
    with shop.server.connect(tenant=shop.tenant) as holder:
        holder.execute(sa.text("SELECT 1 FROM stock_levels WHERE sku = :s FOR UPDATE"), {"s": low})
        waiting: asyncio.Task[object] = asyncio.create_task(
            shop.move("co_1", RELEASED) if act == "release" else shop.reserve("co_1", *backwards)
        )
        await shop.server.someone_waits()
        assert shop.rows("SELECT sku FROM stock_levels FOR UPDATE SKIP LOCKED") == [(high,)]
    assert await waiting in (PLACE, 2)


async def test_all_lines_or_none(shop: Shop) -> None:
    plenty, scarce = shop.new_sku(10), shop.new_sku(1)
    assert await shop.reserve("co_1", (plenty, 2), (scarce, 2)) is None
    assert await shop.reserve("co_2", (plenty, 2), ("unheard-of", 1)) is None
    assert (shop.level(plenty), shop.level(scarce)) == ((10, 0), (1, 0))
    assert shop.rows("SELECT 1 FROM reservations") == []
    assert movements(shop, plenty) == {"received": 10}


async def test_a_cart_of_both_waits_for_the_last_piece_and_takes_nothing(shop: Shop) -> None:
    """The second cart sees enough, waits for the row, and must look again when it gets it."""
    plenty, last = shop.new_sku(10, named="A"), shop.new_sku(1, named="B")
    async with shop.transaction() as session:
        assert await reserve(session, "co_1", (last, 1)) == PLACE
        late = asyncio.create_task(shop.reserve("co_2", (plenty, 1), (last, 1)))
        await shop.server.someone_waits()
    assert await late is None
    assert (shop.level(plenty), shop.level(last)) == ((10, 0), (1, 1))


async def test_a_repeat_changes_nothing(shop: Shop) -> None:
    sku = shop.new_sku(3)
    assert await shop.reserve("co_1", (sku, 2)) == await shop.reserve("co_1", (sku, 2)) == PLACE
    assert shop.level(sku) == (3, 2)
    assert movements(shop, sku)["reserved"] == 2


async def test_repeats_in_the_same_moment_hold_once(shop: Shop) -> None:
    sku = shop.new_sku(30)

    async def attempt() -> object:
        try:
            return await shop.reserve("co_1", (sku, 3))
        except DBAPIError as error:
            return complaint(error)

    answers = await at_once([attempt] * 8)
    assert PLACE in answers
    assert set(answers) <= {PLACE, ("23505", "pk_reservations")}
    assert shop.level(sku) == (30, 3)
    assert movements(shop, sku)["reserved"] == 3


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ([RELEASED], (5, 0)),
        ([ALLOCATED], (5, 2)),
        ([ALLOCATED, RELEASED], (5, 0)),
        ([ALLOCATED, SHIPPED], (3, 0)),
    ],
)
async def test_a_move_and_its_repeats_count_once(
    shop: Shop, path: list[ReservationState], left: tuple[int, int]
) -> None:
    sku = shop.new_sku(5)
    await shop.reserve("co_1", (sku, 2))
    for to in path:
        assert sorted(await at_once([partial(shop.move, "co_1", to)] * 6)) == [0, 0, 0, 0, 0, 1]
        assert await shop.move("co_1", to) == 0
        assert movements(shop, sku)[to] == 2
    assert shop.level(sku) == left


async def test_what_ended_stays_ended(shop: Shop) -> None:
    sku = shop.new_sku(5)
    await shop.reserve("co_1", (sku, 2))
    await shop.move("co_1", RELEASED)
    await shop.reserve("co_1", (sku, 2))
    assert [await shop.move("co_1", to) for to in (ALLOCATED, SHIPPED, RELEASED)] == [0, 0, 0]
    with pytest.raises(RowMissing, match="holds no stock"):
        async with shop.transaction() as session:
            await stock.allocate(session, "co_1")
    assert shop.level(sku) == (5, 0)


async def test_held_stock_cannot_ship_before_it_is_an_orders(shop: Shop) -> None:
    sku = shop.new_sku(5)
    await shop.reserve("co_1", (sku, 2))
    assert await shop.move("co_1", SHIPPED) == 0
    assert shop.level(sku) == (5, 2)
