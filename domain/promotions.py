"""Promotion codes: whether one holds for a cart, how several go together, and what is taken off which line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.money import Money, allocate, round_half_up
from domain.refusals import Refusal, RefusalCode, Refused

MAX_CODES = 5
"""Codes that one cart may bring."""


class PromotionKind(StrEnum):
    """What a code takes off: a part of the amount, or an amount."""

    PERCENT = "percent"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Promotion:
    """A code as it stands. Without SKUs and products it is on the whole order's goods; shipping is never discounted.

    `basis_points`: 1000 is 10 %. `amount_minor` and `minimum_minor` are in `currency`. The uses left are as of the
    look at them; None: no limit. `first_order`: the shopper has none yet.
    """

    code: str
    kind: PromotionKind
    basis_points: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    minimum_minor: int = 0
    skus: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    active: bool = True
    stackable: bool = False
    first_order_only: bool = False
    uses_left: int | None = None
    own_uses_left: int | None = None
    first_order: bool = True


@dataclass(frozen=True, slots=True)
class Goods:
    """One line that a code may be for: what it costs before any code, in minor units, tax in it or not as shown."""

    sku: str
    product: str | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class AppliedPromotion:
    """What a code took off, in minor units, all lines together."""

    code: str
    discount_minor: int


@dataclass(frozen=True, slots=True)
class Discounts:
    """What is taken off each line, in the order of the lines; and by which code how much."""

    lines: tuple[int, ...]
    applied: tuple[AppliedPromotion, ...]


def canonical(code: str) -> str:
    """A code as it is kept: letter case and surrounding space do not matter."""
    return code.strip().upper()


def discount(
    known: Mapping[str, Promotion], codes: Sequence[str], goods: Sequence[Goods], currency: str, at: datetime
) -> Discounts:
    """Take off what the codes give. Raises `Refused` for the first code, by alphabet, that does not hold.

    Several codes hold together only if each of them is stackable. Codes on chosen goods come before codes on the whole
    order, percentages before amounts, then the alphabet; each works on what those before it left. A code's discount is
    rounded half up once, and allocated over its lines in proportion to what they cost, largest remainder first. Nothing
    goes below zero.
    """
    asked = sorted({canonical(code) for code in codes})
    for code in asked:
        _check(known.get(code), code, goods, currency, at)
    held = [known[code] for code in asked]
    if len(held) > 1 and (alone := [one.code for one in held if not one.stackable]):
        message = f"The code {alone[0]} cannot be used together with another one."
        raise Refused(_no(RefusalCode.PROMOTION_NOT_COMBINABLE, message, alone[0]))
    left = [line.amount_minor for line in goods]
    applied = []
    for one in sorted(
        held, key=lambda one: (not (one.skus or one.products), one.kind is PromotionKind.FIXED, one.code)
    ):
        places = [place for place, line in enumerate(goods) if _is_for(one, line)]
        off = _off(one, sum(left[place] for place in places))
        for place, share in zip(places, allocate(off, [left[place] for place in places]), strict=True):
            left[place] -= share
        applied.append(AppliedPromotion(one.code, off))
    taken = tuple(line.amount_minor - rest for line, rest in zip(goods, left, strict=True))
    return Discounts(taken, tuple(applied))


def _off(one: Promotion, base: int) -> int:
    if one.kind is PromotionKind.PERCENT:
        return min(base, round_half_up(Decimal(base) * (one.basis_points or 0) / 10_000))
    return min(base, one.amount_minor or 0)


def _is_for(one: Promotion, line: Goods) -> bool:
    everything = not one.skus and not one.products
    return everything or line.sku in one.skus or (line.product is not None and line.product in one.products)


def _check(one: Promotion | None, code: str, goods: Iterable[Goods], currency: str, at: datetime) -> None:
    """Raise `Refused` unless the code holds. What is not there, switched off or still to come is answered alike."""
    if one is None or not one.active or (one.starts_at is not None and at < one.starts_at):
        raise Refused(unknown(code))
    if one.ends_at is not None and one.ends_at <= at:
        raise Refused(_no(RefusalCode.PROMOTION_EXPIRED, f"The code {code} has expired.", code))
    if one.uses_left is not None and one.uses_left <= 0:
        raise Refused(exhausted(code))
    if one.first_order_only and not one.first_order:
        raise Refused(_no(RefusalCode.PROMOTION_NOT_APPLICABLE, f"The code {code} is for a first order.", code))
    if one.own_uses_left is not None and one.own_uses_left <= 0:
        raise Refused(already_used(code))
    if one.currency is not None and one.currency != currency:
        message = f"The code {code} is for carts in {one.currency}."
        raise Refused(_no(RefusalCode.PROMOTION_NOT_APPLICABLE, message, code))
    meant = [line for line in goods if _is_for(one, line)]
    if not meant:
        message = f"The code {code} is for nothing in this cart."
        raise Refused(_no(RefusalCode.PROMOTION_NOT_APPLICABLE, message, code))
    if sum(line.amount_minor for line in meant) < one.minimum_minor:
        least = Money(one.minimum_minor, currency)
        message = f"The code {code} holds from {least} on, of the goods that it is for."
        raise Refused(_no(RefusalCode.PROMOTION_MINIMUM_NOT_MET, message, code))


def unknown(code: str) -> Refusal:
    """The one answer for a code that is not there, is switched off, or has not begun: nothing to learn by guessing."""
    return _no(RefusalCode.PROMOTION_UNKNOWN, f"The code {code} is not known.", code)


def exhausted(code: str) -> Refusal:
    """As many carts as may use the code have used it."""
    return _no(RefusalCode.PROMOTION_EXHAUSTED, f"The code {code} is used up.", code)


def already_used(code: str) -> Refusal:
    """This shopper has used it as often as a shopper may."""
    return _no(RefusalCode.PROMOTION_ALREADY_USED, f"You have used the code {code} already.", code)


def _no(code: RefusalCode, message: str, promotion: str) -> Refusal:
    return Refusal(code, message, {"promotion": promotion})
