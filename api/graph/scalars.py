"""Amounts, pages, and the cursors of connections."""

from collections.abc import Mapping, Sequence
from typing import Any, NewType

import strawberry
from graphql import GraphQLError

from api.cursors import Cursors, Scalar
from api.graph.asking import Asking
from api.graph.errors import invalid
from api.graph.limits import MOST_A_PAGE
from domain.money import MAX_MINOR

MinorUnits = NewType("MinorUnits", int)


def _read(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -MAX_MINOR <= value <= MAX_MINOR:
        raise GraphQLError("An amount is an integer of minor units.")
    return value


SCALARS: dict[object, Any] = {
    MinorUnits: strawberry.scalar(
        name="MinorUnits",
        description="An amount as an integer of its currency's minor units; it may be larger than an Int.",
        serialize=int,
        parse_value=_read,
    )
}


@strawberry.type
class PageInfo:
    """Whether there is more behind this page, and the cursor that leads to it."""

    has_next_page: bool
    end_cursor: str | None


def place_of(asking: Asking, query: Mapping[str, object], first: int, after: str | None) -> list[Scalar] | None:
    """Where a page begins. Raises a problem for a wrong size or a cursor of something else."""
    if not 1 <= first <= MOST_A_PAGE:
        raise invalid(f"`first` is 1 to {MOST_A_PAGE}.")
    if after is None:
        return None
    return Cursors.of(asking.shared.settings).read(asking.caller.tenant, query, after)


def cursors_of(asking: Asking, query: Mapping[str, object], places: Sequence[Sequence[Scalar]]) -> list[str]:
    """The cursor of each row."""
    made = Cursors.of(asking.shared.settings)
    return [made.make(asking.caller.tenant, query, place) for place in places]
