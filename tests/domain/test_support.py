"""Acts: what is possible is what is not refused, whatever the state, and each refusal has a code of the table."""

from hypothesis import given
from hypothesis import strategies as st

from api import checkout_acts, parcel_acts
from api.acts import router
from cli import order, parcel
from domain.support import CHECKOUT_ACTS, ORDER_ACTS, PARCEL_ACTS, OrderFacts, ParcelFacts, possible, refusal_of
from tests.acts import table, written

PARCELS = st.builds(ParcelFacts)
ORDERS = st.builds(OrderFacts, parcels=st.lists(PARCELS, max_size=3).map(tuple))


@given(ORDERS)
def test_an_order_lists_what_it_does_not_refuse_and_refuses_with_known_codes(facts: OrderFacts) -> None:
    for act in ORDER_ACTS:
        why = refusal_of(ORDER_ACTS, act.name, facts)
        assert (act.name in possible(ORDER_ACTS, facts)) == (why is None)
        assert why is None or (why.code in act.codes and why.message)


@given(PARCELS)
def test_so_does_a_parcel(facts: ParcelFacts) -> None:
    for act in PARCEL_ACTS:
        why = refusal_of(PARCEL_ACTS, act.name, facts)
        assert (act.name in possible(PARCEL_ACTS, facts)) == (why is None)
        assert why is None or why.code in act.codes


@given(ORDERS)
def test_an_order_is_held_or_may_be_and_one_that_has_ended_takes_nothing(facts: OrderFacts) -> None:
    acts = possible(ORDER_ACTS, facts)
    assert not {"hold", "release"} <= set(acts)
    assert not facts.ended or not acts
    assert ("acknowledge" in acts) <= facts.calls


def test_every_act_has_a_route_a_command_and_a_row_in_the_documentation() -> None:
    routes = {str(getattr(one, "path", "")).rpartition("/")[2] for one in router.routes} | {"cancel"}
    assert routes == {act.path for act in ORDER_ACTS}
    assert {str(one.name) for one in order.registered_commands} - {"show"} == {act.path for act in ORDER_ACTS}
    at_parcels = {str(getattr(one, "path", "")).rpartition("/")[2] for one in parcel_acts.router.routes}
    assert at_parcels == {act.path for act in PARCEL_ACTS} == {str(one.name) for one in parcel.registered_commands}
    at_checkouts = {str(getattr(one, "path", "")).rpartition("/")[2] for one in checkout_acts.router.routes}
    assert at_checkouts == {act.path for act in CHECKOUT_ACTS}
    assert written() == table()
