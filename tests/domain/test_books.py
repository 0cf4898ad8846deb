"""Two books are compared: where they agree nothing is found, and of a planted difference exactly that."""

from dataclasses import replace
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.books import Drift, IntentBook, IntentStatus, OurBook, RefundBook, compare
from domain.states import OperationState, PaymentState

INTENT, PAYMENT = "pi_1", "pay_1"
HELD, TAKEN = IntentStatus.HELD, IntentStatus.TAKEN
amounts = st.integers(1, 10**9)
currencies = st.sampled_from(["EUR", "JPY", "KWD"])

# Our word for a refund → what the provider may say of it; None: it has no such refund.
SAID: dict[OperationState, list[OperationState | None]] = {
    OperationState.PENDING: [None],
    OperationState.SETTLING: [OperationState.SETTLING],
    OperationState.SUCCEEDED: [OperationState.SUCCEEDED],
    OperationState.REVERSED: [OperationState.FAILED],
    OperationState.FAILED: [OperationState.FAILED, None],
}
# Where our payment is → what its intent may be, when nothing of it is held or taken.
NO_MONEY = {
    PaymentState.VOIDED: [IntentStatus.CANCELLED, IntentStatus.UNDECIDED],
    PaymentState.LAPSED: [IntentStatus.CANCELLED, IntentStatus.UNDECIDED],
    PaymentState.PENDING: [IntentStatus.CANCELLED, IntentStatus.UNDECIDED],
    PaymentState.REQUIRES_ACTION: [IntentStatus.CANCELLED, IntentStatus.UNDECIDED],
    PaymentState.FAILED: [IntentStatus.CANCELLED, IntentStatus.UNDECIDED],
}


class Books(NamedTuple):
    """One payment in both."""

    theirs: IntentBook
    ours: OurBook


@st.composite
def agreeing(draw: st.DrawFn, *states: PaymentState) -> Books:
    """Two books that tell the same, of a payment in one of these states or in any."""
    state = draw(st.sampled_from(states or tuple(PaymentState)))
    authorized = draw(amounts)
    if state is PaymentState.AUTHORIZED:
        taken = draw(st.integers(0, authorized - 1))
        status, held = HELD, authorized - taken
    elif state in (PaymentState.CAPTURED, PaymentState.REFUNDED):
        status, held, taken = TAKEN, 0, draw(st.integers(1, authorized))
    else:
        status, held, taken = draw(st.sampled_from(NO_MONEY[state])), 0, 0
    known: dict[str, OperationState] = {}
    there = []
    for number in range(draw(st.integers(0, 4))):
        own = draw(st.sampled_from(OperationState))
        said = draw(st.sampled_from(SAID[own]))
        named, key = f"re_{number}", f"t/{PAYMENT}/refund/{number}"
        known_by, written = draw(st.sampled_from([(named, key), (named, None), (key, key)])) if said else (key, key)
        known[known_by] = own
        if said:
            there.append(RefundBook(named, draw(amounts), said, written))
    net = draw(st.dictionaries(currencies, st.integers(-(10**9), 10**9).filter(bool), max_size=2))
    theirs = IntentBook(INTENT, "t", status, held, taken, tuple(draw(st.permutations(there))), (), dict(net))
    return Books(theirs, OurBook(PAYMENT, INTENT, state, authorized, taken, known, dict(net)))


def only(books: Books) -> Drift:
    """The one thing that is found; it names both the intent and the payment."""
    (found,) = compare(*books)
    assert (found.intent_id, found.payment_id) == (INTENT, PAYMENT)
    return found


@given(agreeing())
def test_books_that_agree_have_no_difference(books: Books) -> None:
    assert compare(*books) == []


@given(agreeing(), amounts)
def test_another_amount_taken_is_found(books: Books, more: int) -> None:
    theirs = replace(books.theirs, status=TAKEN, held_minor=0, taken_minor=books.ours.captured_minor + more)
    found = only(books._replace(theirs=theirs))
    assert (found.rule, found.subject) == ("payment and intent agree", INTENT)
    assert found.expected.startswith(books.ours.state)
    assert found.found == f"taken, 0 held, {theirs.taken_minor} taken"


@given(agreeing(), amounts)
def test_money_held_that_we_do_not_know_of_is_found(books: Books, more: int) -> None:
    held = books.theirs.held_minor + more
    found = only(books._replace(theirs=replace(books.theirs, status=HELD, held_minor=held)))
    assert found.rule == "payment and intent agree"
    assert f"held, {held} held" in found.found


@given(
    agreeing(PaymentState.AUTHORIZED, PaymentState.CAPTURED, PaymentState.REFUNDED),
    st.sampled_from([IntentStatus.CANCELLED, IntentStatus.UNDECIDED]),
)
def test_money_that_is_not_there_is_found(books: Books, status: IntentStatus) -> None:
    gone = replace(books.theirs, status=status, held_minor=0, taken_minor=0)
    found = only(books._replace(theirs=gone))
    assert found.rule == "payment and intent agree"
    assert found.expected.startswith(books.ours.state)


@given(agreeing(), st.sampled_from(OperationState), amounts, st.none() | st.just("another/operation"))
def test_a_refund_that_we_do_not_know_is_found(
    books: Books, state: OperationState, amount: int, operation: str | None
) -> None:
    refund = RefundBook("re_new", amount, state, operation)
    found = only(books._replace(theirs=replace(books.theirs, refunds=(*books.theirs.refunds, refund))))
    assert (found.rule, found.subject) == ("refunds agree", "re_new")
    assert (found.expected, found.found) == ("no such refund", f"{state} of {amount}")


@given(agreeing(), st.sampled_from([OperationState.SETTLING, OperationState.SUCCEEDED]))
def test_a_refund_that_the_provider_does_not_have_is_found(books: Books, state: OperationState) -> None:
    ours = replace(books.ours, refunds={**books.ours.refunds, "t/pay_1/refund/99": state})
    found = only(books._replace(ours=ours))
    assert (found.rule, found.subject) == ("refunds agree", "t/pay_1/refund/99")
    assert (found.expected, found.found) == (state, "no such refund")


@given(agreeing(), st.data())
def test_a_refund_that_ended_otherwise_is_found(books: Books, data: st.DataObject) -> None:
    assume(books.theirs.refunds)
    refund = data.draw(st.sampled_from(books.theirs.refunds))
    name = next(one for one in (refund.provider_id, refund.operation) if one in books.ours.refunds)
    own = data.draw(st.sampled_from([one for one, said in SAID.items() if refund.state not in said]))
    found = only(books._replace(ours=replace(books.ours, refunds={**books.ours.refunds, name: own})))
    assert (found.rule, found.subject, found.expected) == ("refunds agree", refund.provider_id, own)
    assert found.found == f"{refund.state} of {refund.amount_minor}"


@given(agreeing(), currencies, st.integers(-(10**9), 10**9).filter(bool))
def test_a_balance_that_differs_is_found_by_its_currency(books: Books, currency: str, more: int) -> None:
    total = books.theirs.net.get(currency, 0) + more
    found = only(books._replace(theirs=replace(books.theirs, net={**books.theirs.net, currency: total})))
    assert (found.rule, found.subject) == ("ledger and balance agree", f"{INTENT} {currency}")
    assert (found.expected, found.found) == (str(total - more), str(total))


@given(agreeing())
def test_an_intent_that_we_do_not_know_is_found_if_there_is_money_in_it(books: Books) -> None:
    found = compare(books.theirs, None)
    if books.theirs.status in (HELD, TAKEN):
        (drift,) = found
        assert (drift.rule, drift.subject, drift.payment_id) == ("intent is known", INTENT, None)
    else:
        assert found == []


@given(agreeing(), st.data())
def test_two_differences_are_found_as_two(books: Books, data: st.DataObject) -> None:
    more = data.draw(amounts)
    theirs = replace(
        books.theirs,
        refunds=(*books.theirs.refunds, RefundBook("re_new", more, OperationState.SUCCEEDED, None)),
        net={**books.theirs.net, "USD": -more},
    )
    assert [one.rule for one in compare(theirs, books.ours)] == ["refunds agree", "ledger and balance agree"]


def test_every_state_of_a_refund_and_of_a_payment_is_compared() -> None:
    assert set(SAID) == set(OperationState)
    assert set(PaymentState) - set(NO_MONEY) == {PaymentState.AUTHORIZED, PaymentState.CAPTURED, PaymentState.REFUNDED}
