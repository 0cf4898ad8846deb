"""Messages of checkouts, orders and parcels: they travel unchanged; an order's hold no personal data."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import checkouts, orders, parcels, shipments
from domain.checkouts import CheckoutInput, Customer
from domain.orders import OrderInput
from domain.parcels import PostalAddress, VoidOutcome, VoidResult
from domain.shipments import ShipmentInput
from domain.states import CHECKOUT_MOVES, CheckoutState, is_terminal
from gateways.temporal import data_converter

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))


def messages() -> Iterator[type[Any]]:
    """Every dataclass of these modules."""
    modules: tuple[ModuleType, ...] = (checkouts, orders, parcels, shipments)
    for module in modules:
        for one in vars(module).values():
            if dataclasses.is_dataclass(one) and isinstance(one, type) and one.__module__ == module.__name__:
                yield one


MESSAGES = list(messages())
every_message = pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)


@every_message
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
async def test_a_message_arrives_as_it_was_sent(kind: type[Any], data: st.DataObject) -> None:
    sent = data.draw(st.from_type(kind))
    (back,) = await data_converter.decode(await data_converter.encode([sent]), [kind])
    assert back == sent
    assert type(back) is kind


@every_message
def test_a_message_is_frozen_and_has_no_room_for_more(kind: type[Any]) -> None:
    assert kind.__dataclass_params__.frozen
    assert hasattr(kind, "__slots__")


def contained(kind: Any) -> set[type[Any]]:
    """The dataclasses within a dataclass, however deep."""
    found: set[type[Any]] = set()
    ahead = [kind]
    while ahead:
        one = ahead.pop()
        if dataclasses.is_dataclass(one) and isinstance(one, type) and one not in found:
            found.add(one)
            ahead.extend(field.type for field in dataclasses.fields(one))
        ahead.extend(getattr(one, "__args__", ()))
    return found


@pytest.mark.parametrize("kind", [OrderInput, ShipmentInput])
def test_what_lives_for_weeks_knows_no_name_and_no_street(kind: type[Any]) -> None:
    assert not contained(kind) & {Customer, PostalAddress}
    names = {field.name for one in contained(kind) for field in dataclasses.fields(one)}
    assert not names & {"email", "name", "line1", "line2", "postal_code"}


def test_a_checkout_does_know_them() -> None:
    assert {Customer, PostalAddress} <= contained(CheckoutInput)


CAME_LATER = {"ship_within_seconds", "extension_limit_seconds"}
"""Checkouts that were begun before these were known go on without."""


def test_everything_that_may_vary_is_in_the_input() -> None:
    """A running checkout reads no setting: what could change has no default that hides its absence."""
    policy = next(field for field in dataclasses.fields(CheckoutInput) if field.name == "policy")
    assert policy.default is dataclasses.MISSING
    with_default = {one.name for one in dataclasses.fields(checkouts.Policy) if one.default is not dataclasses.MISSING}
    assert with_default == CAME_LATER


def test_two_states_are_not_an_end() -> None:
    open_ones = {state for state in CheckoutState if not is_terminal(CHECKOUT_MOVES, state)}
    assert open_ones == {CheckoutState.OPEN, CheckoutState.AWAITING_PAYMENT}


@pytest.mark.parametrize(
    ("outcome", "is_void"),
    [(VoidOutcome.VOIDED, True), (VoidOutcome.ALREADY_VOIDED, True), (VoidOutcome.TOO_LATE, False)],
)
def test_a_label_the_carrier_has_is_not_void(outcome: VoidOutcome, is_void: bool) -> None:
    assert VoidResult(outcome).is_void is is_void
