"""The worker dies at the points where money and stock change hands, and nothing is lost, doubled or left.

All points: `make kill-points`; they take longer than a test may.
"""

from collections.abc import Iterator

import pytest
from rich.console import Console

from sandbox.stack import Stack
from tests.kill_points.matrix import OPTIONS, Cell, run
from tests.test_worker import defined_activities, name_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

HERE = {
    "payments.authorize": "between", "orders.place": "between", "Checkout run": "before", "carrier.buy": "between",
    "payments.capture": "between", "shipping.record_handover": "between", "payments.void": "between",
    "labels.buy": "between", "shipping.leave": "between",
    "payments.refund": "between", "returns.settle": "between", "Order update cancel": "before",
    "cancellations.cancel": "between", "dues.begin": "between",
}  # fmt: skip
"""Step → the point that is struck on every change: an effect that nobody has written down yet, where there is one."""

NOT_LIVED = {
    "checkouts.open": "the API's door does it in one transaction before a workflow begins; only old checkouts run it",
    "shipping.prepare": "parcels that began with an activity a step: tests/workflows/test_replay.py",
    "labels.booked": "no label could be bought: the fault table",
    "carrier.track": "a carrier that is silent for days is asked: tests/flow/test_silence.py",
    "tracking.last_word": "the same", "tracking.record_said": "the same", "tracking.record_silence": "the same",
    "orders.flag": "a person is called: the fault table", "orders.note": "support's acts: tests/flow",
    "journal.finish_void": "a void that somebody else made: tests/flow/test_payment_life.py",
    "payments.find_authorization": "a key that is spent: the fault table", "journal.renew": "the same",
    "journal.renew_authorization": "the same", "journal.begin_reauthorization": "an authorization that lapses:"
    " tests/expiry", "journal.record_reauthorization": "the same", "journal.record_lapse": "the same",
    "memberships.terms": "another tier: tests/flow/test_memberships.py", "memberships.flag": "a person is called",
    "drops.look_after_line": "the line of a drop: tests/flow/test_drops.py",
    "addresses.write": "another address: tests/flow/test_other_acts.py", "checkouts.extend": "the same file",
    "resolving.resolve": "the same file", "orders.end": "the same file", "orders.hold": "tests/flow/test_holding.py",
    "refunds.move": "a refund that waits for a second person: tests/flow/test_second_person.py",
    "trail.write": "an act past the API: tests/flow/test_by_hand.py",
    "cancellations.finish_release": "a part of a hold is given back: tests/flow/test_parcels.py",
    "shipping.record_capture_failure": "a capture that is refused: the fault table",
    "shipping.record_stage": "the dock says picked and packed: tests/flow/test_parcels.py",
    "shipping.look_for_stock": "a backorder: tests/flow/test_backorder.py",
}  # fmt: skip
"""Activities that none of the lives has: why, and where they are struck instead."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Every process but the worker, which is ours to kill."""
    with Stack(OPTIONS) as running:
        yield running


async def test_a_worker_that_dies_at_a_step_changes_nothing(stack: Stack) -> None:
    matrix = await run(stack, lambda cell: HERE.get(cell.step) == cell.point, lambda _all, _one: None)
    Console(width=200).print(matrix.markdown(), markup=False)
    assert {cell.step for cell in matrix.cells} == HERE.keys()
    assert not [wrong for cell in matrix.cells for wrong in _wrong(cell)]
    known = {name_of(one) for one in defined_activities().values()}
    assert known - matrix.steps.keys() == NOT_LIVED.keys(), "an activity that no life has needs a reason, or a life"


def _wrong(cell: Cell) -> Iterator[str]:
    if cell.wrong:
        yield f"{cell.step}, {cell.point}: {cell.wrong}"
