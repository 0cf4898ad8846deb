"""Other people's units: a parcel is never declared lighter or smaller than it is, and never by much heavier."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.measures import GRAMS_AN_OUNCE, MILLIMETRES_AN_INCH, centimetres, inches, ounces
from domain.money import UnknownCurrency, exponent, minor_units


@given(st.integers(1, 100_000))
def test_ounces_are_enough_and_hardly_more(grams: int) -> None:
    declared = ounces(grams) * GRAMS_AN_OUNCE
    assert grams <= declared < grams + GRAMS_AN_OUNCE / 10


@given(st.integers(1, 10_000))
def test_lengths_are_enough_and_hardly_more(millimetres: int) -> None:
    declared = inches(millimetres) * MILLIMETRES_AN_INCH
    assert millimetres <= declared < millimetres + MILLIMETRES_AN_INCH / 10
    assert centimetres(millimetres) * 10 == millimetres


def test_a_pound_is_sixteen_ounces_and_a_foot_twelve_inches() -> None:
    assert ounces(454) == Decimal("16.1")
    assert ounces(453) == Decimal("16.0")
    assert inches(305) == Decimal("12.1")
    assert inches(304) == Decimal("12.0")


@given(st.integers(0, 10**9), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_an_amount_is_read_exactly(minor: int, currency: str) -> None:
    digits = exponent(currency)
    assert minor_units(f"{Decimal(minor).scaleb(-digits):f}", currency) == minor
    assert minor_units(f"{Decimal(minor).scaleb(-digits):f}" + ("000" if digits else ""), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("3.995", "EUR"), ("1.5", "JPY"), ("", "EUR"), ("NaN", "EUR"), ("Infinity", "EUR"), ("twelve", "EUR"),
        ("9" * 20, "EUR"), ("1e30", "EUR"),
    ],
)  # fmt: skip
def test_what_is_no_whole_number_of_minor_units_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match="minor units"):
        minor_units(amount, currency)


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        minor_units("1.00", "XXX")
