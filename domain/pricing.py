"""What a cart costs: lines, discounts, shipping and tax as a quote that does not change under the shopper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.money import MAX_MINOR, Money
from domain.promotions import AppliedPromotion, Goods, Promotion, discount
from domain.refusals import Refusal, RefusalCode, Refused
from domain.selling import refuse_unsold
from domain.shipping_methods import ShippingMethod, ShippingOffer, offers
from domain.stock import Backordered
from domain.tax import SHIPPING, STANDARD, Destination, Taxable, Taxed, TaxProvider, TaxQuestion

MAX_QUANTITY = 999
MAX_LINES = 50


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many of a SKU."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Cart:
    """What is to be priced, and for whom. Without a method the price is that of the goods alone."""

    lines: tuple[CartLine, ...]
    currency: str
    destination: Destination
    shipping_method: str | None
    customer_id: str | None = None
    codes: tuple[str, ...] = ()
    expected_total_minor: int | None = None


@dataclass(frozen=True, slots=True)
class PricedVariant:
    """A SKU as the catalog and the price lists have it for this shopper.

    `unit_minor` includes tax where prices do; None: no price. `list_minor`: what it is compared with if it is on sale.
    """

    sku: str
    title: str
    weight_grams: int
    unit_minor: int | None
    list_minor: int | None = None
    tax_class: str = STANDARD
    price_list: str | None = None
    product: str | None = None
    for_sale: bool = True
    access: str | None = None


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All that a quote reads, as of `at`, for one kind of shopper in one market."""

    currency: str
    variants: Mapping[str, PricedVariant]
    tax: TaxProvider
    shipping: tuple[ShippingMethod, ...]
    promotions: Mapping[str, Promotion]
    free_shipping: bool
    at: datetime
    entitlements: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line of a quote, in minor units: `net + tax = gross`, and `gross` is what the shopper pays for the line.

    `unit * quantity - discount` is the gross where prices include tax, else the net.
    """

    sku: str
    title: str
    quantity: int
    unit_minor: int
    net_minor: int
    tax_minor: int
    gross_minor: int
    discount_minor: int = 0
    list_minor: int | None = None
    tax_basis_points: int | None = None
    tax_included: bool = True
    price_list: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """The whole price in minor units of `currency`: `total = sum of gross + shipping`, `tax` is within the total.

    `discount` is the sum of the lines' discounts, and of what each promotion took off. `shipping_list`: what shipping
    costs those for whom it is not free.
    """

    currency: str
    lines: tuple[QuoteLine, ...]
    shipping_net_minor: int
    shipping_tax_minor: int
    shipping_minor: int
    tax_minor: int
    total_minor: int
    weight_grams: int
    backordered: tuple[Backordered, ...] = ()
    """Units of the lines that are sold before they are there, as the shopper is told."""
    discount_minor: int = 0
    promotions: tuple[AppliedPromotion, ...] = ()
    shipping_list_minor: int | None = None
    shipping_name: str | None = None
    shipping_promise: str | None = None
    shipping_basis_points: int | None = None
    shipping_min_days: int | None = None
    shipping_max_days: int | None = None

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


@dataclass(frozen=True, slots=True)
class _Basket:
    """The goods of a cart with their prices and discounts: what shipping and tax are asked about."""

    lines: tuple[tuple[CartLine, PricedVariant], ...]
    off: tuple[int, ...]
    applied: tuple[AppliedPromotion, ...]

    @property
    def amounts(self) -> tuple[int, ...]:
        """What each line costs as prices are shown, discount taken off."""
        return tuple(
            (variant.unit_minor or 0) * line.quantity - off
            for (line, variant), off in zip(self.lines, self.off, strict=True)
        )

    @property
    def weight(self) -> int:
        return sum(variant.weight_grams * line.quantity for line, variant in self.lines)


def quote(book: PriceBook, cart: Cart) -> Quote:
    """Price a cart. Raises `Refused` with what is wrong, before anything has been touched."""
    basket = _basket(book, cart)
    offer = _chosen(book, cart, basket) if cart.shipping_method is not None else None
    result = _total(book, cart, basket, offer)
    if result.total_minor == 0 and offer is not None:
        raise Refused(_refusal(RefusalCode.AMOUNT_TOO_SMALL, "There is nothing to pay, and a card cannot pay nothing."))
    if result.total_minor > MAX_MINOR:
        raise Refused(_refusal(RefusalCode.AMOUNT_TOO_LARGE, "This order is larger than one payment can be."))
    if cart.expected_total_minor is not None and cart.expected_total_minor != result.total_minor:
        total = Money(result.total_minor, book.currency)
        message = f"The total is {total}, not what was expected. Show the shopper the new total and ask again."
        facts = Refusal(RefusalCode.TOTAL_MISMATCH, message, {"total_minor": str(result.total_minor)})
        raise Refused(facts)
    return result


def promise(fixed: Quote, later: Sequence[Backordered]) -> Quote:
    """The same price; and what of it is yet to come."""
    return replace(fixed, backordered=tuple(later))


def shipping_offers(book: PriceBook, cart: Cart) -> tuple[tuple[ShippingOffer, Taxed], ...]:
    """The methods that take this cart, each with what it costs."""
    offered = _offers(book, _basket(book, cart))
    items = tuple(Taxable(one.method, SHIPPING, one.amount_minor) for one in offered)
    taxed = book.tax.assess(TaxQuestion(book.currency, cart.destination, items))
    return tuple(zip(offered, taxed, strict=True))


def _basket(book: PriceBook, cart: Cart) -> _Basket:
    lines = merge_lines(cart.lines)
    if missing := [line.sku for line in lines if line.sku not in book.variants]:
        raise Refused(_refusal(RefusalCode.UNKNOWN_SKU, f"We do not know {', '.join(missing)}.", skus=missing))
    priced = tuple((line, book.variants[line.sku]) for line in lines)
    refuse_unsold((variant for _, variant in priced), book.entitlements)
    if unpriced := [line.sku for line, variant in priced if variant.unit_minor is None]:
        message = f"{', '.join(unpriced)} cannot be bought in {book.currency}. Choose another currency."
        raise Refused(_refusal(RefusalCode.UNSUPPORTED_CURRENCY, message, skus=unpriced))
    goods = [Goods(line.sku, one.product, (one.unit_minor or 0) * line.quantity) for line, one in priced]
    taken = discount(book.promotions, cart.codes, goods, book.currency, book.at)
    return _Basket(priced, taken.lines, taken.applied)


def _offers(book: PriceBook, basket: _Basket) -> tuple[ShippingOffer, ...]:
    return offers(book.shipping, basket.weight, sum(basket.amounts), free=book.free_shipping)


def _chosen(book: PriceBook, cart: Cart, basket: _Basket) -> ShippingOffer:
    for one in _offers(book, basket):
        if one.method == cart.shipping_method:
            return one
    book.tax.assess(TaxQuestion(book.currency, cart.destination, _taxables(basket)))  # a wrong country is said first
    message = "There is no such shipping method for that country and currency, and a cart of that weight."
    raise Refused(_refusal(RefusalCode.UNKNOWN_SHIPPING_METHOD, message))


def _taxables(basket: _Basket) -> tuple[Taxable, ...]:
    return tuple(
        Taxable(line.sku, variant.tax_class, amount)
        for (line, variant), amount in zip(basket.lines, basket.amounts, strict=True)
    )


def _total(book: PriceBook, cart: Cart, basket: _Basket, offer: ShippingOffer | None) -> Quote:
    asked = _taxables(basket)
    if offer is not None:
        asked += (Taxable("shipping", SHIPPING, offer.amount_minor),)
    taxed = book.tax.assess(TaxQuestion(book.currency, cart.destination, asked))
    shipping = taxed[len(basket.lines)] if offer is not None else Taxed(0, 0, 0, 0, included=True)
    lines = tuple(
        _line(line, variant, off, tax)
        for (line, variant), off, tax in zip(basket.lines, basket.off, taxed[: len(basket.lines)], strict=True)
    )
    return Quote(
        currency=book.currency,
        lines=lines,
        shipping_net_minor=shipping.net_minor,
        shipping_tax_minor=shipping.tax_minor,
        shipping_minor=shipping.gross_minor,
        tax_minor=sum(one.tax_minor for one in taxed),
        total_minor=sum(one.gross_minor for one in taxed),
        weight_grams=basket.weight,
        discount_minor=sum(basket.off),
        promotions=basket.applied,
        shipping_list_minor=offer.list_minor if offer else None,
        shipping_name=offer.name if offer else None,
        shipping_promise=offer.promise if offer else None,
        shipping_basis_points=shipping.basis_points if offer else None,
        shipping_min_days=offer.min_days if offer else None,
        shipping_max_days=offer.max_days if offer else None,
    )


def _line(line: CartLine, variant: PricedVariant, off: int, tax: Taxed) -> QuoteLine:
    return QuoteLine(
        sku=line.sku,
        title=variant.title,
        quantity=line.quantity,
        unit_minor=variant.unit_minor or 0,
        net_minor=tax.net_minor,
        tax_minor=tax.tax_minor,
        gross_minor=tax.gross_minor,
        discount_minor=off,
        list_minor=variant.list_minor,
        tax_basis_points=tax.basis_points,
        tax_included=tax.included,
        price_list=variant.price_list,
    )


def _refusal(code: RefusalCode, message: str, skus: list[str] | None = None) -> Refusal:
    return Refusal(code, message, {"skus": ",".join(skus)} if skus else {})
