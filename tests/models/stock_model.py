"""What stock ought to be, worked out in plain sums: the model that the state machine compares the tables with."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from domain.states import ReservationState
from tests.models.kit import PLACE

FAR = "lyon"
"""The second location: asked after the first."""

ALLOCATED, SHIPPED, RELEASED = ReservationState.ALLOCATED, ReservationState.SHIPPED, ReservationState.RELEASED
LEGAL = {("held", ALLOCATED), ("held", RELEASED), ("allocated", SHIPPED), ("allocated", RELEASED)}


@dataclass
class Level:
    """One SKU at one place. `beyond` of the reserved are not there."""

    on_hand: int = 0
    reserved: int = 0
    beyond: int = 0
    safety: int = 0
    limit: int = 0

    @property
    def free(self) -> int:
        """To be had of what is there."""
        return max(self.on_hand - self.safety - (self.reserved - self.beyond), 0)

    @property
    def room(self) -> int:
        """To be had of what is not there."""
        return self.limit - self.beyond


@dataclass
class Part:
    """What a cart has of a SKU at a place."""

    sku: str
    place: str
    units: int
    beyond: int
    state: str = "held"


@dataclass
class Sums:
    """Levels, and carts in order of arrival."""

    levels: dict[tuple[str, str], Level] = field(default_factory=dict)
    carts: dict[str, list[Part]] = field(default_factory=dict)

    def reserve(self, cart: str, wanted: dict[str, int]) -> bool:
        """Whether the cart has, or gets, its units: from the first place, else the second, else both."""
        if cart in self.carts:
            return True
        for beyond in (False, True):
            for places in ((PLACE,), (FAR,), (PLACE, FAR)):
                if all(sum(self._most(place, sku, beyond) for place in places) >= n for sku, n in wanted.items()):
                    self.carts[cart] = [part for sku, n in wanted.items() for part in self._take(places, sku, n)]
                    return True
        return False

    def _most(self, place: str, sku: str, beyond: bool) -> int:
        level = self.levels.get((place, sku), Level())
        return level.free + (level.room if beyond else 0)

    def _take(self, places: tuple[str, ...], sku: str, units: int) -> Iterator[Part]:
        """Whole from one of them if it can be; else what is free first, then what is yet to come."""
        levels = {place: self.levels.get((place, sku), Level()) for place in places}
        there = _fill(units, {place: level.free for place, level in levels.items()})
        later = _fill(units - sum(there.values()), {place: level.room for place, level in levels.items()})
        for place, level in levels.items():
            taken = there[place] + later[place]
            level.reserved += taken
            level.beyond += later[place]
            if taken:
                yield Part(sku, place, taken, later[place])

    def move(self, part: Part, to: ReservationState) -> None:
        """A whole part moves on."""
        if to is ALLOCATED:
            part.state = to.value
        else:
            self.move_units(part, part.units, to)

    def move_units(self, part: Part, units: int, to: ReservationState) -> None:
        """So many units leave, or go back."""
        level = self.levels[part.place, part.sku]
        given_up = min(units, part.beyond) if to is RELEASED else 0
        level.reserved -= units
        level.beyond -= given_up
        part.beyond -= given_up
        if to is SHIPPED:
            level.on_hand -= units
        if part.units > units:
            part.units -= units
        else:
            part.state = to.value
        self.cover(part.place, part.sku)

    def set_on_hand(self, place: str, sku: str, units: int) -> None:
        """So many are there now."""
        self.levels.setdefault((place, sku), Level()).on_hand = units
        self.cover(place, sku)

    def cover(self, place: str, sku: str) -> None:
        """What has come free goes to those who wait, in order of arrival."""
        level = self.levels[place, sku]
        for parts in self.carts.values():
            for part in parts:
                if (part.place, part.sku) == (place, sku) and (units := min(part.beyond, level.free)):
                    part.beyond -= units
                    level.beyond -= units

    def allocated(self) -> Iterator[tuple[str, Part]]:
        """Parts that are an order's and have not all left."""
        return ((cart, part) for cart, parts in self.carts.items() for part in parts if part.state == "allocated")


def _fill(units: int, most: dict[str, int]) -> dict[str, int]:
    """So many of each place."""
    for place, has in most.items():
        if units and has >= units:
            return {other: units if other == place else 0 for other in most}
    filled = {}
    for place, has in most.items():
        filled[place] = min(has, units)
        units -= filled[place]
    return filled
