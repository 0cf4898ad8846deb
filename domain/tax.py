"""Tax: what a provider is asked and answers, and the provider that is built in, a table of rates.

Rounding is per line: the tax of a whole line, after its discount, is rounded once, half up, to a minor unit. Where the
amount includes tax, the net is rounded and the tax is the rest, so net and tax always add up to what was shown.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from domain.money import round_half_up
from domain.refusals import Refusal, RefusalCode, Refused

STANDARD = "standard"
"""The tax class of goods that say no other."""

SHIPPING = "shipping"
"""The tax class of shipping. Where it has no rate of its own, the standard one holds."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where goods go, as far as tax asks. `region` is a subdivision's code without its country (ISO 3166-2): `CA`."""

    country: str
    region: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class Taxable:
    """An amount of some class to be taxed, in minor units, discounts taken off. `reference`: the SKU, or `shipping`."""

    reference: str
    tax_class: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class TaxQuestion:
    """All that a provider needs to know of a cart; two carts that ask alike are answered alike."""

    currency: str
    destination: Destination
    items: tuple[Taxable, ...]


@dataclass(frozen=True, slots=True)
class Taxed:
    """The answer for one item: `net + tax = gross`. `basis_points`: 2000 is 20 %. `included`: the amount was gross."""

    net_minor: int
    tax_minor: int
    gross_minor: int
    basis_points: int
    included: bool


class TaxProvider(Protocol):
    """Answers for each item, in the order of the question. Raises `Refused` where nothing can be sold.

    It is asked within a transaction, so it answers from what it has: the table from its rates, an outside provider
    from an answer that was fetched before (docs/decisions/0015-tax-is-asked-in-one-question.md).
    """

    def assess(self, question: TaxQuestion) -> tuple[Taxed, ...]: ...


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A country's rate for a class of goods, in basis points. `region` empty: in all regions that have none."""

    country: str
    basis_points: int
    included: bool
    region: str = ""
    tax_class: str = STANDARD


@dataclass(frozen=True, slots=True)
class TaxTable:
    """The built-in provider: one rate a country, region and class.

    A class's own rate comes before the standard one, and within a class the region's before the country's.
    """

    rates: tuple[TaxRate, ...]

    def rate(self, destination: Destination, tax_class: str) -> TaxRate | None:
        """The rate that holds; None: we do not sell there."""
        region = destination.region.strip().upper()
        held = {(one.tax_class, one.region): one for one in self.rates if one.country == destination.country}
        order = ((tax_class, region), (tax_class, ""), (STANDARD, region), (STANDARD, ""))
        return next((held[place] for place in order if place in held), None)

    def assess(self, question: TaxQuestion) -> tuple[Taxed, ...]:
        """Each item by its rate. Raises `Refused` for a country without one."""
        answers = []
        for item in question.items:
            rate = self.rate(question.destination, item.tax_class)
            if rate is None:
                raise Refused(Refusal(RefusalCode.UNSUPPORTED_COUNTRY, "We do not deliver to that country."))
            split = split_tax(item.amount_minor, rate.basis_points, included=rate.included)
            answers.append(Taxed(*split, rate.basis_points, rate.included))
        return tuple(answers)


def split_tax(amount_minor: int, basis_points: int, *, included: bool) -> tuple[int, int, int]:
    """(net, tax, gross) of an amount at a rate, rounded half up; net and tax always add up to gross."""
    if included:
        net = round_half_up(Decimal(amount_minor) * 10_000 / (10_000 + basis_points))
        return net, amount_minor - net, amount_minor
    tax = round_half_up(Decimal(amount_minor) * basis_points / 10_000)
    return amount_minor, tax, amount_minor + tax
