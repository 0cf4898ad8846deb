"""Which carrier a parcel goes with, and at which rate: the same choice whatever the order of what there is."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.carriage import Choice, NoRate, Route, choose, rate_of, route_for
from domain.parcels import CarrierShipment, CarrierShipmentState, Rate

rates = st.builds(
    Rate,
    rate_id=st.uuids().map(str),
    service=st.sampled_from(["Post/Economy", "Post/Priority", "Swift/NextDay"]),
    cost_minor=st.integers(0, 5000),
    currency=st.sampled_from(["EUR", "EUR", "USD"]),
    days=st.none() | st.integers(1, 9),
)
routes = st.builds(
    Route,
    carrier=st.just("post"),
    services=st.lists(st.sampled_from(["Post/Economy", "Post/Priority", "Swift/NextDay"]), max_size=2).map(tuple),
    choose=st.sampled_from(Choice),
    within_days=st.none() | st.integers(1, 9),
    currency=st.sampled_from([None, "EUR", "USD"]),
)


@given(st.lists(rates, max_size=6).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))), routes)
def test_the_order_of_the_rates_makes_no_difference(drawn: tuple[list[Rate], list[Rate]], route: Route) -> None:
    some, other = drawn
    assert choose(some, route) == choose(other, route)


@given(st.lists(rates, max_size=6), routes)
def test_what_is_chosen_keeps_the_promise_and_nothing_better_does(some: list[Rate], route: Route) -> None:
    chosen = choose(some, route)
    if isinstance(chosen, str):
        assert route.carrier in chosen
        return
    assert chosen in some
    assert not route.services or chosen.service in route.services
    assert route.within_days is None or (chosen.days is not None and chosen.days <= route.within_days)
    assert route.currency in (None, chosen.currency)
    rivals = [
        rate
        for rate in some
        if (not route.services or rate.service in route.services)
        and (route.within_days is None or (rate.days is not None and rate.days <= route.within_days))
        and rate.currency == chosen.currency
    ]
    if route.choose is Choice.CHEAPEST:
        assert chosen.cost_minor == min(rate.cost_minor for rate in rivals)
    else:
        known = [rate.days for rate in rivals if rate.days is not None]
        assert chosen.days == (min(known) if known else None)


@pytest.mark.parametrize(
    ("some", "route", "why"),
    [
        ([], Route("post"), "offers none of its services; it offers nothing"),
        ([Rate("1", "A", 1, "EUR")], Route("post", services=("B",)), "offers none of B; it offers A"),
        ([Rate("1", "A", 1, "EUR", 5)], Route("post", within_days=4), "nothing that arrives within 4 days"),
        ([Rate("1", "A", 1, "EUR")], Route("post", within_days=4), "nothing that arrives within 4 days"),
        ([Rate("1", "A", 1, "EUR"), Rate("2", "A", 1, "USD")], Route("post"), "EUR and USD: they cannot be compared"),
        ([Rate("1", "A", 1, "EUR")], Route("post", currency="USD"), "no USD"),
    ],
)
def test_why_no_rate_will_do(some: list[Rate], route: Route, why: str) -> None:
    chosen = choose(some, route)
    assert isinstance(chosen, str)
    assert why in chosen


def test_the_most_particular_route_is_taken() -> None:
    ladder = [
        Route("any"),
        Route("ours", tenant="demo"),
        Route("here", location="florence"),
        Route("here-ours", location="florence", tenant="demo"),
        Route("express", method="express"),
        Route("express-here", method="express", location="florence"),
    ]
    for some in permutations(ladder):
        found = route_for(some, "demo", "express", "florence")
        assert found is not None
        assert found.carrier == "express-here"
    for place in range(1, len(ladder) + 1):
        found = route_for(ladder[:place], "demo", "express", "florence")
        assert found == ladder[place - 1]
    assert route_for(ladder[3:], "demo", "standard", "paris") is None
    assert route_for(ladder[:2], "another", "standard", "paris") == ladder[0]


def test_a_carrier_that_quotes_nothing_sells_what_was_asked_for() -> None:
    assert rate_of(CarrierShipment("s", "r", CarrierShipmentState.CREATED, None), Route("c")) == ""


def test_what_no_rate_is_found_for_is_named() -> None:
    created = CarrierShipment("s-7", "r", CarrierShipmentState.CREATED, None, rates=())
    with pytest.raises(NoRate, match="c offers none of fast") as none:
        rate_of(created, Route("c", services=("fast",)))
    assert none.value.carrier_shipment_id == "s-7"
