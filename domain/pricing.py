"""What a cart costs: lines, tax and shipping as a quote that does not change under the shopper."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.money import MAX_MINOR, Money, round_half_up
from domain.refusals import Refusal, RefusalCode, Refused

MAX_QUANTITY = 999
MAX_LINES = 50


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many of a SKU."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PricedVariant:
    """A SKU as the catalog knows it. `unit_minor` includes tax if the book says so; None: no price."""

    sku: str
    title: str
    weight_grams: int
    unit_minor: int | None


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All that a quote reads, loaded at one instant.

    `tax_basis_points`: 2000 is 20 %; None: we do not sell to that country. `shipping_minor`: None: no such method.
    """

    currency: str
    variants: Mapping[str, PricedVariant]
    tax_basis_points: int | None
    tax_included: bool
    shipping_minor: int | None


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line of a quote, in minor units: `net + tax = gross`, and `gross` is what the shopper pays for the line."""

    sku: str
    title: str
    quantity: int
    unit_minor: int
    net_minor: int
    tax_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The whole price in minor units of `currency`: `total = sum of gross + shipping`, `tax` is within the total."""

    currency: str
    lines: tuple[QuoteLine, ...]
    shipping_net_minor: int
    shipping_tax_minor: int
    shipping_minor: int
    tax_minor: int
    total_minor: int
    weight_grams: int

    @property
    def items(self) -> int:
        """Pieces in the cart."""
        return sum(line.quantity for line in self.lines)


def merge_lines(lines: tuple[CartLine, ...]) -> tuple[CartLine, ...]:
    """One line a SKU in SKU order: the order in which stock rows are locked."""
    wanted: dict[str, int] = {}
    for line in lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    return tuple(CartLine(sku, wanted[sku]) for sku in sorted(wanted))


def split_tax(amount_minor: int, basis_points: int, *, included: bool) -> tuple[int, int, int]:
    """(net, tax, gross) of an amount at a rate, tax rounded half up; net and tax always add up to gross."""
    if included:
        net = round_half_up(Decimal(amount_minor) * 10_000 / (10_000 + basis_points))
        return net, amount_minor - net, amount_minor
    tax = round_half_up(Decimal(amount_minor) * basis_points / 10_000)
    return amount_minor, tax, amount_minor + tax


def quote(book: PriceBook, lines: tuple[CartLine, ...], expected_total_minor: int | None = None) -> Quote:
    """Price a cart. Raises `Refused` with what is wrong, before anything has been touched."""
    lines = merge_lines(lines)
    if unknown := [line.sku for line in lines if line.sku not in book.variants]:
        raise Refused(_refusal(RefusalCode.UNKNOWN_SKU, f"We do not know {', '.join(unknown)}.", skus=unknown))
    if unpriced := [line.sku for line in lines if book.variants[line.sku].unit_minor is None]:
        message = f"{', '.join(unpriced)} cannot be bought in {book.currency}. Choose another currency."
        raise Refused(_refusal(RefusalCode.UNSUPPORTED_CURRENCY, message, skus=unpriced))
    if book.tax_basis_points is None:
        raise Refused(_refusal(RefusalCode.UNSUPPORTED_COUNTRY, "We do not deliver to that country."))
    if book.shipping_minor is None:
        message = "There is no such shipping method for that country and currency."
        raise Refused(_refusal(RefusalCode.UNKNOWN_SHIPPING_METHOD, message))
    result = _price(book, lines, book.tax_basis_points, book.shipping_minor)
    if result.total_minor == 0:
        raise Refused(_refusal(RefusalCode.AMOUNT_TOO_SMALL, "There is nothing to pay, and a card cannot pay nothing."))
    if result.total_minor > MAX_MINOR:
        raise Refused(_refusal(RefusalCode.AMOUNT_TOO_LARGE, "This order is larger than one payment can be."))
    if expected_total_minor is not None and expected_total_minor != result.total_minor:
        total = Money(result.total_minor, book.currency)
        message = f"The total is {total}, not what was expected. Show the shopper the new total and ask again."
        facts = Refusal(RefusalCode.TOTAL_MISMATCH, message, {"total_minor": str(result.total_minor)})
        raise Refused(facts)
    return result


def _price(book: PriceBook, lines: tuple[CartLine, ...], basis_points: int, shipping_minor: int) -> Quote:
    priced = []
    for line in lines:
        variant = book.variants[line.sku]
        unit = variant.unit_minor or 0
        net, tax, gross = split_tax(unit * line.quantity, basis_points, included=book.tax_included)
        priced.append(QuoteLine(line.sku, variant.title, line.quantity, unit, net, tax, gross))
    ship_net, ship_tax, ship_gross = split_tax(shipping_minor, basis_points, included=book.tax_included)
    return Quote(
        currency=book.currency,
        lines=tuple(priced),
        shipping_net_minor=ship_net,
        shipping_tax_minor=ship_tax,
        shipping_minor=ship_gross,
        tax_minor=sum(line.tax_minor for line in priced) + ship_tax,
        total_minor=sum(line.gross_minor for line in priced) + ship_gross,
        weight_grams=sum(book.variants[line.sku].weight_grams * line.quantity for line in lines),
    )


def _refusal(code: RefusalCode, message: str, skus: list[str] | None = None) -> Refusal:
    return Refusal(code, message, {"skus": ",".join(skus)} if skus else {})
