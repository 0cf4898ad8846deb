"""Money: splitting keeps every minor unit and is fair to within one, rounding is exact, exponents are ISO 4217's."""

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import MAX_MINOR, Money, UnknownCurrency, allocate, exponent, round_half_up

totals = st.integers(0, MAX_MINOR)
weights = st.lists(st.integers(0, MAX_MINOR), min_size=1, max_size=30)


@given(totals, weights)
def test_no_minor_unit_is_lost_or_invented(total: int, shares: list[int]) -> None:
    parts = allocate(total, shares)
    assert sum(parts) == total
    assert len(parts) == len(shares)
    assert min(parts) >= 0


@given(totals, weights.filter(any))
def test_every_share_is_fair_to_within_one(total: int, shares: list[int]) -> None:
    for part, weight in zip(allocate(total, shares), shares, strict=True):
        assert abs(part - Fraction(total * weight, sum(shares))) < 1


@given(totals, weights.filter(any))
def test_what_weighs_nothing_gets_nothing(total: int, shares: list[int]) -> None:
    for part, weight in zip(allocate(total, shares), shares, strict=True):
        assert weight or part == 0


@given(totals, weights.filter(any))
def test_who_weighs_more_never_gets_less(total: int, shares: list[int]) -> None:
    pairs = sorted(zip(shares, allocate(total, shares), strict=True), key=lambda pair: pair[0])
    for (light, less), (heavy, more) in pairwise(pairs):
        assert less <= more or light == heavy


@given(totals, st.integers(1, 30))
def test_without_any_weight_all_are_equal(total: int, places: int) -> None:
    parts = allocate(total, [0] * places)
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1
    assert list(parts) == sorted(parts, reverse=True)  # what is left over goes to the earlier places


@given(totals, weights, st.integers(1, 1000))
def test_only_the_proportion_counts(total: int, shares: list[int], factor: int) -> None:
    assert allocate(total, shares) == allocate(total, [share * factor for share in shares])


@pytest.mark.parametrize(
    ("total", "shares", "parts"),
    [
        (100, [1, 1, 1], (34, 33, 33)),
        (1, [1, 1], (1, 0)),
        (0, [3, 4], (0, 0)),
        (10, [0, 0, 7], (0, 0, 10)),
        (5, [3, 7], (2, 3)),  # exactly 1.5 and 3.5: the earlier place has the odd unit
    ],
)
def test_splits_that_can_be_done_in_the_head(total: int, shares: list[int], parts: tuple[int, ...]) -> None:
    assert allocate(total, shares) == parts


@pytest.mark.parametrize(("total", "shares"), [(1, []), (-1, [1]), (1, [2, -1])])
def test_a_split_that_has_no_meaning_is_refused(total: int, shares: list[int]) -> None:
    with pytest.raises(ValueError, match="allocate needs"):
        allocate(total, shares)


@given(st.integers(-(10**15), 10**15), st.integers(0, 6))
def test_rounding_is_half_away_from_zero(digits: int, places: int) -> None:
    exact = Fraction(digits, 10**places)
    rounded = round_half_up(Decimal(digits).scaleb(-places))
    away = abs(exact) + Fraction(1, 2)
    assert abs(rounded) == away.numerator // away.denominator
    assert rounded == 0 or (rounded > 0) == (digits > 0)


@pytest.mark.parametrize(("code", "digits"), [("EUR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("BHD", 3)])
def test_exponents(code: str, digits: int) -> None:
    assert exponent(code) == digits


@pytest.mark.parametrize("code", ["EU", "EURO", "ZZZ", "XAU", "XXX", "XDR", "€"])
def test_what_has_no_minor_units_is_no_currency_of_ours(code: str) -> None:
    with pytest.raises(UnknownCurrency, match=code):
        exponent(code)


@given(st.text(max_size=5))
def test_any_text_has_an_exponent_or_is_unknown(code: str) -> None:
    with suppress(UnknownCurrency):  # and nothing else is raised
        assert exponent(code) in range(5)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Money(125_000, "EUR"), "€1,250.00"),
        (Money(500, "JPY"), "¥500"),
        (Money(1250, "KWD"), "KWD1.250"),
        (Money(1, "USD"), "$0.01"),
        (Money(0, "EUR"), "€0.00"),
        (Money(-5, "EUR"), "-€0.05"),
    ],
)
def test_as_people_read_it(amount: Money, text: str) -> None:
    assert str(amount) == text


@given(totals, st.sampled_from(["EUR", "JPY", "KWD"]))
def test_what_people_read_is_the_exact_amount(minor: int, code: str) -> None:
    digits = "".join(sign for sign in str(Money(minor, code)) if sign.isdigit())
    assert int(digits) == minor
