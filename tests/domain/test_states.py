"""State machines: every state can be reached, an end has no way out, and the database enforces the same moves."""

import importlib
import pkgutil
from collections.abc import Iterable
from enum import StrEnum

import pytest

from domain.states import (
    MACHINES,
    CheckoutState,
    DisputeState,
    Moves,
    OperationState,
    OrderState,
    PaymentState,
    ShipmentState,
    is_terminal,
)
from models import migrations

ENDS = {
    "checkouts": {"completed", "failed", "expired", "cancelled"},
    "payments": {"voided", "failed"},
    "payment_operations": {"reversed", "failed"},
    "disputes": {"inquiry_closed", "won", "lost"},
    "reservations": {"shipped", "released"},
    "promotion_redemptions": {"released"},
    "orders": {"closed", "cancelled"},
    "memberships": {"lapsed", "cancelled", "failed"},
    "returns": {"refunded", "exchanged", "rejected", "expired", "cancelled"},
    "refund_requests": {"declined", "expired", "failed"},
    "membership_periods": {"paid", "written_off"},
    "shipments": {"delivered", "returned_to_sender", "lost", "cancelled"},
    "drop_tickets": set(),
    "mails": {"sent", "moot"},
}

BACK = {
    "mails": {("failed", "pending")},  # support has it tried again
    "payments": {("lapsed", "authorized"), ("refunded", "captured")},  # held anew on the saved card; a refund bounced
    "disputes": {("under_review", "needs_response")},  # the bank asks once more
    "drop_tickets": {
        ("used", "waiting"),
        ("lapsed", "waiting"),
        ("left", "waiting"),  # a place at the end of the line
        ("used", "granted"),  # the cart went no further
    },
    "memberships": {("past_due", "active")},  # paid late
}
"""The ways back there are, with their reasons. Without them no state comes again."""

RESTS = {"mails": {"failed"}, "payments": {"refunded"}, "drop_tickets": {"used", "lapsed", "left"}}
"""Where a machine stays for good unless it goes one of the ways back."""

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


def onward(name: str) -> Moves:
    """A machine's moves without its ways back."""
    _, moves = MACHINES[name]
    back = BACK.get(name, set())
    return {state: frozenset(one for one in nexts if (state, one) not in back) for state, nexts in moves.items()}


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
    states, _ = MACHINES[name]
    moves = onward(name)
    assert ends(states, moves) == ENDS[name] | RESTS.get(name, set())
    for state in states:
        assert reach(moves, state) & ends(states, moves)


@every_machine
def test_no_state_is_left_for_itself_and_none_comes_again_but_by_a_known_way_back(name: str) -> None:
    states, _ = MACHINES[name]
    moves = onward(name)
    assert sum(map(len, MACHINES[name][1].values())) - sum(map(len, moves.values())) == len(BACK.get(name, ()))
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
    files = (name for _, name, _ in pkgutil.iter_modules(migrations.__path__) if name.startswith("rules_"))
    rules = [importlib.import_module(f"models.migrations.{name}") for name in files]
    written = [move for one in rules for move in getattr(one, "MOVES", ())]
    assert set(written) == ours
    assert len(written) == len(ours)


@pytest.mark.parametrize(
    ("name", "state", "never"),
    [
        ("orders", OrderState.CANCELLED, OrderState.SHIPPED),
        ("orders", OrderState.SHIPPED, OrderState.CANCELLED),
        ("checkouts", CheckoutState.EXPIRED, CheckoutState.COMPLETED),
        ("payments", PaymentState.VOIDED, PaymentState.CAPTURED),
        ("payments", PaymentState.VOIDED, PaymentState.AUTHORIZED),
        ("payments", PaymentState.CAPTURED, PaymentState.VOIDED),
        ("payments", PaymentState.CAPTURED, PaymentState.LAPSED),
        ("payments", PaymentState.REFUNDED, PaymentState.VOIDED),
        ("payments", PaymentState.FAILED, PaymentState.CAPTURED),
        ("payment_operations", OperationState.FAILED, OperationState.SUCCEEDED),
        ("payment_operations", OperationState.REVERSED, OperationState.SUCCEEDED),
        ("payment_operations", OperationState.SUCCEEDED, OperationState.FAILED),
        ("disputes", DisputeState.WON, DisputeState.LOST),
        ("disputes", DisputeState.LOST, DisputeState.WON),
        ("disputes", DisputeState.NEEDS_RESPONSE, DisputeState.INQUIRY),
        ("shipments", ShipmentState.HANDED_OVER, ShipmentState.CANCELLED),
        ("shipments", ShipmentState.DELIVERED, ShipmentState.LABEL_BOUGHT),
    ],
)
def test_what_must_never_be_possible(name: str, state: StrEnum, never: StrEnum) -> None:
    assert never not in reach(MACHINES[name][1], state)


def test_money_is_taken_of_what_is_being_paid_or_held_and_of_nothing_that_ended() -> None:
    """Pending or waiting for the shopper: it was to be taken at once. That no more is taken than was held, the
    table's own constraint sees to."""
    before = {state for state, nexts in onward("payments").items() if PaymentState.CAPTURED in nexts}
    assert before == {PaymentState.PENDING, PaymentState.REQUIRES_ACTION, PaymentState.AUTHORIZED}


def test_only_what_was_captured_is_refunded() -> None:
    before = {state for state, nexts in MACHINES["payments"][1].items() if PaymentState.REFUNDED in nexts}
    assert before == {PaymentState.CAPTURED}
