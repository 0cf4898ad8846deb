"""How an update of stock ends, and what may be said when it is asked for."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

MAX_UNITS = 1_000_000_000
"""No count and no adjustment is larger: one that is was a slip of the hand."""


class StockOutcome(StrEnum):
    """What became of a count or an adjustment; only `DONE` has changed anything."""

    DONE = "done"
    STOCK_CHANGED = "stock_changed"
    BELOW_RESERVED = "below_reserved"
    UNKNOWN_LOCATION = "unknown_location"
    UNKNOWN_SKU = "unknown_sku"
    KEY_REUSED = "key_reused"
    BELOW_BACKORDERED = "below_backordered"


class BackorderKind(StrEnum):
    """Why units may be sold before they are there: more are on their way; or the thing is not out yet, so that none
    leaves before its day, though it may be there."""

    BACKORDER = "backorder"
    PREORDER = "preorder"


@dataclass(frozen=True, slots=True)
class StockUpdate:
    """The outcome, and the level as it is after it (of a repeat: as it was after the first time), in units."""

    outcome: StockOutcome
    on_hand: int
    reserved: int


@dataclass(frozen=True, slots=True)
class StockTerms:
    """How a level is sold. `safety_stock`: units that are never sold. `backorder_limit`: so many are sold beyond those
    that are there, and of a preorder so many at all; `expected_on` is when those come, as far as anybody knows, or when
    it comes out."""

    safety_stock: int = 0
    backorder_limit: int = 0
    backorder_kind: BackorderKind = BackorderKind.BACKORDER
    expected_on: date | None = None


@dataclass(frozen=True, slots=True)
class TermsUpdate:
    """The outcome, and the level and how it is sold after it, in units."""

    outcome: StockOutcome
    terms: StockTerms
    on_hand: int = 0
    reserved: int = 0
    backordered: int = 0
    sellable: int = 0
    """What carts can still get, units that are yet to come among them."""


@dataclass(frozen=True, slots=True)
class Backordered:
    """Units of a line that are sold and are yet to come."""

    sku: str
    quantity: int
    kind: BackorderKind
    expected_on: date | None
