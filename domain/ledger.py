"""Double entry: how each kind of money movement is posted. Debits are positive, credits negative; each posting is zero.

What a posting does to the provider's balance is its entry on `receivable`; that account therefore always equals the
sum of the provider's balance transactions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.states import LedgerAccount


class PostingKind(StrEnum):
    """Why money moved."""

    CAPTURE = "capture"
    FEE = "fee"
    FEE_RETURNED = "fee_returned"
    REFUND = "refund"
    REFUND_REVERSED = "refund_reversed"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"


_A = LedgerAccount
SIDES: Mapping[PostingKind, tuple[LedgerAccount, LedgerAccount]] = {
    PostingKind.CAPTURE: (_A.RECEIVABLE, _A.CAPTURED),
    PostingKind.FEE: (_A.FEES, _A.RECEIVABLE),
    PostingKind.FEE_RETURNED: (_A.RECEIVABLE, _A.FEES),
    PostingKind.REFUND: (_A.REFUNDED, _A.RECEIVABLE),
    PostingKind.REFUND_REVERSED: (_A.RECEIVABLE, _A.REFUNDED),
    PostingKind.DISPUTE_OPENED: (_A.DISPUTES, _A.RECEIVABLE),
    PostingKind.DISPUTE_WON: (_A.RECEIVABLE, _A.DISPUTES),
    PostingKind.DISPUTE_LOST: (_A.CHARGEBACKS, _A.DISPUTES),
}
"""Posting → (the account debited, the account credited)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a posting, in minor units."""

    account: LedgerAccount
    amount_minor: int


def entries(kind: PostingKind, amount_minor: int) -> tuple[Entry, Entry]:
    """The two entries of a posting. Raises `ValueError` for an amount of zero or less."""
    if amount_minor <= 0:
        raise ValueError(f"a posting moves a positive amount, not {amount_minor}")
    debit, credit = SIDES[kind]
    return Entry(debit, amount_minor), Entry(credit, -amount_minor)
