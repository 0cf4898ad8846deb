"""Which pieces are cancelled: those that wait, then the last parcel's; all that is asked for, or none."""

from hypothesis import given
from hypothesis import strategies as st

from domain.cancellations import Cancellable, TakeOut, choose
from domain.pricing import CartLine

HERE = [
    Cancellable("first", 0, False, {"S": 2}),
    Cancellable("second", 1, False, {"S": 2, "T": 1}),
    Cancellable("waiting", 2, True, {"S": 1}),
]


def test_what_leaves_first_is_touched_last() -> None:
    plan = choose([CartLine("S", 2)], HERE)
    assert (plan.stop, plan.take, plan.refusal) == (("waiting",), (TakeOut("second", "S", 1),), None)


def test_more_than_is_here_is_refused_as_a_whole() -> None:
    assert (
        choose([CartLine("S", 6)], HERE).refusal == "of 6 S only 5 are still here: what has left can only be returned"
    )
    assert choose([CartLine("U", 1)], HERE).refusal == "no U is here: what has left can only be returned"


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(1, 16))
def test_exactly_so_many_pieces_are_found(counts: list[int], wanted: int) -> None:
    here = [Cancellable(str(n), n, n % 2 == 1, {"S": count}) for n, count in enumerate(counts)]
    plan = choose([CartLine("S", wanted)], here)
    if wanted > sum(counts):
        assert plan.refusal
        return
    stopped = sum(count for n, count in enumerate(counts) if str(n) in plan.stop)
    assert stopped + sum(one.quantity for one in plan.take) == wanted
