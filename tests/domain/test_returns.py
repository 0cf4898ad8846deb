"""What goes back for a return: exactly what was paid, never more, whatever comes back in whichever order."""

from hypothesis import given
from hypothesis import strategies as st

from domain.line_shares import SoldLine
from domain.returns import (
    Delivered,
    Inspected,
    Payer,
    ReturnLine,
    ReturnPolicy,
    ReturnReason,
    ShippingBack,
    Unaccepted,
    approves,
    misfit,
    settle,
    swap,
)

amounts = st.integers(0, 10**9)
reasons = st.sets(st.sampled_from(ReturnReason), min_size=1)
policies = st.builds(
    ReturnPolicy,
    window_seconds=st.just(1),
    send_within_seconds=st.just(1),
    inspect_within_seconds=st.just(1),
    approve_up_to_minor=amounts,
    approve_reasons=st.lists(st.sampled_from(ReturnReason)).map(tuple),
    shipping=st.sampled_from(ShippingBack),
    label=st.sampled_from(Payer),
    unaccepted=st.sampled_from(Unaccepted),
)


@given(policies, amounts, amounts, st.booleans(), amounts, reasons, amounts)
def test_never_more_than_is_left_nor_less_than_nothing(
    policy: ReturnPolicy,
    goods: int,
    shipping: int,
    is_last: bool,
    label: int,
    why: set[ReturnReason],
    refundable: int,
) -> None:
    back = settle(
        policy,
        goods_minor=goods,
        shipping_minor=shipping,
        is_last=is_last,
        label_minor=label,
        reasons=why,
        refundable_minor=refundable,
    )
    assert 0 <= back.refund_minor <= refundable
    assert back.goods_minor <= goods
    assert back.shipping_minor in (0, min(shipping, refundable - back.goods_minor))
    if not is_last or policy.shipping is ShippingBack.NEVER:
        assert back.shipping_minor == 0
    if policy.label is Payer.SHOP or why & {ReturnReason.DAMAGED, ReturnReason.WRONG_ITEM}:
        assert back.label_minor == 0


@given(st.integers(1, 30), amounts, st.data())
def test_pieces_that_come_back_in_any_parts_are_worth_what_was_paid_for_them(
    quantity: int, gross: int, data: st.DataObject
) -> None:
    tax, cancelled = data.draw(st.integers(0, gross)), data.draw(st.integers(0, quantity - 1))
    line = Delivered("shp", "S", quantity, gross, tax, cancelled, 0)
    kept, whole = line.worth(line.left), []
    while line.left:
        pieces = data.draw(st.integers(1, line.left))
        whole.append(line.worth(pieces))
        line = Delivered("shp", "S", quantity, gross, tax, cancelled, line.paid_back + pieces)
    assert sum(one.gross_minor for one in whole) == kept.gross_minor
    assert sum(one.tax_minor for one in whole) == kept.tax_minor
    assert all(0 <= one.tax_minor <= one.gross_minor for one in whole)


@given(policies, amounts, reasons)
def test_a_policy_approves_what_is_cheap_or_for_its_reasons_only(
    policy: ReturnPolicy, worth: int, why: set[ReturnReason]
) -> None:
    cheap, known = worth <= policy.approve_up_to_minor, why <= set(policy.approve_reasons)
    assert approves(policy, worth, why) is (cheap or known)


def test_an_inspection_answers_for_each_piece_once() -> None:
    lines = [ReturnLine("p", "A", 2, ReturnReason.DAMAGED), ReturnLine("p", "B", 1, ReturnReason.DAMAGED)]
    whole = [Inspected("p", "A", restock=1, rejected=1), Inspected("p", "B", damaged=1)]
    assert misfit(lines, whole) is None
    assert misfit(lines, whole[:1]) == "1 x B came back, 0 were inspected"
    assert misfit(lines, [*whole, whole[0]]) == "a line is named twice"
    assert misfit(lines, [*whole, Inspected("p", "C", restock=1)]) == "no C is in this return"
    assert misfit(lines, [Inspected("p", "A", restock=3), whole[1]]) == "2 x A came back, 3 were inspected"


@st.composite
def comings_and_goings(draw: st.DrawFn) -> tuple[int, int, int, list[tuple[int, int | None]]]:
    """A line of so many pieces for so much, and returns of all of it: each of some pieces, exchanged for what costs so
    much for all of them, or (None) not."""
    pieces, paid = draw(st.integers(1, 9)), draw(st.integers(0, 100_000))
    tax, parts, left = draw(st.integers(0, paid)), [], pieces
    while left:
        some = draw(st.integers(1, left))
        parts.append((some, draw(st.none() | st.integers(0, 2 * paid))))
        left -= some
    return pieces, paid, tax, parts


@given(comings_and_goings(), st.data())
def test_what_is_paid_back_and_what_goes_out_instead_is_what_was_paid(
    told: tuple[int, int, int, list[tuple[int, int | None]]], data: st.DataObject
) -> None:
    pieces, paid, tax, parts = told
    before, refunded = 0, 0
    for some, cost in parts:
        back = Delivered("shp", "A", pieces, paid, tax, 0, before).worth(some)
        before += some
        if cost is None:
            refunded += back.gross_minor
            continue
        wanted = data.draw(st.integers(some, some + 2), label="asked for, of which some were accepted")
        out = swap(SoldLine(wanted, cost - cost // 6, cost // 6), some, back)
        assert 0 <= out.tax_minor <= out.gross_minor <= back.gross_minor
        refunded += back.gross_minor - out.gross_minor
        # It is the customer's now, and may come back like anything, a piece at a time.
        again = [Delivered("shp_2", "B", some, out.gross_minor, out.tax_minor, 0, n).worth(1) for n in range(some)]
        refunded += sum(one.gross_minor for one in again)
    assert refunded == paid
