"""Inputs and results of a refund as a process."""

from dataclasses import dataclass
from enum import StrEnum

from domain.refusals import Refusal


class RefundState(StrEnum):
    """Where a refund is. `settling`: the provider has it, the customer's bank not yet."""

    PENDING = "pending"
    SETTLING = "settling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundInput:
    """Give `amount_minor` of a captured payment back; without an amount, all that is left.

    `order_number` is None for a payment that was taken and given back before there was an order.
    """

    tenant: str
    refund_id: str
    fingerprint: str
    payment_id: str
    order_number: str | None
    amount_minor: int | None
    currency: str
    reason: str
    actor: str
    provider_id: str | None = None
    """It was made at the provider by hand, or was known to have arrived and something happened to it since."""


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """How a refund stands."""

    refund_id: str
    fingerprint: str
    state: RefundState
    amount_minor: int | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RefundNews:
    """A webhook's nudge: something happened to the refund. The workflow looks up what is true."""

    event_id: str
    event_type: str
