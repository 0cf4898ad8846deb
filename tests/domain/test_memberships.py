"""A membership's calendar, what is left of a period, and what several memberships give together."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.memberships import NOBODY, Benefits, Interval, Standing, combined, period_start, unused_minor

ANCHORS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
BENEFITS = st.builds(
    Benefits,
    tier=st.sampled_from(("gold", "silver")),
    rank=st.integers(0, 3),
    price_tier=st.none() | st.sampled_from(("vip", "staff")),
    entitlements=st.lists(st.sampled_from(("archive", "atelier", "drops"))).map(tuple),
    free_shipping=st.booleans(),
    early_access_seconds=st.integers(0, 86_400),
    purchase_limit=st.none() | st.integers(0, 9),
)


def starts(anchor: datetime, interval: Interval, count: int) -> list[str]:
    return [f"{period_start(anchor, interval, number):%Y-%m-%d}" for number in range(count)]


def test_who_joined_on_31_january_renews_on_the_last_day_of_short_months_and_on_the_31st_of_long_ones() -> None:
    joined = datetime(2027, 1, 31, 12, tzinfo=UTC)
    assert starts(joined, Interval.MONTH, 5) == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]


def test_who_joined_on_a_leap_day_renews_on_28_february_until_the_next_leap_year() -> None:
    joined = datetime(2028, 2, 29, tzinfo=UTC)
    assert starts(joined, Interval.YEAR, 5) == ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


@given(ANCHORS, st.sampled_from(Interval))
def test_periods_follow_one_another_without_gap_or_drift(anchor: datetime, interval: Interval) -> None:
    months = 12 if interval is Interval.YEAR else 1
    begun = [period_start(anchor, interval, number) for number in range(40)]
    assert begun[0] == anchor
    for number, (one, following) in enumerate(pairwise(begun)):
        assert one < following
        counted = (following.year - anchor.year) * 12 + following.month - anchor.month
        assert counted == (number + 1) * months  # never a month skipped, never one twice
        assert following.time() == anchor.time()
        last_of_month = (following + timedelta(days=1)).month != following.month
        assert following.day == anchor.day or (following.day < anchor.day and last_of_month)


@given(ANCHORS, st.sampled_from(Interval), st.integers(0, 10**9), st.integers(-10, 400))
def test_what_is_left_of_a_period_is_between_nothing_and_all_and_shrinks(
    anchor: datetime, interval: Interval, amount: int, day: int
) -> None:
    ends = period_start(anchor, interval, 1)
    now = anchor + timedelta(days=day)
    left = unused_minor(amount, anchor, ends, now)
    assert 0 <= unused_minor(amount, anchor, ends, now + timedelta(hours=1)) <= left <= amount
    assert (left == amount) or now > anchor
    assert left == 0 or now < ends


def test_half_a_period_is_half_its_price() -> None:
    begun = datetime(2027, 6, 1, tzinfo=UTC)
    assert unused_minor(999, begun, begun + timedelta(days=30), begun + timedelta(days=15)) == pytest.approx(
        499.5, abs=0.5
    )


def test_who_has_no_membership_is_nobody() -> None:
    assert combined([]) == NOBODY


@given(st.lists(BENEFITS, min_size=1, max_size=4))
def test_several_memberships_give_the_best_of_each_whatever_their_order(held: list[Benefits]) -> None:
    together = combined(held)
    assert {combined(order) for order in permutations(held)} == {together}
    for one in held:
        assert together.entitlements >= frozenset(one.entitlements)
        assert together.early_access_seconds >= one.early_access_seconds
        assert together.free_shipping or not one.free_shipping
        if together.purchase_limit is not None:
            assert one.purchase_limit is not None
            assert one.purchase_limit <= together.purchase_limit
    assert together.tier in {one.tier for one in held if one.rank == max(other.rank for other in held)}


def test_the_highest_tier_that_names_prices_names_the_customers_prices() -> None:
    gold = Benefits("gold", 2, None, ("archive",), True, 60, None)
    silver = Benefits("silver", 1, "vip", ("drops",), False, 90, 2)
    assert combined([silver, gold]) == Standing("gold", "vip", frozenset({"archive", "drops"}), True, 90, None)
