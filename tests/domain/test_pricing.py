"""Prices: what a quote adds up to, how tax is split, and what is refused, for any cart."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import MAX_MINOR
from domain.pricing import (
    MAX_LINES,
    MAX_QUANTITY,
    Cart,
    CartLine,
    PriceBook,
    PricedVariant,
    Quote,
    merge_lines,
    quote,
)
from domain.refusals import RefusalCode, Refused
from domain.shipping_methods import RateBand, ShippingMethod
from domain.tax import Destination, TaxRate, TaxTable, split_tax

SKUS = ("A", "B", "C", "D")

amounts = st.integers(0, 10**15)
rates = st.integers(0, 10_000)  # 0 to 100 %
lines = st.builds(CartLine, st.sampled_from(SKUS), st.integers(1, MAX_QUANTITY))
carts = st.lists(lines, min_size=1, max_size=MAX_LINES).map(tuple)
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def shipping(amount: int) -> tuple[ShippingMethod, ...]:
    return (ShippingMethod("standard", "Standard", (RateBand(amount),)),)


def taxes(rate: int, *, included: bool) -> TaxTable:
    return TaxTable((TaxRate("FR", rate, included),))


books = st.builds(
    lambda units, currency, rate, included, ship: PriceBook(
        currency=currency,
        variants={sku: PricedVariant(sku, f"Thing {sku}", 100, unit) for sku, unit in zip(SKUS, units, strict=True)},
        tax=taxes(rate, included=included),
        shipping=shipping(ship),
        promotions={},
        free_shipping=False,
        at=AT,
    ),
    st.lists(st.integers(0, 1_000_000), min_size=4, max_size=4),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    rates,
    st.booleans(),
    st.integers(1, 100_000),
)

BOOK = PriceBook(
    currency="EUR",
    variants={"A": PricedVariant("A", "Thing", 100, 1000)},
    tax=taxes(2000, included=True),
    shipping=shipping(500),
    promotions={},
    free_shipping=False,
    at=AT,
)
GIFT = replace(BOOK, variants={"A": PricedVariant("A", "Sample", 10, 0)}, shipping=shipping(0))
CART = (CartLine("A", 2),)


def priced(book: PriceBook, cart: tuple[CartLine, ...], expected: int | None = None) -> Quote:
    return quote(book, Cart(cart, book.currency, Destination("FR"), "standard", expected_total_minor=expected))


def refusal(book: PriceBook, cart: tuple[CartLine, ...], expected: int | None = None) -> tuple[RefusalCode, str]:
    with pytest.raises(Refused) as caught:
        priced(book, cart, expected)
    return caught.value.refusal.code, caught.value.refusal.message


def half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


@given(amounts, rates, st.booleans())
def test_net_and_tax_are_the_gross(amount: int, rate: int, included: bool) -> None:
    net, tax, gross = split_tax(amount, rate, included=included)
    assert net + tax == gross
    assert amount == (gross if included else net)
    assert min(net, tax) >= 0


@given(amounts, rates)
def test_tax_is_the_exact_rate_rounded_half_up(amount: int, rate: int) -> None:
    _, tax, _ = split_tax(amount, rate, included=False)
    assert tax == half_up(Fraction(amount * rate, 10_000))
    net, _, _ = split_tax(amount, rate, included=True)
    assert net == half_up(Fraction(amount * 10_000, 10_000 + rate))


@given(amounts, rates)
def test_tax_put_on_is_the_tax_taken_out(amount: int, rate: int) -> None:
    _, tax, gross = split_tax(amount, rate, included=False)
    net, back, _ = split_tax(gross, rate, included=True)
    assert (net, back) == (amount, tax)


@given(books, carts)
def test_a_quote_adds_up(book: PriceBook, cart: tuple[CartLine, ...]) -> None:
    made = priced(book, cart)
    assert made.total_minor == sum(line.gross_minor for line in made.lines) + made.shipping_minor
    assert made.tax_minor == sum(line.tax_minor for line in made.lines) + made.shipping_tax_minor
    assert made.shipping_minor == made.shipping_net_minor + made.shipping_tax_minor
    assert all(line.net_minor + line.tax_minor == line.gross_minor for line in made.lines)
    nets = sum(line.net_minor for line in made.lines) + made.shipping_net_minor
    assert nets + made.tax_minor == made.total_minor
    assert 0 < made.total_minor <= MAX_MINOR
    assert made.currency == book.currency


@given(books, carts)
def test_what_is_included_is_what_was_shown(book: PriceBook, cart: tuple[CartLine, ...]) -> None:
    """With tax in the price, a shopper pays price times quantity and the shipping rate, and not a cent more."""
    shown = replace(book, tax=taxes(1900, included=True))
    made = priced(shown, cart)
    price = {sku: variant.unit_minor or 0 for sku, variant in book.variants.items()}
    assert (
        made.total_minor
        == sum(price[line.sku] * line.quantity for line in cart) + book.shipping[0].bands[0].amount_minor
    )


@given(books, carts, st.randoms(use_true_random=False))
def test_the_order_and_splitting_of_lines_costs_nothing(
    book: PriceBook, cart: tuple[CartLine, ...], chance: Random
) -> None:
    shuffled = list(cart)
    chance.shuffle(shuffled)
    assert priced(book, tuple(shuffled)) == priced(book, cart) == priced(book, merge_lines(cart))


@given(carts)
def test_merging_keeps_every_piece_in_sku_order(cart: tuple[CartLine, ...]) -> None:
    merged = merge_lines(cart)
    skus = [line.sku for line in merged]
    assert skus == sorted(set(skus))
    for sku in SKUS:
        wanted = sum(line.quantity for line in cart if line.sku == sku)
        assert sum(line.quantity for line in merged if line.sku == sku) == wanted
    assert merge_lines(merged) == merged


@given(books, carts)
def test_pieces_and_weight_are_those_of_the_cart(book: PriceBook, cart: tuple[CartLine, ...]) -> None:
    made = priced(book, cart)
    assert made.items == sum(line.quantity for line in cart)
    assert made.weight_grams == made.items * 100


@given(books, carts, st.integers(0, MAX_MINOR))
def test_only_the_total_that_was_shown_is_charged(book: PriceBook, cart: tuple[CartLine, ...], shown: int) -> None:
    made: Quote = priced(book, cart)
    assert priced(book, cart, made.total_minor) == made
    if shown != made.total_minor:
        assert refusal(book, cart, shown)[0] is RefusalCode.TOTAL_MISMATCH


@given(st.integers(1, 10**18), st.integers(1, MAX_QUANTITY))
def test_an_amount_no_payment_can_be_is_refused(unit: int, quantity: int) -> None:
    book = replace(BOOK, variants={"A": PricedVariant("A", "Thing", 100, unit)}, shipping=shipping(0))
    cart = (CartLine("A", quantity),)
    if unit * quantity > MAX_MINOR:
        assert refusal(book, cart)[0] is RefusalCode.AMOUNT_TOO_LARGE
    else:
        assert priced(book, cart).total_minor == unit * quantity


@pytest.mark.parametrize(
    ("book", "cart", "expected", "code", "word"),
    [
        (BOOK, (CartLine("Z", 1),), None, RefusalCode.UNKNOWN_SKU, "Z"),
        (replace(BOOK, variants={"A": PricedVariant("A", "T", 1, None)}), CART, None, "unsupported_currency", "EUR"),
        (replace(BOOK, tax=TaxTable(())), CART, None, RefusalCode.UNSUPPORTED_COUNTRY, "country"),
        (replace(BOOK, shipping=()), CART, None, RefusalCode.UNKNOWN_SHIPPING_METHOD, "shipping method"),
        (BOOK, CART, 2499, RefusalCode.TOTAL_MISMATCH, "€25.00"),
        (replace(BOOK, shipping=shipping(MAX_MINOR)), CART, None, RefusalCode.AMOUNT_TOO_LARGE, "larger"),
        (GIFT, CART, None, RefusalCode.AMOUNT_TOO_SMALL, "nothing"),
        (GIFT, CART, 0, RefusalCode.AMOUNT_TOO_SMALL, "nothing"),
    ],
)
def test_every_refusal_says_what_was_wrong(
    book: PriceBook, cart: tuple[CartLine, ...], expected: int | None, code: str, word: str
) -> None:
    said, message = refusal(book, cart, expected)
    assert said == code
    assert word in message
    assert message.endswith(".")


def test_a_free_thing_is_not_a_thing_without_a_price() -> None:
    free = replace(BOOK, variants={"A": PricedVariant("A", "Sample", 10, 0)})
    assert priced(free, CART).total_minor == 500
