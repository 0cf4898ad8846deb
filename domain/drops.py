"""A limited edition on sale from an instant on: who may buy when, how many, and who is next in line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.refusals import Refusal, RefusalCode

MAX_LINE = 10_000
MAX_EARLY_SECONDS = 30 * 86_400
MIN_GRANT_SECONDS, MAX_GRANT_SECONDS = 10, 86_400


class DropStage(StrEnum):
    """Where a drop is for somebody at an instant."""

    UPCOMING = "upcoming"
    OPEN = "open"
    CLOSED = "closed"


class Denied(StrEnum):
    """Why the gate lets a cart not through."""

    NOT_OPEN = "not_open"
    CLOSED = "closed"
    NOT_ENTITLED = "not_entitled"
    LIMIT = "limit"
    SOLD_OUT = "sold_out"


def opens_for(opens_at: datetime, early_access: Mapping[str, int], tier: str | None, early_seconds: int) -> datetime:
    """When a drop opens for a customer: so many seconds before `opens_at` as their tier has here or their membership
    gives everywhere, whichever is more."""
    return opens_at - timedelta(seconds=max(early_seconds, early_access.get(tier, 0) if tier else 0))


def stage(opens_at: datetime, closes_at: datetime, at: datetime) -> DropStage:
    """The first instant of a drop belongs to it, the last does not."""
    if at >= closes_at:
        return DropStage.CLOSED
    return DropStage.OPEN if at >= opens_at else DropStage.UPCOMING


def free_units(allotment: int | None, taken: int, granted: int, in_stock: int) -> int:
    """Units that nobody has and nobody is promised: of the allotment, and of what is in stock; below 0 is none."""
    of_stock = in_stock - granted
    return of_stock if allotment is None else min(of_stock, allotment - taken - granted)


def next_in_line(wanted: Sequence[int], free: int) -> list[int]:
    """Who of a line, first come first, is granted what they want of the free units; the places of those, in order.

    One for whom there is not enough keeps their place, and those behind them are looked at: no unit lies idle.
    """
    granted = []
    for place, units in enumerate(wanted):
        if units <= free:
            granted.append(place)
            free -= units
    return granted


@dataclass(frozen=True, slots=True)
class Denial:
    """What the gate said to a cart: why, for which SKU, and what this one may know. `ticket`: a place in the line.

    `opens_at` is when it opens for this customer, `most` the limit; `position` counts from 1, 0 is a granted place,
    whose unit is kept until `kept_until`.
    """

    why: Denied
    sku: str
    drop_id: str
    opens_at: datetime | None = None
    most: int | None = None
    ticket: str | None = None
    position: int | None = None
    kept_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LineLook:
    """Look after the line of a drop of a tenant."""

    tenant: str
    drop_id: str


@dataclass(frozen=True, slots=True)
class LineSeen:
    """Seconds until the next look is due; None: the drop is over."""

    next_in_seconds: float | None


@dataclass(frozen=True, slots=True)
class FindDrops:
    """The drops of a tenant with a line that somebody must look after by now or so many seconds from now."""

    tenant: str
    soon_seconds: int


def refusal_of(denial: Denial) -> Refusal:
    """The denial as its storefront is told."""
    facts = {"drop": denial.drop_id, "skus": denial.sku}
    match denial.why:
        case Denied.NOT_OPEN:
            at = denial.opens_at.isoformat() if denial.opens_at else ""
            message = f"{denial.sku} is not on sale yet. For this customer it opens at {at}."
            return Refusal(RefusalCode.DROP_NOT_OPEN, message, {**facts, "opens_at": at})
        case Denied.CLOSED:
            return Refusal(RefusalCode.DROP_CLOSED, f"The sale of {denial.sku} is over.", facts)
        case Denied.NOT_ENTITLED:
            message = f"{denial.sku} is for members of another plan. Nothing was charged."
            return Refusal(RefusalCode.DROP_NOT_ENTITLED, message, facts)
        case Denied.LIMIT:
            message = f"A customer may buy {denial.most} in this sale, and this would be more. Nothing was charged."
            return Refusal(RefusalCode.PURCHASE_LIMIT_REACHED, message, {**facts, "limit": str(denial.most)})
        case Denied.SOLD_OUT:
            return Refusal(RefusalCode.OUT_OF_STOCK, _sold_out(denial), facts | _place(denial))


def _sold_out(denial: Denial) -> str:
    if denial.ticket is None:
        return f"{denial.sku} is sold out. Nothing was charged."
    if denial.position == 0:
        return f"{denial.sku} is sold out but for what is kept for this customer, which is less. Nothing was charged."
    return (
        f"{denial.sku} is sold out. This customer is number {denial.position} in the line for what is given back."
        " Nothing was charged."
    )


def _place(denial: Denial) -> dict[str, str]:
    if denial.ticket is None:
        return {}
    kept = {"kept_until": denial.kept_until.isoformat()} if denial.kept_until else {}
    return {"ticket": denial.ticket, "position": str(denial.position), **kept}
