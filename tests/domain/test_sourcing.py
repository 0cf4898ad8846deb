"""A cart comes from as few places as can be, whole or not at all, and no shelf gives more than it has."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from domain.pricing import CartLine
from domain.sourcing import Shelf, source

SKUS = ("a", "b", "c")
SHELVES = st.lists(
    st.dictionaries(st.sampled_from(SKUS), st.tuples(st.integers(0, 4), st.integers(0, 3))), max_size=4
).map(lambda places: {f"p{n}": place for n, place in enumerate(places)})
LINES = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 6), min_size=1).map(
    lambda wanted: tuple(CartLine(sku, n) for sku, n in sorted(wanted.items()))
)
Stock = dict[str, dict[str, tuple[int, int]]]


def shelves(stock: Stock) -> dict[str, dict[str, Shelf]]:
    return {place: {sku: Shelf(*both) for sku, both in on.items()} for place, on in stock.items()}


def enough(stock: Stock, lines: tuple[CartLine, ...], places: tuple[str, ...], *, beyond: bool) -> bool:
    """Whether these places together have all lines."""

    def most(place: str, sku: str) -> int:
        free, room = stock[place].get(sku, (0, 0))
        return free + room * beyond

    return all(sum(most(place, line.sku) for place in places) >= line.quantity for line in lines)


def best(stock: Stock, lines: tuple[CartLine, ...]) -> tuple[tuple[str, ...], bool] | None:
    """By trying all sets of places, small ones and near ones first; what is there before what is to come."""
    for beyond in (False, True):
        for size in range(1, len(stock) + 1):
            for places in combinations(stock, size):
                if enough(stock, lines, places, beyond=beyond):
                    return places, beyond
    return None


@given(stock=SHELVES, lines=LINES)
def test_all_lines_whole_from_the_smallest_nearest_set(stock: Stock, lines: tuple[CartLine, ...]) -> None:
    taken, wanted = source(lines, shelves(stock)), best(stock, lines)
    if wanted is None:
        assert taken is None
        return
    assert taken is not None
    places, beyond = wanted
    assert {take.place for take in taken} == set(places)
    assert beyond or not any(take.backordered for take in taken)
    for line in lines:
        assert sum(take.quantity for take in taken if take.sku == line.sku) == line.quantity


@given(stock=SHELVES, carts=st.lists(LINES, max_size=5))
def test_no_shelf_gives_more_than_it_has(stock: Stock, carts: list[tuple[CartLine, ...]]) -> None:
    left = shelves(stock)
    taken = [take for lines in carts for take in source(lines, left) or ()]
    for place, on in stock.items():
        for sku, (free, room) in on.items():
            here = [take for take in taken if (take.place, take.sku) == (place, sku)]
            later = sum(take.backordered for take in here)
            now = sum(take.quantity for take in here) - later
            assert (left[place][sku].free, left[place][sku].room) == (free - now, room - later)
            assert min(left[place][sku].free, left[place][sku].room) >= 0


@given(stock=SHELVES, lines=LINES)
def test_what_is_refused_leaves_the_shelves_alone(stock: Stock, lines: tuple[CartLine, ...]) -> None:
    left = shelves(stock)
    if source(lines, left) is None:
        assert left == shelves(stock)


@given(stock=SHELVES, lines=LINES)
def test_a_line_is_split_only_if_no_chosen_place_has_it_all(stock: Stock, lines: tuple[CartLine, ...]) -> None:
    taken = source(lines, shelves(stock)) or ()
    chosen = {take.place for take in taken}
    for line in lines:
        parts = [take for take in taken if take.sku == line.sku]
        if len(parts) > 1:
            assert all(stock[place].get(line.sku, (0, 0))[0] < line.quantity for place in chosen)
