"""Shipping methods: what each costs for a weight and an order value, and when the parcel is promised."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateBand:
    """What a method costs, in minor units, for `min_weight <= weight < max_weight` grams from an order value on.

    `max_weight_grams` None: however heavy. The order value is that of the goods, discounts taken off.
    """

    amount_minor: int
    min_weight_grams: int = 0
    max_weight_grams: int | None = None
    min_order_minor: int = 0

    def holds(self, weight_grams: int, order_minor: int) -> bool:
        """Whether the band is for that parcel."""
        light_enough = self.max_weight_grams is None or weight_grams < self.max_weight_grams
        return self.min_weight_grams <= weight_grams and light_enough and self.min_order_minor <= order_minor


@dataclass(frozen=True, slots=True)
class ShippingMethod:
    """A method with its bands to one country in one currency. `members_free`: free for whom shipping is free."""

    method: str
    name: str
    bands: tuple[RateBand, ...]
    promise: str | None = None
    min_days: int | None = None
    max_days: int | None = None
    members_free: bool = True


@dataclass(frozen=True, slots=True)
class ShippingOffer:
    """A method that takes this cart. `list_minor`: what it costs those for whom it is not free."""

    method: str
    name: str
    amount_minor: int
    list_minor: int
    promise: str | None = None
    min_days: int | None = None
    max_days: int | None = None


def offers(
    methods: Iterable[ShippingMethod], weight_grams: int, order_minor: int, *, free: bool
) -> tuple[ShippingOffer, ...]:
    """The methods that take a cart of that weight and value, in their order; a method without a fitting band is none.

    Of several bands that fit, the one with the highest order value holds, of those the one that begins heaviest.
    """
    found = []
    for one in methods:
        fit = [band for band in one.bands if band.holds(weight_grams, order_minor)]
        if not fit:
            continue
        band = max(fit, key=lambda band: (band.min_order_minor, band.min_weight_grams))
        asked = 0 if free and one.members_free else band.amount_minor
        found.append(
            ShippingOffer(one.method, one.name, asked, band.amount_minor, one.promise, one.min_days, one.max_days)
        )
    return tuple(found)
