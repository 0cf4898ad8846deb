"""Where a cart's units come from: in as few parcels as can be, then from where is asked first.

What is there comes before what is yet to come: units beyond the stock are promised only when all places together have
not enough.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from domain.pricing import CartLine

PLACES = 8
"""The smallest set of places is looked for among so many that are asked first; if none will do, all of them are."""


@dataclass(slots=True)
class Shelf:
    """What a place can still give of a SKU: units that are there and free, and room for units that are yet to come."""

    free: int
    room: int = 0

    def most(self, *, beyond: bool) -> int:
        """All it can give, with or without what is yet to come."""
        return self.free + (self.room if beyond else 0)


@dataclass(frozen=True, slots=True)
class Take:
    """So many of a SKU from a place; `backordered` of them are yet to come."""

    sku: str
    place: str
    quantity: int
    backordered: int = 0


Shelves = Mapping[str, Mapping[str, Shelf]]
"""Place → SKU → shelf; the places in the order in which they are asked."""

_NOTHING = Shelf(0)


def source(lines: Sequence[CartLine], shelves: Shelves) -> tuple[Take, ...] | None:
    """Take all lines (one a SKU) off the shelves, which have less afterwards; or None, and nothing is taken."""
    for beyond in (False, True):
        if chosen := _fewest(lines, shelves, beyond=beyond):
            return tuple(take for line in lines for take in _take(line, chosen, shelves))
    return None


def _fewest(lines: Sequence[CartLine], shelves: Shelves, *, beyond: bool) -> tuple[str, ...]:
    """The smallest set of places that have it all together; of several the one that is asked first. Empty for none."""

    def enough(places: Iterable[str]) -> bool:
        asked = [shelves[place] for place in places]
        return all(
            sum(shelf.get(line.sku, _NOTHING).most(beyond=beyond) for shelf in asked) >= line.quantity for line in lines
        )

    if not enough(shelves):
        return ()
    useful = [
        place
        for place, shelf in shelves.items()
        if any(shelf.get(line.sku, _NOTHING).most(beyond=beyond) > 0 for line in lines)
    ]
    near = useful[:PLACES]
    sets = (chosen for size in range(1, len(near) + 1) for chosen in combinations(near, size))
    return next(filter(enough, sets), tuple(useful))


def _take(line: CartLine, places: Sequence[str], shelves: Shelves) -> Iterator[Take]:
    """A line whole from one place if one has it all; else from one after the other, what is there first."""
    stocked = [(place, shelves[place][line.sku]) for place in places if line.sku in shelves[place]]
    there = _spread(line.quantity, [shelf.free for _, shelf in stocked])
    to_come = _spread(line.quantity - sum(there), [shelf.room for _, shelf in stocked])
    for (place, shelf), now, later in zip(stocked, there, to_come, strict=True):
        if now + later:
            shelf.free -= now
            shelf.room -= later
            yield Take(line.sku, place, now + later, later)


def _spread(quantity: int, most: Sequence[int]) -> list[int]:
    """So many of each: all of the first that has enough, or as much as there is of one after the other."""
    if whole := [n for n, has in enumerate(most) if quantity and has >= quantity]:
        return [quantity if n == whole[0] else 0 for n in range(len(most))]
    taken = []
    for has in most:
        taken.append(min(has, quantity))
        quantity -= taken[-1]
    return taken
