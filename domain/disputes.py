"""A customer's quarrel with a charge: what the provider says of it, and the process that follows it."""

from dataclasses import dataclass
from datetime import datetime

from domain.payments import Fee
from domain.states import DisputeState

ANSWERABLE = (DisputeState.INQUIRY, DisputeState.NEEDS_RESPONSE)
"""The bank waits for our word."""

CALLS_PERSON = (*ANSWERABLE, DisputeState.LOST)
"""Support must do something: answer, or see to the goods."""


@dataclass(frozen=True, slots=True)
class DisputeInput:
    """One dispute of one payment, under the provider's id. A payment may have been taken without an order."""

    tenant: str
    dispute_id: str
    payment_id: str
    order_number: str | None


@dataclass(frozen=True, slots=True)
class DisputeFact:
    """What is true of a dispute now. `withdrawn`: the provider has taken its amount out of our balance."""

    dispute_id: str
    intent_id: str
    amount_minor: int
    currency: str
    reason: str
    state: DisputeState
    withdrawn: bool
    evidence_due_at: datetime | None = None
    fees: tuple[Fee, ...] = ()


@dataclass(frozen=True, slots=True)
class LookUpDispute:
    """What is true of this dispute now?"""

    tenant: str
    dispute_id: str


@dataclass(frozen=True, slots=True)
class RecordDispute:
    """Write down what is true: the row, the ledger, the order's flag and its timeline."""

    dispute: DisputeInput
    fact: DisputeFact


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """A webhook's nudge: something happened to the dispute."""

    event_id: str
    event_type: str
