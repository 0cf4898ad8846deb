"""What the process of a membership is told, what it tells, and what it asks of its tables."""

from dataclasses import dataclass
from datetime import datetime

from domain.memberships import Interval, RefundPolicy
from domain.payments import AuthorizationFact, AuthorizePayment, SavedCard
from domain.refusals import Refusal
from domain.states import MembershipState


@dataclass(frozen=True, slots=True)
class Terms:
    """What a customer agreed to. `retry_seconds` and `grace_seconds` count from the end of a period that was paid."""

    family: str
    plan_id: str
    tier_id: str
    interval: Interval
    currency: str
    amount_minor: int
    grace_seconds: int
    retry_seconds: tuple[int, ...]
    refund_policy: RefundPolicy


@dataclass(frozen=True, slots=True)
class Progress:
    """A paid membership as it goes on in its workflow's next run. Periods are counted from `anchor`, which is 0."""

    terms: Terms
    anchor: datetime
    period: int
    ends_with_period: bool = False
    next_terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class MembershipInput:
    """A customer joins a tier of a plan. Without a payment method the browser confirms the first payment."""

    tenant: str
    membership_id: str
    fingerprint: str
    customer_id: str
    plan_id: str
    tier_id: str
    currency: str
    payment_method: str | None
    return_url: str | None
    payment_seconds: int
    """So long the customer may take to confirm the first payment."""
    progress: Progress | None = None
    email: str | None = None
    """Where its e-mails go."""


@dataclass(frozen=True, slots=True)
class MembershipAnswer:
    """Where a membership stands. With a `client_secret` the customer must confirm a payment."""

    membership_id: str
    fingerprint: str
    state: MembershipState
    client_secret: str | None = None
    action_url: str | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """The first period as an earlier process left it: what it asked for is found out, nothing is asked for anew.

    `intent_id`: what the payment is at the provider, if that was noted; else it was journaled under `key` at
    `begun_at`. Without a payment the period costs nothing.
    """

    starts_at: datetime
    payment_id: str | None = None
    intent_id: str | None = None
    key: str | None = None
    begun_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MembershipOpened:
    """What was agreed to, or why not; and how far an earlier process has come: to members (`progress`), or not yet."""

    terms: Terms | None = None
    refusal: Refusal | None = None
    progress: Progress | None = None
    left_open: LeftOpen | None = None


@dataclass(frozen=True, slots=True)
class BeginCharge:
    """Journal the charge of a period before its call leaves. `payment_method`: of a customer who is there now."""

    tenant: str
    membership_id: str
    period: int
    terms: Terms
    starts_at: datetime
    ends_at: datetime
    payment_method: str | None = None
    return_url: str | None = None
    off_session: bool = False


@dataclass(frozen=True, slots=True)
class ChargeBegun:
    """The call to make; none when the period costs nothing, or is paid."""

    payment_id: str | None = None
    call: AuthorizePayment | None = None


@dataclass(frozen=True, slots=True)
class RecordCharge:
    """What became of a period's charge. `None`: it costs nothing. `benefits_until`: if it is paid."""

    tenant: str
    membership_id: str
    period: int
    terms: Terms
    benefits_until: datetime
    fact: AuthorizationFact | None


@dataclass(frozen=True, slots=True)
class EndMembership:
    """It ends in this state, for this reason; what was due is written off, and its payment voided or not made."""

    tenant: str
    membership_id: str
    state: MembershipState
    reason: Refusal
    voided: bool = False
    intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeMembership:
    """It goes on in another way: to its period's end only, on other terms from the next period, on another card."""

    tenant: str
    membership_id: str
    ends_with_period: bool
    benefits_until: datetime | None
    next_terms: Terms | None
    message: str
    saved: SavedCard | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True)
class FlagMembership:
    """A person is called to a membership, or (None) is not needed any more."""

    tenant: str
    membership_id: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class FindTerms:
    """What a tier of the same plan costs and asks, for who has this one."""

    tenant: str
    membership_id: str
    tier_id: str


@dataclass(frozen=True, slots=True)
class CancelMembership:
    """End it: with the period that is paid, or at once."""

    actor: str
    reason: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class ResumeMembership:
    """It was to end with its period; it goes on after all."""

    actor: str


@dataclass(frozen=True, slots=True)
class ChangeCard:
    """Another card for what is due and for what follows. The customer is there."""

    payment_method: str
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeTier:
    """Another tier of the same plan, from the next period on."""

    tier_id: str


@dataclass(frozen=True, slots=True)
class CardKept:
    """A card that belongs to its customer at the provider now, and may be charged without them."""

    saved: SavedCard
    card: str | None


@dataclass(frozen=True, slots=True)
class KeepCard:
    """Keep a payment method for a customer; without a `provider_customer` they are made known to the provider."""

    tenant: str
    customer_id: str
    provider_customer: str | None
    payment_method: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class CardRefused:
    """The card cannot be kept."""

    refusal: Refusal
