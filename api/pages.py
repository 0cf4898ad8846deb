"""Lists a page at a time, all alike: `limit`, `cursor`, and an answer of `items` and `next_cursor`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends

from api.cursors import Cursors, CursorText, PageSize, Scalar
from api.resources import Shared
from api.schemas.base import ProblemOut

Row = TypeVar("Row")
Place = list[Scalar]
"""Where a page ended: what the list is ordered by, the rest of its key behind."""


@dataclass(frozen=True, slots=True)
class PageAsked:
    """Which page of a list is asked for: `limit` rows from behind the cursor's place on."""

    limit: int
    _cursor: str | None
    _cursors: Cursors

    def after(self, tenant: str, name: str) -> Place | None:
        """The place behind which the page of the list of this name begins; None: at the beginning.

        Raises a `cursor_invalid` problem for a cursor of another list or tenant.
        """
        return self._cursors.read(tenant, {"list": name}, self._cursor) if self._cursor else None

    def cut(
        self, tenant: str, name: str, rows: Sequence[Row], place: Callable[[Row], Place]
    ) -> tuple[Sequence[Row], str | None]:
        """The page, of one row more than its limit, and the cursor of the next one if there is any."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return shown, self._cursors.make(tenant, {"list": name}, place(shown[-1])) if more else None


async def _asked(shared: Shared, limit: PageSize = 50, cursor: CursorText = None) -> PageAsked:
    return PageAsked(limit, cursor, Cursors.of(shared.settings))


PAGED: dict[int | str, dict[str, Any]] = {400: {"model": ProblemOut, "description": "The cursor is of another query."}}
"""What a list answers with besides: for its `responses`."""

Paged = Annotated[PageAsked, Depends(_asked)]
