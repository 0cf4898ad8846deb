"""State machines: every state can be reached, an end has no way out, and the database enforces the same moves."""

from collections.abc import Iterable
from enum import StrEnum

import pytest

from domain.states import MACHINES, CheckoutState, Moves, OrderState, PaymentState, ShipmentState, is_terminal
from models.migrations.rules_0002 import MOVES

ENDS = {
    "checkouts": {"completed", "failed", "expired", "cancelled"},
    "payments": {"captured", "voided", "failed"},
    "payment_operations": {"succeeded", "failed"},
    "reservations": {"shipped", "released"},
    "orders": {"closed", "cancelled"},
    "shipments": {"delivered", "returned_to_sender", "lost", "cancelled"},
}

every_machine = pytest.mark.parametrize("name", sorted(MACHINES))


def reach(moves: Moves, start: StrEnum) -> set[StrEnum]:
    """All states that can follow, however late, and the start."""
    seen, ahead = {start}, [start]
    while ahead:
        for state in moves.get(ahead.pop(), frozenset()) - seen:
            seen.add(state)
            ahead.append(state)
    return seen


def ends(states: Iterable[StrEnum], moves: Moves) -> set[StrEnum]:
    return {state for state in states if is_terminal(moves, state)}


@every_machine
def test_every_state_is_reached_from_the_first(name: str) -> None:
    states, moves = MACHINES[name]
    first = next(iter(states))
    assert reach(moves, first) == set(states)


@every_machine
def test_the_ends_are_those_we_know_and_have_no_way_out(name: str) -> None:
    states, moves = MACHINES[name]
    assert ends(states, moves) == ENDS[name]
    for end in ends(states, moves):
        assert reach(moves, end) == {end}


@every_machine
def test_every_state_can_come_to_an_end(name: str) -> None:
    states, moves = MACHINES[name]
    for state in states:
        assert reach(moves, state) & ends(states, moves)


@every_machine
def test_no_state_is_left_for_itself_and_none_comes_again(name: str) -> None:
    states, moves = MACHINES[name]
    for state in states:
        for after in moves.get(state, frozenset()):
            assert state not in reach(moves, after)


@every_machine
def test_a_table_names_only_its_own_states(name: str) -> None:
    states, moves = MACHINES[name]
    assert {type(state) for state in moves} == {states}
    assert {type(after) for nexts in moves.values() for after in nexts} == {states}


def test_the_tables_cannot_be_changed() -> None:
    _, moves = MACHINES["orders"]
    with pytest.raises(TypeError):
        moves[OrderState.CANCELLED] = frozenset({OrderState.SHIPPED})  # type: ignore[index]


def test_the_databases_trigger_knows_the_same_moves() -> None:
    ours = {
        (name, state.value, after.value)
        for name, (_, moves) in MACHINES.items()
        for state, nexts in moves.items()
        for after in nexts
    }
    assert set(MOVES) == ours
    assert len(MOVES) == len(ours)


@pytest.mark.parametrize(
    ("name", "state", "never"),
    [
        ("orders", OrderState.CANCELLED, OrderState.SHIPPED),
        ("orders", OrderState.SHIPPED, OrderState.CANCELLED),
        ("checkouts", CheckoutState.EXPIRED, CheckoutState.COMPLETED),
        ("payments", PaymentState.VOIDED, PaymentState.CAPTURED),
        ("payments", PaymentState.CAPTURED, PaymentState.VOIDED),
        ("shipments", ShipmentState.HANDED_OVER, ShipmentState.CANCELLED),
        ("shipments", ShipmentState.DELIVERED, ShipmentState.LABEL_BOUGHT),
    ],
)
def test_what_must_never_be_possible(name: str, state: StrEnum, never: StrEnum) -> None:
    assert never not in reach(MACHINES[name][1], state)


def test_nothing_is_captured_that_was_not_authorized() -> None:
    _, moves = MACHINES["payments"]
    assert {state for state, nexts in moves.items() if PaymentState.CAPTURED in nexts} == {PaymentState.AUTHORIZED}
