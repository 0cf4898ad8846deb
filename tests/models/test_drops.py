"""A drop at its gate: its window to the instant, its limit under concurrency, its units, and the line."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from domain.drops import Denial, Denied
from domain.pricing import CartLine
from domain.states import ReservationState
from models import drops
from models.drops import Entrant
from tests.models.drops_kit import sale
from tests.models.kit import Shop, at_once, reserve

AT = datetime(2026, 12, 24, 18, tzinfo=UTC)
WINDOW: dict[str, Any] = {"opens_at": AT, "closes_at": AT + timedelta(hours=2)}
BEFORE = timedelta(microseconds=-1)


def why(denial: Denial | None) -> Denied | None:
    """Why one was not let through."""
    return denial.why if denial else None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (AT + BEFORE, Denied.NOT_OPEN),
        (AT, None),
        (WINDOW["closes_at"] + BEFORE, None),
        (WINDOW["closes_at"], Denied.CLOSED),
    ],
)
async def test_the_first_instant_belongs_to_it_and_the_last_does_not(
    shop: Shop, at: datetime, expected: Denied | None
) -> None:
    (denial,) = await sale(shop, **WINDOW).enter("ada", at=at)
    assert why(denial) is expected
    if denial and expected is Denied.NOT_OPEN:
        assert denial.opens_at == AT


async def test_time_is_the_databases_clock(shop: Shop) -> None:
    one = sale(shop)
    async with shop.transaction() as session:
        for name, window, expected in (
            ("co_1", "opens_at = now()", None),
            ("co_2", "opens_at = now() - interval '1 hour', closes_at = now()", Denied.CLOSED),
        ):
            await session.execute(sa.text(f"UPDATE drops SET {window}"))
            entrants = [Entrant(name, "ada", [CartLine(one.sku, 1)])]
            denied = await drops.enter(session, entrants, await drops.of_skus(session, [one.sku]))
            assert why(denied.get(name)) is expected


@pytest.mark.parametrize(
    ("who", "seconds"),
    [
        ({}, 0),
        ({"tier": "gold"}, 3600),
        ({"tier": "silver"}, 0),
        ({"early_seconds": 600}, 600),
        ({"tier": "gold", "early_seconds": 600}, 3600),
        ({"tier": "gold", "early_seconds": 7200}, 7200),
    ],
)
async def test_early_access_is_the_better_of_tier_and_standing(shop: Shop, who: dict[str, Any], seconds: int) -> None:
    one, opens = sale(shop, **WINDOW, early_access={"gold": 3600}), AT - timedelta(seconds=seconds)
    (early,) = await one.enter("ada", at=opens + BEFORE, **who)
    assert early
    assert (early.why, early.opens_at) == (Denied.NOT_OPEN, opens)
    assert await one.enter("ada", at=opens, **who) == [None]


async def test_it_may_ask_for_an_entitlement(shop: Shop) -> None:
    one = sale(shop, entitlement="atelier")
    assert [why(denial) for denial in await one.enter("ada")] == [Denied.NOT_ENTITLED]
    assert [why(d) for d in await one.enter("ada", entitlements=frozenset({"salon"}))] == [Denied.NOT_ENTITLED]
    assert await one.enter("ada", entitlements=frozenset({"atelier"})) == [None]


async def test_a_customer_who_sends_twenty_at_once_gets_what_the_limit_says(shop: Shop) -> None:
    one = sale(shop, 100, customer_limit=3)
    answers = await at_once(partial(one.enter, f"ada#{n}") for n in range(20))
    assert sorted(str(why(denial)) for (denial,) in answers) == ["None"] * 3 + ["limit"] * 17
    assert shop.level(one.sku) == (100, 3)
    assert await one.enter("bea") == [None]


async def test_the_limit_counts_all_skus_of_the_drop_and_what_is_given_back_no_more(shop: Shop) -> None:
    other = shop.new_sku(10)
    one = sale(shop, skus=[other], customer_limit=2)
    async with shop.transaction() as session:
        lines = [CartLine(one.sku, 2), CartLine(other, 1)]
        dropped = await drops.of_skus(session, [one.sku, other])
        denied = await drops.enter(session, [Entrant("co_many", "ada", lines)], dropped)
    assert [denial.why for denial in denied.values()] == [Denied.LIMIT]
    assert await one.enter("ada#1", units=2) == [None]
    assert [why(denial) for denial in await one.enter("ada#2")] == [Denied.LIMIT]
    await one.give_back("ada#1")
    assert await one.enter("ada#3", units=2) == [None]


async def test_a_crowd_takes_exactly_the_allotment(shop: Shop) -> None:
    one = sale(shop, 50, allotment=12, line_length=5)
    answers = [denial for each in await at_once(partial(one.enter, f"b{n}") for n in range(40)) for denial in each]
    assert answers.count(None) == 12
    assert one.counts() == (12, 0, 5)
    assert shop.level(one.sku) == (50, 12)
    refused = [denial for denial in answers if denial]
    assert {denial.why for denial in refused} == {Denied.SOLD_OUT}
    assert sorted(denial.position or 0 for denial in refused if denial.ticket) == [1, 2, 3, 4, 5]
    assert sum(denial.ticket is None for denial in refused) == 23


async def test_one_batch_is_let_through_in_order_of_arrival(shop: Shop) -> None:
    one = sale(shop, 3, line_length=1)
    answers = await one.enter(*"abcdef")
    assert answers[:3] == [None] * 3
    assert [denial and denial.position for denial in answers[3:]] == [1, None, None]


async def test_a_repeat_keeps_its_place(shop: Shop) -> None:
    one = sale(shop, 1, line_length=5)
    await one.enter(*"abc")
    again = await one.enter("b", "c#2", "d")
    assert [denial and denial.position for denial in again] == [1, 2, 3]
    assert one.line() == [("b", "waiting"), ("c", "waiting"), ("d", "waiting")]


async def test_what_is_given_back_is_kept_for_the_first_in_line(shop: Shop) -> None:
    one = sale(shop, 2, line_length=5)
    await one.enter(*"abcd")
    await one.give_back("a")
    (newcomer,) = await one.enter("e")
    assert newcomer
    assert (newcomer.why, newcomer.position) == (Denied.SOLD_OUT, 2)
    assert one.line() == [("c", "granted"), ("d", "waiting"), ("e", "waiting")]
    assert one.counts() == (1, 1, 2)
    assert await one.enter("c") == [None]
    assert (one.counts(), shop.level(one.sku)) == ((2, 0, 2), (2, 2))
    assert one.line()[0] == ("c", "used")
    told = shop.rows("SELECT checkout_id, type FROM events WHERE checkout_id = 'co_c' ORDER BY event_id")
    assert told == [("co_c", "drop.place_taken"), ("co_c", "drop.place_granted")]


async def test_a_grant_that_is_not_used_in_time_passes_on(shop: Shop) -> None:
    one = sale(
        shop, 1, line_length=5, grant_seconds=60, opens_at=AT - timedelta(days=1), closes_at=AT + timedelta(days=1)
    )
    await one.enter(*"abc", at=AT)
    await one.give_back("a")
    assert await one.look(AT) == 60
    assert await one.look(AT + timedelta(seconds=20)) == 40
    late = AT + timedelta(seconds=60)
    assert await one.look(late + BEFORE) == pytest.approx(0.000001)
    assert one.line() == [("b", "granted"), ("c", "waiting")]
    assert await one.look(late) == 60
    assert one.line() == [("b", "lapsed"), ("c", "granted")]
    (again,) = await one.enter("b", at=late)
    assert again
    assert again.position == 1
    assert await one.enter("c", at=late) == [None]


async def test_the_line_ends_with_the_sale(shop: Shop) -> None:
    one = sale(shop, 1, line_length=5, **WINDOW)
    await one.enter(*"abc", at=AT)
    await one.give_back("a")
    assert await one.look(AT) == 300
    assert await one.look(WINDOW["closes_at"]) is None
    assert (one.line(), one.counts()) == ([("b", "left"), ("c", "left")], (0, 0, 0))
    assert [why(denial) for denial in await one.enter("b", at=WINDOW["closes_at"])] == [Denied.CLOSED]


async def test_no_unit_lies_idle_behind_one_who_wants_more(shop: Shop) -> None:
    one = sale(shop, 3, line_length=5)
    await one.enter(*"abc")
    await one.enter("greedy", units=3)
    await one.enter("modest")
    await one.give_back("b")
    await one.look()
    assert one.line() == [("greedy", "waiting"), ("modest", "granted")]
    (more,) = await one.enter("modest", units=2)
    assert more
    assert (more.why, more.position) == (Denied.SOLD_OUT, 0)


async def test_nobody_waits_for_more_than_there_ever_was(shop: Shop) -> None:
    one = sale(shop, 3, line_length=5)
    assert [denial and denial.ticket for denial in await one.enter("greedy", units=4)] == [None]
    assert one.line() == []


async def test_a_cart_that_goes_no_further_takes_nothing(shop: Shop) -> None:
    one = sale(shop, 1, line_length=5)
    await one.enter(*"ab")
    await one.give_back("a")
    await one.look()
    async with shop.transaction() as session:
        entrants = [Entrant("co_b", "b", [CartLine(one.sku, 1)])]
        assert await drops.enter(session, entrants, await drops.of_skus(session, [one.sku])) == {}
        await drops.leave(session, ["co_b"])
    assert (one.line(), one.counts()) == ([("b", "granted")], (0, 1, 0))
    assert shop.rows("SELECT count(*) FROM drop_claims WHERE checkout_id = 'co_b'") == [(0,)]


async def test_giving_back_and_taking_never_wait_for_each_other(shop: Shop) -> None:
    one = sale(shop, 5, line_length=50)

    async def life(name: str) -> None:
        for n in range(5):
            (denial,) = await one.enter(f"{name}#{n}")
            if denial is None:
                await one.give_back(f"{name}#{n}")
            await one.look()

    await at_once(partial(life, f"b{n}") for n in range(20))
    taken, granted, _ = one.counts()
    assert taken + granted <= 5
    assert shop.level(one.sku) == (5, 0)


async def test_an_order_that_is_cancelled_gives_its_unit_back(shop: Shop) -> None:
    one = sale(shop, 1, line_length=5)
    await one.enter(*"ab")
    assert await shop.move("co_a", ReservationState.ALLOCATED) == 1
    await one.look()
    assert one.counts() == (1, 0, 1)
    await one.give_back("a")
    await one.look()
    assert one.line() == [("b", "granted")]


async def test_what_is_in_no_drop_is_nobodys_business(shop: Shop) -> None:
    plain = shop.new_sku(1)
    async with shop.transaction() as session:
        assert await drops.of_skus(session, [plain]) == {}
        assert await drops.enter(session, [Entrant("co_1", "ada", [CartLine(plain, 9)])], {}) == {}
        assert await reserve(session, "co_1", (plain, 1))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("UPDATE drop_skus SET taken = 6", "23514/ck_drop_skus_not_oversold"),
        ("UPDATE drop_skus SET taken = -1", "23514/ck_drop_skus_units"),
        ("UPDATE drops SET closes_at = opens_at", "23514/ck_drops_window"),
        ("UPDATE drop_claims SET live = 2", "23514/ck_drop_claims_live"),
        ("UPDATE drop_tickets SET state = 'used'", "23514/legal_move"),
    ],
)
async def test_the_database_refuses_what_cannot_be(shop: Shop, wrong: str, complaint: str) -> None:
    one = sale(shop, 5, allotment=1, line_length=5)
    await one.enter(*"ab")
    assert shop.refusal(wrong) == complaint


async def test_a_line_sleeps_until_a_day_before_anybody_may_buy(shop: Shop) -> None:
    one = sale(shop, line_length=5, early_access={"gold": 3600}, **WINDOW)
    assert await one.look(AT - timedelta(days=3)) == timedelta(days=2, hours=-1).total_seconds()
    assert await one.look(AT - timedelta(hours=1)) == 300
