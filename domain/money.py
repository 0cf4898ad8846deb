"""Money: an integer of minor units plus an ISO 4217 code. Never a float; rounding happens here, and is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from babel.numbers import format_currency
from iso4217 import Currency

MAX_MINOR = 10**12 - 1
"""The largest amount taken anywhere: below Stripe's twelve digits and far below a bigint."""


class UnknownCurrency(ValueError):
    """The code is not an active ISO 4217 currency with minor units."""


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """Digits after the point: 2 for EUR, 0 for JPY, 3 for KWD. Raises `UnknownCurrency`."""
    try:
        digits = Currency(currency).exponent
    except ValueError:
        raise UnknownCurrency(currency) from None
    if digits is None:  # XAU, XDR …: units without minor units
        raise UnknownCurrency(currency)
    return int(digits)


def minor_units(amount: str, currency: str) -> int:
    """`"12.40"` of EUR is 1240: exactly, nothing is rounded. `ValueError` for what is not a whole number of them."""
    try:
        units = Decimal(amount).scaleb(exponent(currency))
        exact = units == units.to_integral_value()
    except InvalidOperation:
        exact = False
    if not exact or abs(units) > MAX_MINOR:
        raise ValueError(f"{amount!r} is no amount of {currency} in whole minor units")
    return int(units)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of a currency, for showing to people."""

    minor: int
    currency: str

    def __str__(self) -> str:
        """As people read it: `€1,250.00`, `¥500`, `KWD1.250`."""
        amount = Decimal(self.minor).scaleb(-exponent(self.currency))
        return format_currency(amount, self.currency, locale="en").replace("\xa0", " ")


str(Money(0, "EUR"))  # Babel reads its files when first used: here, because a workflow may not


def round_half_up(value: Decimal) -> int:
    """The one rounding of this system: commercial, half away from zero, to a whole minor unit."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def portion(amount: int, part: int, whole: int) -> int:
    """What `part` of `whole` pieces come to, of an amount in minor units for all: rounded once, from the sum.

    So one piece and then another are what two at once are, and all of them are the whole amount.
    """
    return round_half_up(Decimal(amount) * part / whole)


def allocate(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split `total` minor units in proportion to `weights`, conserving the total to the last unit.

    The largest remainders get the left-over units, earlier places first (Hamilton's method). All-zero weights count
    as equal ones. Raises `ValueError` for no weights or a negative number.
    """
    if not weights or total < 0 or min(weights) < 0:
        raise ValueError("allocate needs a total of zero or more and at least one weight, none negative")
    if sum(weights) == 0:
        weights = [1] * len(weights)
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return tuple(shares)
