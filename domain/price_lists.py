"""Which of several prices is the one: by market, tier and time, the highest priority first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

DEFAULT_LIST = "default"
"""The list that every tenant has. Its priority is 0, below all others, and it is for everybody at any time."""

MAX_PRIORITY = 1_000_000


@dataclass(frozen=True, slots=True)
class Asking:
    """Whose price is asked for, and when: ISO 3166 country, ISO 4217 currency, the membership's price tier if any."""

    currency: str
    country: str
    price_tier: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ListTerms:
    """Whom a list is for. No country: for all; no tier: for all; `starts_at <= at < ends_at`, where set."""

    list_id: str
    priority: int
    countries: frozenset[str] = frozenset()
    price_tier: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    active: bool = True

    def holds(self, asking: Asking) -> bool:
        """Whether the list is for that shopper at that time."""
        return (
            self.active
            and (not self.countries or asking.country in self.countries)
            and (self.price_tier is None or self.price_tier == asking.price_tier)
            and (self.starts_at is None or self.starts_at <= asking.at)
            and (self.ends_at is None or asking.at < self.ends_at)
        )


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """One price of a list, in minor units. `compare_at_minor`: what it was, or is elsewhere, if it is on sale."""

    terms: ListTerms
    currency: str
    amount_minor: int
    compare_at_minor: int | None = None


def resolve(prices: Iterable[ListedPrice], asking: Asking) -> ListedPrice | None:
    """The price of one SKU for that shopper; None: it has none in that currency.

    Of the lists that are for them the highest priority wins; of equal ones the lower price; of those the list whose id
    comes first by its bytes. `models/prices.py` has the same rule as a statement.
    """
    fit = [one for one in prices if one.currency == asking.currency and one.terms.holds(asking)]
    return min(fit, key=lambda one: (-one.terms.priority, one.amount_minor, one.terms.list_id.encode()), default=None)
