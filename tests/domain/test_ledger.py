"""Double entry: what is posted comes to nothing, and each movement does to the provider's balance what it should."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import SIDES, PostingKind, entries
from domain.states import LedgerAccount

kinds = st.sampled_from(PostingKind)
amounts = st.integers(1, 2**63 - 1)
postings = st.lists(st.tuples(kinds, amounts), max_size=30)


def balances(posted: list[tuple[PostingKind, int]]) -> Counter[LedgerAccount]:
    """What each account comes to."""
    total: Counter[LedgerAccount] = Counter()
    for kind, amount in posted:
        for side in entries(kind, amount):
            total[side.account] += side.amount_minor
    return total


@given(kinds, amounts)
def test_a_posting_comes_to_nothing_over_two_accounts(kind: PostingKind, amount: int) -> None:
    debit, credit = entries(kind, amount)
    assert debit.amount_minor == amount
    assert debit.amount_minor + credit.amount_minor == 0
    assert debit.account is not credit.account


@given(postings)
def test_so_does_all_that_was_ever_posted(posted: list[tuple[PostingKind, int]]) -> None:
    assert sum(balances(posted).values()) == 0


@given(kinds, st.integers(max_value=0))
def test_nothing_and_less_than_nothing_are_not_posted(kind: PostingKind, amount: int) -> None:
    with pytest.raises(ValueError, match="a positive amount"):
        entries(kind, amount)


def test_every_kind_has_its_sides() -> None:
    assert set(SIDES) == set(PostingKind)
    assert {account for sides in SIDES.values() for account in sides} == set(LedgerAccount)


@pytest.mark.parametrize(
    ("kind", "to_our_balance"),
    [
        (PostingKind.CAPTURE, 1),
        (PostingKind.FEE, -1),
        (PostingKind.REFUND, -1),
        (PostingKind.REFUND_REVERSED, 1),
        (PostingKind.DISPUTE_OPENED, -1),
        (PostingKind.DISPUTE_WON, 1),
        (PostingKind.DISPUTE_LOST, 0),  # it was withheld when the dispute was opened
    ],
)
@given(amount=amounts)
def test_what_the_provider_owes_us_rises_and_falls_with_its_balance(
    kind: PostingKind, to_our_balance: int, amount: int
) -> None:
    assert balances([(kind, amount)])[LedgerAccount.RECEIVABLE] == to_our_balance * amount


@pytest.mark.parametrize(
    ("kind", "undone_by"),
    [
        (PostingKind.REFUND, PostingKind.REFUND_REVERSED),
        (PostingKind.DISPUTE_OPENED, PostingKind.DISPUTE_WON),
    ],
)
@given(amount=amounts)
def test_what_is_undone_leaves_nothing(kind: PostingKind, undone_by: PostingKind, amount: int) -> None:
    assert not any(balances([(kind, amount), (undone_by, amount)]).values())


@given(amounts)
def test_a_lost_dispute_is_a_chargeback_and_nothing_is_withheld_any_more(amount: int) -> None:
    lost = balances([(PostingKind.DISPUTE_OPENED, amount), (PostingKind.DISPUTE_LOST, amount)])
    assert (lost[LedgerAccount.DISPUTES], lost[LedgerAccount.CHARGEBACKS]) == (0, amount)
