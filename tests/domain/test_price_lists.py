"""Price lists: the highest priority wins, then the lower price, then the list's id; whatever order they come in."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.price_lists import Asking, ListedPrice, ListTerms, resolve

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

times = st.none() | st.sampled_from([NOON - HOUR, NOON, NOON + HOUR])
terms = st.builds(
    ListTerms,
    list_id=st.sampled_from(["default", "a", "B", "b-2", "é"]),
    priority=st.integers(0, 3),
    countries=st.frozensets(st.sampled_from(["FR", "US"]), max_size=2),
    price_tier=st.sampled_from([None, "gold", "silver"]),
    starts_at=times,
    ends_at=times,
    active=st.booleans(),
)
prices = st.builds(ListedPrice, terms, st.sampled_from(["EUR", "USD"]), st.integers(0, 3))
askings = st.builds(
    Asking, st.sampled_from(["EUR", "USD"]), st.sampled_from(["FR", "US", "JP"]), st.sampled_from([None, "gold"]),
    st.just(NOON),
)  # fmt: skip


@given(st.lists(prices, unique_by=lambda one: (one.terms.list_id, one.currency)), askings, st.randoms())
def test_the_order_of_prices_does_not_matter(found: list[ListedPrice], asking: Asking, chance: Random) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert resolve(shuffled, asking) == resolve(found, asking)


@given(st.lists(prices, unique_by=lambda one: (one.terms.list_id, one.currency)), askings)
def test_no_price_that_is_for_them_ranks_above_the_one_they_get(found: list[ListedPrice], asking: Asking) -> None:
    won = resolve(found, asking)
    fit = [one for one in found if one.currency == asking.currency and one.terms.holds(asking)]
    assert (won is None) == (not fit)
    for one in fit:
        assert won is not None
        assert one.terms.priority <= won.terms.priority
        assert one.terms.priority < won.terms.priority or one.amount_minor >= won.amount_minor


@pytest.mark.parametrize(
    ("list_terms", "holds"),
    [
        (ListTerms("a", 1), True),
        (ListTerms("a", 1, active=False), False),
        (ListTerms("a", 1, countries=frozenset({"US"})), False),
        (ListTerms("a", 1, countries=frozenset({"US", "FR"})), True),
        (ListTerms("a", 1, price_tier="gold"), False),
        (ListTerms("a", 1, starts_at=NOON), True),
        (ListTerms("a", 1, starts_at=NOON + HOUR), False),
        (ListTerms("a", 1, ends_at=NOON), False),
        (ListTerms("a", 1, ends_at=NOON + HOUR), True),
    ],
)
def test_a_list_is_for_its_market_tier_and_time(list_terms: ListTerms, holds: bool) -> None:
    assert list_terms.holds(Asking("EUR", "FR", None, NOON)) is holds


def test_a_member_pays_the_price_of_their_tier_and_nobody_else_does() -> None:
    plain = ListedPrice(ListTerms("default", 0), "EUR", 100)
    gold = ListedPrice(ListTerms("gold", 10, price_tier="gold"), "EUR", 80)
    assert resolve([plain, gold], Asking("EUR", "FR", "gold", NOON)) == gold
    assert resolve([plain, gold], Asking("EUR", "FR", None, NOON)) == plain
