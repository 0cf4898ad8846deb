"""Refunds that somebody asks for by hand: their limits, the second person, inputs and results of the process."""

from dataclasses import dataclass
from enum import StrEnum

from domain.money import Money
from domain.refusals import Refusal, RefusalCode
from domain.states import RefundRequestState


class RefundState(StrEnum):
    """Where a refund is. `awaiting_approval`: a second person must allow it. `settling`: the provider has it, the
    customer's bank not yet."""

    AWAITING_APPROVAL = "awaiting_approval"
    DECLINED = "declined"
    EXPIRED = "expired"
    PENDING = "pending"
    SETTLING = "settling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundCause(StrEnum):
    """What money goes back for when nothing comes back for it."""

    GOODWILL = "goodwill"
    LOST_PARCEL = "lost_parcel"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RefundLimits:
    """How much may be given back by hand, read once when it is asked for. Minor units of the payment's currency.

    None: no limit but what was captured. `actor_day_most_minor`: by one key or person in 24 hours, in this currency.
    More than `second_person_above_minor` at once waits for somebody else, `approve_within_seconds` at most.
    """

    most_minor: int | None
    order_most_minor: int | None
    actor_day_most_minor: int | None
    second_person_above_minor: int
    approve_within_seconds: int


def beyond(
    limits: RefundLimits, wanted_minor: int, currency: str, *, of_order_minor: int, by_actor_minor: int
) -> Refusal | None:
    """Why a refund by hand is more than the limits allow, given what was asked for before; None when it is not."""
    for name, most, before, told in (
        ("refund", limits.most_minor, 0, "one refund"),
        ("order", limits.order_most_minor, of_order_minor, "all refunds of one order"),
        ("actor_day", limits.actor_day_most_minor, by_actor_minor, "what one key or person refunds in 24 hours"),
    ):
        if most is not None and before + wanted_minor > most:
            left = max(most - before, 0)
            message = (
                f"{Money(wanted_minor, currency)} cannot be refunded: the limit of {told} is {Money(most, currency)},"
                f" and {Money(left, currency)} of it is left."
            )
            facts = {"limit": name, "most": str(most), "left": str(left)}
            return Refusal(RefusalCode.REFUND_LIMIT_REACHED, message, facts)
    return None


@dataclass(frozen=True, slots=True)
class RefundInput:
    """Give `amount_minor` of a captured payment back; without an amount, all that is left.

    `order_number` is None for a payment that was taken and given back before there was an order. `limits` are those of
    what somebody asks for by hand; None: it is owed, or was made already.
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

    cause: RefundCause = RefundCause.OTHER
    limits: RefundLimits | None = None


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """Written down: how much, and whether it may go; or refused."""

    amount_minor: int = 0
    state: RefundRequestState = RefundRequestState.APPROVED
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RefundDecision:
    """Somebody says yes or no to a refund that waits: who, why, and which."""

    actor: str
    reason: str
    state: RefundRequestState


@dataclass(frozen=True, slots=True)
class MoveRefundRequest:
    """Write down what became of a refund that was asked for."""

    tenant: str
    refund_id: str
    state: RefundRequestState
    actor: str
    note: str


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
