"""The provider's books beside ours, payment by payment, and where they disagree. Pure: both are read before."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.states import OperationState, PaymentState


class IntentStatus(StrEnum):
    """What an intent at the provider comes to: is money held, taken, neither, or not decided?"""

    HELD = "held"
    TAKEN = "taken"
    CANCELLED = "cancelled"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class RefundBook:
    """A refund at the provider. `operation` is the idempotency key that we wrote on it, if it is ours."""

    provider_id: str
    amount_minor: int
    state: OperationState
    operation: str | None


@dataclass(frozen=True, slots=True)
class FeeBook:
    """A balance transaction's fee."""

    transaction_id: str
    fee_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class IntentBook:
    """One intent at the provider with all that came of it. `net`: its balance transactions' sum, by currency."""

    intent_id: str
    tenant: str
    status: IntentStatus
    held_minor: int
    taken_minor: int
    refunds: tuple[RefundBook, ...] = ()
    fees: tuple[FeeBook, ...] = ()
    net: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OurBook:
    """One payment in our tables. `refunds`: state by the provider's id, or by our
    idempotency key before we know it. `receivable`: its ledger balance, by currency."""

    payment_id: str
    intent_id: str
    state: PaymentState
    authorized_minor: int
    captured_minor: int
    refunds: dict[str, OperationState] = field(default_factory=dict)
    receivable: dict[str, int] = field(default_factory=dict)
    settling: bool = False
    """An operation is out at this moment, or the shopper is paying: a difference may be about to go away."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A disagreement: by which rule, on what, what we expected, and what the provider has."""

    rule: str
    subject: str
    expected: str
    found: str
    intent_id: str
    payment_id: str | None = None


@dataclass(frozen=True, slots=True)
class CompareBooks:
    """Compare what moved at the provider before `until`, since the last time; or just these intents, once more."""

    tenant: str
    until: datetime
    intents: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison came to: webhooks that had never come, fees posted late, and where the books disagree."""

    missed_webhooks: int = 0
    posted_fees: int = 0
    intents: int = 0
    drifts: tuple[Drift, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordDrifts:
    """Keep what still disagrees, tell a person of what is new, and move the watermark."""

    tenant: str
    until: datetime
    drifts: tuple[Drift, ...]


@dataclass(frozen=True, slots=True)
class OrderCalled:
    """An order whose books began to disagree, for this reason; or agree again (`None`)."""

    order_number: str
    reason: str | None


_EXPECTED = {
    PaymentState.AUTHORIZED: IntentStatus.HELD,
    PaymentState.CAPTURED: IntentStatus.TAKEN,
    PaymentState.REFUNDED: IntentStatus.TAKEN,
    PaymentState.VOIDED: IntentStatus.CANCELLED,
    PaymentState.LAPSED: IntentStatus.CANCELLED,
}
_SAME = {OperationState.REVERSED: OperationState.FAILED}


def compare(theirs: IntentBook, ours: OurBook | None) -> list[Drift]:
    """Where the two books of one intent disagree; an intent that never held or took money is nobody's."""
    money = theirs.status in (IntentStatus.HELD, IntentStatus.TAKEN)
    if ours is None:
        found = f"{theirs.status}, {theirs.held_minor} held, {theirs.taken_minor} taken"
        drift = Drift("intent is known", theirs.intent_id, "no such intent", found, theirs.intent_id)
        return [drift] if money else []
    return [*_state(theirs, ours, money), *_refunds(theirs, ours), *_balance(theirs, ours)]


def _state(theirs: IntentBook, ours: OurBook, money: bool) -> list[Drift]:
    expected = _EXPECTED.get(ours.state)
    held = ours.authorized_minor - ours.captured_minor if ours.state is PaymentState.AUTHORIZED else 0
    agrees = (
        (theirs.status, theirs.held_minor, theirs.taken_minor) == (expected, held, ours.captured_minor)
        if expected in (IntentStatus.HELD, IntentStatus.TAKEN)
        else not money
    )
    if agrees:
        return []
    wanted = f"{ours.state}, {held} held, {ours.captured_minor} taken"
    found = f"{theirs.status}, {theirs.held_minor} held, {theirs.taken_minor} taken"
    rule = "payment and intent agree"
    return [Drift(rule, theirs.intent_id, wanted, found, theirs.intent_id, ours.payment_id)]


def _refunds(theirs: IntentBook, ours: OurBook) -> list[Drift]:
    found: list[Drift] = []
    there = {name for refund in theirs.refunds for name in (refund.provider_id, refund.operation)}

    def differs(subject: str, expected: str, seen: str) -> None:
        found.append(Drift("refunds agree", subject, expected, seen, theirs.intent_id, ours.payment_id))

    for refund in theirs.refunds:
        own = ours.refunds.get(refund.provider_id) or ours.refunds.get(refund.operation or "")
        if own is None or _SAME.get(own, own) is not _SAME.get(refund.state, refund.state):
            was = own.value if own else "no such refund"
            seen = f"{refund.state} of {refund.amount_minor}"
            differs(refund.provider_id, was, seen)
    for name, state in ours.refunds.items():
        if state in (OperationState.SUCCEEDED, OperationState.SETTLING) and name not in there:
            differs(name, state.value, "no such refund")
    return found


def _balance(theirs: IntentBook, ours: OurBook) -> list[Drift]:
    return [
        Drift(
            "ledger and balance agree",
            f"{theirs.intent_id} {currency}",
            str(ours.receivable.get(currency, 0)),
            str(theirs.net.get(currency, 0)),
            theirs.intent_id,
            ours.payment_id,
        )
        for currency in sorted(theirs.net.keys() | ours.receivable.keys())
        if theirs.net.get(currency, 0) != ours.receivable.get(currency, 0)
    ]
