"""Promotion codes: what is taken off is taken off lines to the last minor unit, never below zero, in a fixed order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import exponent
from domain.pricing import MAX_QUANTITY, Cart, CartLine, PriceBook, PricedVariant, quote
from domain.promotions import Discounts, Goods, Promotion, PromotionKind, canonical, discount
from domain.refusals import RefusalCode, Refused
from domain.shipping_methods import RateBand, ShippingMethod
from domain.tax import Destination, TaxRate, TaxTable

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SKUS = ("A", "B", "C", "D")
CURRENCIES = ("JPY", "EUR", "KWD")

carts = st.lists(
    st.builds(Goods, st.sampled_from(SKUS), st.sampled_from([None, "p1", "p2"]), st.integers(0, 10**9)),
    min_size=1, max_size=4, unique_by=lambda line: line.sku,
).filter(lambda goods: any(line.amount_minor for line in goods))  # fmt: skip


def percent(code: str, points: int, **more: object) -> Promotion:
    return replace(Promotion(code, PromotionKind.PERCENT, basis_points=points, stackable=True), **more)  # type: ignore[arg-type]


def fixed(code: str, amount: int, currency: str = "EUR", **more: object) -> Promotion:
    made = Promotion(code, PromotionKind.FIXED, amount_minor=amount, currency=currency, stackable=True)
    return replace(made, **more)  # type: ignore[arg-type]


chosen = st.frozensets(st.sampled_from(SKUS), max_size=2)
promotions = st.lists(
    st.one_of(
        st.builds(lambda code, points, skus: percent(code, points, skus=skus), st.sampled_from(["P1", "P2", "P3"]),
                  st.integers(1, 10_000), chosen),
        st.builds(lambda code, amount, skus: fixed(code, amount, skus=skus), st.sampled_from(["F1", "F2", "F3"]),
                  st.integers(1, 10**9), chosen),
    ),
    max_size=4, unique_by=lambda one: one.code,
)  # fmt: skip


def taken(codes: Sequence[Promotion], goods: Sequence[Goods], currency: str = "EUR") -> Discounts:
    return discount({one.code: one for one in codes}, [one.code for one in codes], goods, currency, NOON)


def refusal(codes: Sequence[Promotion], goods: Sequence[Goods]) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        taken(codes, goods)
    return caught.value.refusal.code


def meant(codes: list[Promotion], goods: list[Goods]) -> list[Promotion]:
    """Those that are for something in the cart."""
    return [one for one in codes if not one.skus or one.skus & {line.sku for line in goods}]


@given(promotions, carts)
def test_what_the_codes_take_off_is_what_comes_off_the_lines(codes: list[Promotion], goods: list[Goods]) -> None:
    off = taken(meant(codes, goods), goods)
    assert sum(off.lines) == sum(one.discount_minor for one in off.applied)
    for share, line in zip(off.lines, goods, strict=True):
        assert 0 <= share <= line.amount_minor


@given(promotions, carts, st.randoms())
def test_codes_work_in_their_own_order_not_in_the_shoppers(
    codes: list[Promotion], goods: list[Goods], chance: Random
) -> None:
    typed = meant(codes, goods)
    shuffled = list(typed)
    chance.shuffle(shuffled)
    assert taken(shuffled, goods) == taken(typed, goods)


@given(st.integers(1, 10_000), carts)
def test_a_percentage_is_rounded_once_and_half_up(points: int, goods: list[Goods]) -> None:
    whole = sum(line.amount_minor for line in goods)
    assert sum(taken([percent("P", points)], goods).lines) == int(Fraction(whole * points, 10_000) + Fraction(1, 2))


@given(st.integers(1, 2 * 10**9), carts)
def test_an_amount_comes_off_until_nothing_is_left(amount: int, goods: list[Goods]) -> None:
    assert sum(taken([fixed("F", amount)], goods).lines) == min(amount, sum(line.amount_minor for line in goods))


@given(
    promotions, st.sampled_from(CURRENCIES), st.lists(st.integers(0, 10**7), min_size=4, max_size=4),
    st.lists(st.builds(CartLine, st.sampled_from(SKUS), st.integers(1, MAX_QUANTITY)), min_size=1, max_size=6),
    st.integers(0, 5000), st.booleans(),
)  # fmt: skip
def test_a_quote_with_codes_adds_up_in_currencies_of_any_exponent(
    codes: list[Promotion], currency: str, units: list[int], lines: list[CartLine], rate: int, included: bool
) -> None:
    """Discounts, tax and total agree line by line and in sum, and nothing is below zero."""
    assert exponent(currency) == {"JPY": 0, "EUR": 2, "KWD": 3}[currency]
    held = [
        replace(one, currency=currency if one.kind is PromotionKind.FIXED else None)
        for one in codes
        if not one.skus or one.skus & {line.sku for line in lines}
    ]
    book = PriceBook(
        currency=currency,
        variants={sku: PricedVariant(sku, sku, 100, unit) for sku, unit in zip(SKUS, units, strict=True)},
        tax=TaxTable((TaxRate("FR", rate, included),)),
        shipping=(ShippingMethod("standard", "Standard", (RateBand(500),)),),
        promotions={one.code: one for one in held},
        free_shipping=False,
        at=NOON,
    )
    made = quote(book, Cart(tuple(lines), currency, Destination("FR"), "standard", codes=tuple(book.promotions)))
    assert made.discount_minor == sum(line.discount_minor for line in made.lines)
    assert made.discount_minor == sum(one.discount_minor for one in made.promotions)
    for line in made.lines:
        shown = line.gross_minor if included else line.net_minor
        assert shown == line.unit_minor * line.quantity - line.discount_minor
        assert line.net_minor + line.tax_minor == line.gross_minor
        assert min(line.net_minor, line.tax_minor, line.discount_minor) >= 0
    assert made.total_minor == sum(line.gross_minor for line in made.lines) + made.shipping_minor
    assert made.tax_minor == sum(line.tax_minor for line in made.lines) + made.shipping_tax_minor


GOODS = (Goods("A", "p1", 1000), Goods("B", None, 500))


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        (percent("P", 1000, active=False), RefusalCode.PROMOTION_UNKNOWN),
        (percent("P", 1000, starts_at=NOON + timedelta(seconds=1)), RefusalCode.PROMOTION_UNKNOWN),
        (percent("P", 1000, ends_at=NOON), RefusalCode.PROMOTION_EXPIRED),
        (percent("P", 1000, uses_left=0), RefusalCode.PROMOTION_EXHAUSTED),
        (percent("P", 1000, own_uses_left=0), RefusalCode.PROMOTION_ALREADY_USED),
        (percent("P", 1000, first_order_only=True, first_order=False), RefusalCode.PROMOTION_NOT_APPLICABLE),
        (percent("P", 1000, skus=frozenset({"Z"})), RefusalCode.PROMOTION_NOT_APPLICABLE),
        (percent("P", 1000, products=frozenset({"p2"})), RefusalCode.PROMOTION_NOT_APPLICABLE),
        (fixed("F", 100, "USD"), RefusalCode.PROMOTION_NOT_APPLICABLE),
        (percent("P", 1000, currency="EUR", minimum_minor=1501), RefusalCode.PROMOTION_MINIMUM_NOT_MET),
        (
            percent("P", 1000, currency="EUR", minimum_minor=501, skus=frozenset({"B"})),
            RefusalCode.PROMOTION_MINIMUM_NOT_MET,
        ),
    ],
)
def test_every_refusal_has_its_code(code: Promotion, refused: RefusalCode) -> None:
    assert refusal([code], GOODS) is refused


def test_a_code_that_does_not_exist_is_answered_as_one_that_is_switched_off() -> None:
    told = []
    for known in ({}, {"P": percent("P", 1000, active=False)}, {"P": percent("P", 1, starts_at=NOON + timedelta(1))}):
        with pytest.raises(Refused) as caught:
            discount(known, ["p"], GOODS, "EUR", NOON)
        told.append(caught.value.refusal)
    assert told[0] == told[1] == told[2]


def test_several_codes_hold_only_if_each_may_be_combined() -> None:
    assert refusal([percent("A", 10), percent("B", 10, stackable=False)], GOODS) is RefusalCode.PROMOTION_NOT_COMBINABLE


def test_goods_first_then_percentages_then_amounts() -> None:
    codes = [fixed("A", 100), percent("Z", 1000), percent("M", 5000, skus=frozenset({"A"}))]
    applied = taken(codes, GOODS).applied
    assert [(one.code, one.discount_minor) for one in applied] == [("M", 500), ("Z", 100), ("A", 100)]


def test_a_code_on_a_product_is_for_its_variants_only() -> None:
    assert taken([percent("P", 1000, products=frozenset({"p1"}))], GOODS).lines == (100, 0)


def test_letter_case_and_space_do_not_matter() -> None:
    assert canonical(" welcome10 ") == "WELCOME10"
    known = {"WELCOME10": percent("WELCOME10", 1000)}
    assert discount(known, ["welcome10", " WELCOME10"], GOODS, "EUR", NOON).lines == (100, 50)
