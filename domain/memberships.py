"""What a membership is: its plan's terms, the calendar of its periods, and what it gives its customer."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.money import allocate


class Interval(StrEnum):
    """How long one period is, by the calendar in UTC."""

    MONTH = "month"
    YEAR = "year"


class PlanStatus(StrEnum):
    """Whether a plan takes new members. Those it has stay as they are."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class RefundPolicy(StrEnum):
    """What goes back of the running period when a membership is cancelled at once."""

    NOTHING = "nothing"
    PRO_RATA = "pro_rata"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer's memberships give them now. `purchase_limit`: pieces of one SKU a period; None: no limit."""

    tier: str | None
    price_tier: str | None
    entitlements: frozenset[str]
    free_shipping: bool
    early_access_seconds: int
    purchase_limit: int | None


NOBODY = Standing(None, None, frozenset(), False, 0, None)
"""Who is no member."""


@dataclass(frozen=True, slots=True)
class Benefits:
    """What one tier gives. Of several tiers the one of the highest `rank` names the customer's tier and prices."""

    tier: str
    rank: int
    price_tier: str | None
    entitlements: tuple[str, ...]
    free_shipping: bool
    early_access_seconds: int
    purchase_limit: int | None


def combined(held: Iterable[Benefits]) -> Standing:
    """What several memberships give together: of each benefit the best. The order they come in changes nothing."""
    tiers = sorted(held, key=lambda one: (-one.rank, one.tier, one.price_tier or ""))
    if not tiers:
        return NOBODY
    limits = [one.purchase_limit for one in tiers]
    return Standing(
        tier=tiers[0].tier,
        price_tier=next((one.price_tier for one in tiers if one.price_tier is not None), None),
        entitlements=frozenset(name for one in tiers for name in one.entitlements),
        free_shipping=any(one.free_shipping for one in tiers),
        early_access_seconds=max(one.early_access_seconds for one in tiers),
        purchase_limit=None if None in limits else max(limit for limit in limits if limit is not None),
    )


def period_start(anchor: datetime, interval: Interval, number: int) -> datetime:
    """When the `number`-th period begins; the first is 0 and begins at `anchor`, and each ends as the next begins.

    Counted from the anchor, never from the period before: who joined on 31 January renews on 28 February and then
    on 31 March. A day that a month does not have is its last.
    """
    months = number * (12 if interval is Interval.YEAR else 1)
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)


def unused_minor(amount_minor: int, starts_at: datetime, ends_at: datetime, now: datetime) -> int:
    """What is left of a period's price, by time: all of it before it begins, nothing after it has ended."""
    left = ends_at - min(max(now, starts_at), ends_at)
    tick = timedelta(microseconds=1)
    return allocate(amount_minor, (left // tick, (ends_at - starts_at - left) // tick))[0]
