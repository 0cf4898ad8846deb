"""Shares of parcels conserve the order to the last minor unit, whatever leaves first and whatever is cancelled."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import portion
from domain.shares import (
    LineTotal,
    ParcelShare,
    Part,
    Reserved,
    book_capture,
    plan_capture,
    plan_parcels,
)

PLACES = ("a", "b", "c", "d")
LINES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(PLACES), st.integers(1, 9), min_size=1),
        st.integers(0, 10**7),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=4,
)


def planned(drawn: list[tuple[dict[str, int], int, int]]) -> tuple[list[LineTotal], list[ParcelShare]]:
    """Lines whose pieces lie at these places, of that price and per cent of tax in it; and their parcels."""
    totals = [
        LineTotal(f"S{n}", sum(pieces.values()), gross, gross * tax // 100)
        for n, (pieces, gross, tax) in enumerate(drawn)
    ]
    held = [Reserved(place, f"S{n}", count) for n, (at, _, _) in enumerate(drawn) for place, count in at.items()]
    return totals, [ParcelShare(one.location_id, one.parts) for one in plan_parcels(totals, held)]


@given(LINES)
def test_parcels_add_up_to_the_order_line_by_line(drawn: list[tuple[dict[str, int], int, int]]) -> None:
    totals, parcels = planned(drawn)
    for line in totals:
        parts = [part for parcel in parcels for part in parcel.parts if part.sku == line.sku]
        assert sum(part.quantity for part in parts) == line.quantity
        assert sum(part.gross_minor for part in parts) == line.gross_minor
        assert sum(part.tax_minor for part in parts) == line.tax_minor
        assert all(0 <= part.tax_minor <= part.gross_minor for part in parts)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_piece_by_piece_is_what_all_at_once_is(gross: int, steps: list[int]) -> None:
    whole = max(sum(steps), 1)
    part, given_back = Part("S", whole, gross, 0), 0
    for pieces in steps:
        after = part.without(pieces)
        given_back += part.due_minor - after.due_minor
        part = after
    assert given_back == portion(gross, sum(steps), whole)
    assert part.due_minor == gross - given_back >= 0


@given(LINES, st.integers(0, 9_999), st.booleans(), st.data())
def test_captures_come_to_what_is_sent_whatever_leaves_first_and_whatever_does_not(
    drawn: list[tuple[dict[str, int], int, int]], shipping: int, several: bool, data: st.DataObject
) -> None:
    _, parcels = planned(drawn)
    order = data.draw(st.permutations([one.shipment_id for one in parcels]))
    stays = data.draw(st.sets(st.sampled_from(order)))
    left = {one.shipment_id: one for one in parcels}
    captured = owed = 0
    for key in order:
        if key in stays:
            owed += left[key].goods_minor if left[key].paid_minor is not None else 0
            left[key] = replace(left[key], cancelled=True)
            continue
        if left[key].paid_minor is not None:
            continue
        plan = plan_capture(list(left.values()), key, shipping_minor=shipping, several=several)
        left[key] = replace(left[key], shipping_minor=plan.shipping_minor, waived_minor=plan.waived_minor)
        captured += plan.amount_minor
        for paid, amount in book_capture(list(left.values()), key, plan.amount_minor).items():
            left[paid] = replace(left[paid], paid_minor=amount)
        assert plan.final == (not several or not any(one.to_pay for one in left.values()))
    sent = sum(one.goods_minor for one in left.values() if not one.cancelled)
    anything = any(not one.cancelled for one in left.values())
    assert captured - owed == sent + (shipping if anything else 0)


def test_what_waits_for_stock_is_a_parcel_of_its_own_and_comes_last() -> None:
    found = plan_parcels([LineTotal("S", 5, 500, 83)], [Reserved("a", "S", 3, backordered=2), Reserved("b", "S", 2)])
    assert [(one.location_id, one.waits, one.parts[0].quantity) for one in found] == [
        ("a", False, 1), ("b", False, 2), ("a", True, 2),
    ]  # fmt: skip


def test_the_dock_leaves_something_out() -> None:
    parcels = [ParcelShare("a", (Part("S", 1, 100, 0),)), ParcelShare("b", (Part("S", 1, 100, 0),))]
    plan = plan_capture(parcels, "a", shipping_minor=10, several=False, at_most=60)
    assert (plan.amount_minor, plan.own_minor, plan.waived_minor, plan.final) == (160, 60, 50, True)


def test_what_is_reserved_must_be_what_was_ordered() -> None:
    with pytest.raises(ValueError, match="1 of S are reserved, 2 were ordered"):
        plan_parcels([LineTotal("S", 2, 100, 0)], [Reserved("a", "S", 1)])
