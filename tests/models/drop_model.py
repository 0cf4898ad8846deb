"""What a drop of one SKU ought to answer, by the rules of `domain/drops.py` alone: its gate, its line, its sums."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.drops import Denied, DropStage, free_units, next_in_line, opens_for, stage

Answer = tuple[Denied, int | None] | None
"""Why not, and the place in line: 0 is a granted one. None: let through."""


@dataclass
class Terms:
    """Of the drop."""

    opens_at: datetime
    closes_at: datetime
    allotment: int | None
    limit: int | None
    line_length: int
    grant_seconds: int
    early_access: dict[str, int] = field(default_factory=dict)


@dataclass
class Buyer:
    """A cart at the gate."""

    checkout: str
    customer: str
    units: int
    tier: str | None = None


@dataclass
class Place:
    """In the line; a customer has one, and comes again at its end."""

    units: int
    number: int
    state: str = "waiting"
    until: datetime | None = None


@dataclass
class Model:
    """Units on the shelf, what checkouts have of them, and the line."""

    terms: Terms
    on_hand: int
    taken: int = 0
    last: int = 0
    live: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Checkout → whose, and how many units: what it still has of the stock."""
    back: int = 0
    """Came back, and is not counted yet."""
    line: dict[str, Place] = field(default_factory=dict)

    @property
    def granted(self) -> int:
        """Units kept for those in line."""
        return sum(one.units for one in self.line.values() if one.state == "granted")

    @property
    def waiting(self) -> list[Place]:
        """First come first."""
        return sorted((one for one in self.line.values() if one.state == "waiting"), key=lambda one: one.number)

    @property
    def in_stock(self) -> int:
        """Units that nobody has."""
        return self.on_hand - sum(units for _, units in self.live.values())

    def settle(self, at: datetime) -> None:
        """What is due by then: count, let lapse, grant."""
        self.taken, self.back = self.taken - self.back, 0
        over = stage(self.terms.opens_at, self.terms.closes_at, at) is DropStage.CLOSED
        for one in self.line.values():
            if over and one.state in ("waiting", "granted"):
                one.state = "left"
            elif one.state == "granted" and one.until and one.until <= at:
                one.state = "lapsed"
        waiting = self.waiting
        for place in next_in_line([one.units for one in waiting], self._free()):
            waiting[place].state = "granted"
            waiting[place].until = at + timedelta(seconds=self.terms.grant_seconds)

    def enter(self, buyers: Sequence[Buyer], at: datetime) -> list[Answer]:
        """A batch at the gate, in order of arrival; those let through have their stock."""
        self.settle(at)
        return [self._enter(one, at) for one in buyers]

    def give_back(self, checkout: str) -> None:
        """All it has."""
        _, units = self.live.pop(checkout)
        self.back += units

    def _free(self) -> int:
        return free_units(self.terms.allotment, self.taken, self.granted, self.in_stock)

    def _enter(self, one: Buyer, at: datetime) -> Answer:
        mine = self.line.get(one.customer)
        had = sum(units for customer, units in self.live.values() if customer == one.customer)
        opens = opens_for(self.terms.opens_at, self.terms.early_access, one.tier, 0)
        match stage(opens, self.terms.closes_at, at):
            case DropStage.CLOSED:
                return Denied.CLOSED, None
            case DropStage.UPCOMING:
                return Denied.NOT_OPEN, None
        if self.terms.limit is not None and had + one.units > self.terms.limit:
            return Denied.LIMIT, None
        kept = mine if mine and mine.state == "granted" and one.units <= mine.units else None
        if one.units > self._free() + (kept.units if kept else 0):
            return Denied.SOLD_OUT, self._in_line(one)
        if kept:
            kept.state = "used"
        self.taken += one.units
        self.live[one.checkout] = (one.customer, one.units)
        return None

    def _in_line(self, one: Buyer) -> int | None:
        mine = self.line.get(one.customer)
        if mine and mine.state == "granted":
            return 0
        if mine is None or mine.state != "waiting":
            most = self.on_hand if self.terms.allotment is None else self.terms.allotment
            if len(self.waiting) >= self.terms.line_length or one.units > most:
                return None
            self.last += 1
            mine = self.line[one.customer] = Place(one.units, self.last)
        return self.waiting.index(mine) + 1
