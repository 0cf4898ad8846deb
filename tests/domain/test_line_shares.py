"""Shares of a line: however it goes back, piece by piece or at once, exactly what was paid goes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.line_shares import Share, SoldLine, share_of
from domain.shares import Part

lines = st.builds(SoldLine, st.integers(1, 60), st.integers(0, 10**9), st.integers(0, 10**9))


@given(lines, st.data())
def test_any_sequence_of_parts_comes_to_exactly_what_was_paid(line: SoldLine, data: st.DataObject) -> None:
    before, given_back = 0, []
    while before < line.quantity:
        part = data.draw(st.integers(0, line.quantity - before))
        given_back.append(share_of(line, before, part))
        before += part
        if part == 0:
            given_back.append(share_of(line, before, line.quantity - before))
            break
    assert sum(one.net_minor for one in given_back) == line.net_minor
    assert sum(one.tax_minor for one in given_back) == line.tax_minor
    assert sum(one.gross_minor for one in given_back) == line.gross_minor
    assert all(min(one.net_minor, one.tax_minor) >= 0 for one in given_back)


@given(lines, st.data())
def test_a_part_is_worth_the_same_in_one_step_or_in_two(line: SoldLine, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, line.quantity))
    second = data.draw(st.integers(0, line.quantity - first))
    one, two = share_of(line, 0, first), share_of(line, first, second)
    both = share_of(line, 0, first + second)
    assert both == Share(one.net_minor + two.net_minor, one.tax_minor + two.tax_minor)


@given(lines, st.integers(0, 59))
def test_pieces_of_a_line_differ_by_a_minor_unit_at_most(line: SoldLine, place: int) -> None:
    piece = share_of(line, place % line.quantity, 1)
    assert 0 <= piece.gross_minor - line.gross_minor // line.quantity <= 1


@given(lines, st.data())
def test_what_is_left_after_a_cancellation_is_what_its_parcel_takes(line: SoldLine, data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, line.quantity))
    part = Part("A", line.quantity, line.gross_minor, line.tax_minor, cancelled=gone)
    assert share_of(line, gone, line.quantity - gone).gross_minor == part.due_minor


@pytest.mark.parametrize(("before", "quantity"), [(0, 4), (3, 1), (-1, 1), (0, -1)])
def test_more_than_there_are_is_a_mistake(before: int, quantity: int) -> None:
    with pytest.raises(ValueError, match="pieces"):
        share_of(SoldLine(3, 100, 20), before, quantity)
