"""Refunds by hand: however they are asked for, what is let through adds up to no more than each limit."""

from hypothesis import given
from hypothesis import strategies as st

from domain.refunds import RefundLimits, beyond

limit = st.none() | st.integers(1, 1_000)


@given(limit, limit, limit, st.lists(st.tuples(st.integers(1, 600), st.sampled_from("ab"), st.sampled_from("xy"))))
def test_what_is_let_through_stays_within_each_limit(
    most: int | None, order_most: int | None, day_most: int | None, asked: list[tuple[int, str, str]]
) -> None:
    limits = RefundLimits(most, order_most, day_most, 0, 60)
    let: list[tuple[int, str, str]] = []
    for wanted, order, actor in asked:
        of_order = sum(amount for amount, one, _ in let if one == order)
        by_actor = sum(amount for amount, _, one in let if one == actor)
        refusal = beyond(limits, wanted, "EUR", of_order_minor=of_order, by_actor_minor=by_actor)
        if refusal is None:
            let.append((wanted, order, actor))
        else:
            before = {"refund": 0, "order": of_order, "actor_day": by_actor}[refusal.facts["limit"]]
            assert int(refusal.facts["left"]) == max(int(refusal.facts["most"]) - before, 0) < wanted
    assert all(most is None or amount <= most for amount, _, _ in let)
    for name in "ab":
        assert order_most is None or sum(amount for amount, one, _ in let if one == name) <= order_most
    for name in "xy":
        assert day_most is None or sum(amount for amount, _, one in let if one == name) <= day_most
