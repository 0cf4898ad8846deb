"""How an update of stock ends, and what may be said when it is asked for."""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class StockUpdate:
    """The outcome, and the level as it is after it (of a repeat: as it was after the first time), in units."""

    outcome: StockOutcome
    on_hand: int
    reserved: int
