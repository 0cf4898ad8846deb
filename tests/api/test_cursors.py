"""A cursor says where a page ended, to those only who asked the question it was made for."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api.cursors import Cursors, Scalar
from api.problems import Problem

SIGNED = Cursors(["a secret"])

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
places = st.lists(scalars | st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=4)
queries = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.booleans(), max_size=3)
tenants = st.sampled_from(["demo", "other", "d", ""])


def refused(read: Cursors, tenant: str, query: dict[str, object], cursor: str) -> None:
    """As 400, and nothing else."""
    with pytest.raises(Problem) as no:
        read.read(tenant, query, cursor)
    assert (no.value.status, no.value.code) == (400, "cursor_invalid")


@given(tenants, queries, places)
def test_a_cursor_gives_its_place_back(tenant: str, query: dict[str, object], place: list[Scalar]) -> None:
    cursor = SIGNED.make(tenant, query, place)
    assert SIGNED.read(tenant, query, cursor) == place
    assert cursor.isascii()
    assert not set(cursor) & set("+/=& ")


@given(tenants, tenants, queries, queries, places)
def test_a_cursor_is_of_one_tenant_and_one_query(
    tenant: str, other: str, query: dict[str, object], another: dict[str, object], place: list[Scalar]
) -> None:
    assume((tenant, query) != (other, another))
    refused(SIGNED, other, another, SIGNED.make(tenant, query, place))


@given(places, st.data())
def test_a_cursor_that_was_altered_is_refused(place: list[Scalar], data: st.DataObject) -> None:
    cursor = SIGNED.make("demo", {}, place)
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("AbZ09-_=.é "))
    assume(cursor[at] != letter)
    refused(SIGNED, "demo", {}, cursor[:at] + letter + cursor[at + 1 :])
    refused(SIGNED, "demo", {}, cursor + letter)
    refused(SIGNED, "demo", {}, cursor[:at])


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    refused(SIGNED, "demo", {}, text)


def test_a_secret_is_rotated_without_losing_pages() -> None:
    old, rotated, later = Cursors(["old"]), Cursors(["new", "old"]), Cursors(["new"])
    before, after = old.make("demo", {}, [1]), rotated.make("demo", {}, [2])
    assert rotated.read("demo", {}, before) == [1]
    assert later.read("demo", {}, after) == [2]
    refused(later, "demo", {}, before)
