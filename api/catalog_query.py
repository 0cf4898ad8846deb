"""Reads a search out of a query string, and refuses what it does not know: a misspelled filter would find all."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from fastapi import Depends, Query, Request

from api.catalog_viewer import Viewer
from api.problems import Problem
from api.schemas.base import Short
from api.schemas.catalog import Instant, Status, Tag
from domain.catalog import ListingStatus
from domain.searching import AttributeRange, ProductQuery, SortBy, number

_PLAIN = {
    "q", "view", "status", "type", "brand", "tag", "sort", "updated_since", "customer_id", "limit", "cursor",
}  # fmt: skip
_NAMED = re.compile(r"(option|attr)\.([a-z][a-z0-9_]{0,39})(?:\.(min|max))?")
_MOST_FILTERS = 20

Sort = Literal["relevance", "id", "title", "created", "updated", "-relevance", "-id", "-title", "-created", "-updated"]
Named = tuple[tuple[str, tuple[str, ...]], ...]
Several = Annotated[list[Short], Query(max_length=20)]


def get_query(
    request: Request,
    viewer: Viewer,
    q: Annotated[
        str | None, Query(max_length=200, description='Words; "quoted" ones side by side, `or`, and `-without`.')
    ] = None,
    status: Annotated[list[Status] | None, Query(description="With `view=all`: any of them.")] = None,
    type: Annotated[list[Short] | None, Query(max_length=20, description="Any of them.")] = None,  # noqa: A002
    brand: Annotated[list[Short] | None, Query(max_length=20, description="Any of them.")] = None,
    tag: Annotated[list[Tag] | None, Query(max_length=20, description="All of them.")] = None,
    sort: Annotated[Sort | None, Query(description="`-relevance` with `q`, else `-created`.")] = None,
    updated_since: Annotated[Instant | None, Query(description="Changed at that instant or after it.")] = None,
) -> ProductQuery:
    """The search that a query string asks for. Raises a 422 problem for what it cannot mean.

    Also `option.NAME=`, `attr.NAME=`, `attr.NAME.min=` and `attr.NAME.max=`.
    """
    given = [pair for pair in request.query_params.multi_items() if pair[0] not in _PLAIN]
    options, attributes, ranges = named(given)
    if status and not viewer.everything:
        raise _wrong("status", "a storefront shows what is active; ask with view=all")
    words = " ".join((q or "").split()) + (" " if q and q[-1:].isspace() else "")
    if "\x00" in words:
        raise _wrong("q", "it has a control character")
    order = sort or ("-relevance" if words.strip() else "-created")
    if order.endswith("relevance") and not words.strip():
        raise _wrong("sort", "relevance needs words in q")
    return ProductQuery(
        words=words if words.strip() else None,
        everything=viewer.everything,
        statuses=tuple(ListingStatus(one) for one in status or ()),
        types=tuple(type or ()),
        brands=tuple(brand or ()),
        tags=tuple(tag or ()),
        options=options,
        attributes=attributes,
        ranges=ranges,
        updated_since=updated_since,
        sort=SortBy(order.removeprefix("-")),
        descending=order.startswith("-"),
    )


Asked = Annotated[ProductQuery, Depends(get_query)]


def _pairs(by_name: Mapping[str, list[str]]) -> Named:
    return tuple((name, tuple(values)) for name, values in sorted(by_name.items()))


def named(given: Sequence[tuple[str, str]]) -> tuple[Named, Named, tuple[AttributeRange, ...]]:
    """The filters whose names are the merchant's own, such as `option.size` and `attr.carat.min`: options, attributes
    and ranges. Raises a 422 problem for what it cannot mean."""
    options: dict[str, list[str]] = defaultdict(list)
    attributes: dict[str, list[str]] = defaultdict(list)
    ends: dict[str, dict[str, str]] = defaultdict(dict)
    if len(given) > _MOST_FILTERS:
        raise _wrong(given[_MOST_FILTERS][0], f"at most {_MOST_FILTERS} filters by option and attribute")
    for name, value in given:
        found = _NAMED.fullmatch(name)
        if found is None or (found[1] == "option" and found[3]):
            raise _wrong(name, "there is no such parameter")
        if not 0 < len(value) <= 200 or "\x00" in value:
            raise _wrong(name, "a value has 1 to 200 characters")
        if found[3]:
            if number(value) is None or found[3] in ends[found[2]]:
                raise _wrong(name, "it takes one plain number")
            ends[found[2]][found[3]] = value
        else:
            (options if found[1] == "option" else attributes)[found[2]].append(value)
    ranges = (
        AttributeRange(name, number(end.get("min", "")), number(end.get("max", "")))
        for name, end in sorted(ends.items())
    )
    return _pairs(options), _pairs(attributes), tuple(ranges)


def _wrong(field: str, message: str) -> Problem:
    detail = f"Some fields are missing or wrong: {field}."
    return Problem(422, "invalid_request", detail, errors=[{"field": field, "message": message}])
