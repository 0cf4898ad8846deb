"""What is asked of the payment provider and what it answers, in our words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from domain.refusals import Refusal

KEY_LIFE = timedelta(hours=23)
"""Stripe forgets an idempotency key after 24 hours (docs.stripe.com/api/idempotent_requests); an hour is kept in hand.
A request asked for the first time longer ago than this is looked up before anything is sent."""


class PaymentMode(StrEnum):
    """Who confirms: our server with a payment method's id, or the shopper's browser with the client secret."""

    SERVER = "server"
    CLIENT = "client"


class CaptureMethod(StrEnum):
    """When the money is taken: as the parcel leaves, or at once."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card kept at the provider for its customer, to be charged without them (off session)."""

    customer: str
    payment_method: str


@dataclass(frozen=True, slots=True)
class AuthorizePayment:
    """Hold `amount_minor` of `currency` on the shopper's card, to be captured later.

    With a payment method it is confirmed in the same call; without one the browser confirms it. The same
    `idempotency_key` with the same fields is the same operation, however often it is sent.
    """

    tenant: str
    payment_id: str
    checkout_id: str
    idempotency_key: str
    amount_minor: int
    currency: str
    mode: PaymentMode
    payment_method: str | None
    return_url: str | None
    customer_id: str
    capture: CaptureMethod = CaptureMethod.MANUAL
    save_card: bool = False
    provider_customer: str | None = None
    off_session: bool = False
    """The shopper is not there: a saved card is charged, and 3-D Secure is a refusal."""
    begun_at: datetime | None = None
    """When this operation was journaled, on the database's clock."""
    membership_id: str | None = None
    """Whose period it pays, instead of a checkout's order."""
    intent_id: str | None = None
    """The intent of an earlier try: confirmed again instead of making another, so that at most one is ever paid."""


@dataclass(frozen=True, slots=True)
class LookUpPayment:
    """What is true of this intent now?"""

    tenant: str
    payment_id: str
    intent_id: str


@dataclass(frozen=True, slots=True)
class FindAuthorization:
    """Did the authorization journaled under this key at `begun_at` make an intent? Nothing is sent for it again."""

    tenant: str
    payment_id: str
    idempotency_key: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class AuthorizationFound:
    """The intent that it made; None: none, and no call is out any more that could."""

    intent_id: str | None


@dataclass(frozen=True, slots=True)
class LookUpRefund:
    """What is true of this refund now?"""

    tenant: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class CapturePayment:
    """Take `amount_minor` of what was authorized. `final`: what is left is released. `before_minor`: taken before."""

    tenant: str
    payment_id: str
    intent_id: str
    idempotency_key: str
    amount_minor: int
    final: bool = True
    before_minor: int = 0
    begun_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VoidPayment:
    """Give an authorization back. Without an intent id the outcome of `authorization` is found out first."""

    intent_id: str | None
    idempotency_key: str
    authorization: AuthorizePayment | None = None
    begun_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """Give `amount_minor` of what was captured back."""

    tenant: str
    payment_id: str
    refund_id: str
    intent_id: str
    idempotency_key: str
    amount_minor: int
    begun_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fee:
    """What the provider kept of one movement of its balance, in minor units of the currency it settles in."""

    transaction_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentCaptured:
    """The money is ours. `amount_minor` is all that was taken of the intent; `final`: nothing is held any more."""

    intent_id: str
    amount_minor: int
    charge_id: str | None = None
    final: bool = True
    fee: Fee | None = None
    kind: Literal["captured"] = "captured"


@dataclass(frozen=True, slots=True)
class PaymentAuthorized:
    """The money is held until `capture_before`; or, where it was to be taken at once, `captured` tells of it."""

    intent_id: str
    amount_minor: int
    capture_before: datetime | None = None
    card: str | None = None
    """Brand and last four digits, as a receipt shows them: `visa 4242`."""
    charge_id: str | None = None
    saved: SavedCard | None = None
    multicapture: bool = False
    captured: PaymentCaptured | None = None
    kind: Literal["authorized"] = "authorized"


@dataclass(frozen=True, slots=True)
class PaymentActionRequired:
    """The shopper must act: confirm in the browser (no `action_url`) or pass 3-D Secure there."""

    intent_id: str
    client_secret: str
    action_url: str | None = None
    kind: Literal["action_required"] = "action_required"


@dataclass(frozen=True, slots=True)
class PaymentProcessing:
    """The provider has not decided yet; its webhook will say."""

    intent_id: str
    client_secret: str
    kind: Literal["processing"] = "processing"


@dataclass(frozen=True, slots=True)
class PaymentDeclined:
    """The card was refused: final for this attempt. `attempt_id` tells one refused attempt from the next."""

    refusal: Refusal
    intent_id: str | None = None
    client_secret: str | None = None
    decline_code: str | None = None
    attempt_id: str | None = None
    kind: Literal["declined"] = "declined"


@dataclass(frozen=True, slots=True)
class PaymentCancelled:
    """The intent was cancelled at the provider: nothing is held."""

    intent_id: str
    kind: Literal["cancelled"] = "cancelled"


@dataclass(frozen=True, slots=True)
class KeySpent:
    """Nothing happened under this idempotency key, and nothing ever will: the provider saved a failure for it, or has
    forgotten it. What was to be done is asked for again as a new operation."""

    reason: str
    kind: Literal["key_spent"] = "key_spent"


AuthorizationFact = PaymentAuthorized | PaymentActionRequired | PaymentProcessing | PaymentDeclined | PaymentCancelled
"""What is true of an authorization."""

PaymentFact = AuthorizationFact | KeySpent


@dataclass(frozen=True, slots=True)
class CaptureDeclined:
    """The money could not be taken, for good (the authorization expired, the bank refused)."""

    refusal: Refusal
    kind: Literal["capture_declined"] = "capture_declined"


CaptureFact = PaymentCaptured | CaptureDeclined | KeySpent


@dataclass(frozen=True, slots=True)
class PaymentVoided:
    """Nothing is held any more; `intent_id` is None when nothing had ever been."""

    intent_id: str | None
    kind: Literal["voided"] = "voided"


@dataclass(frozen=True, slots=True)
class VoidRefused:
    """It could not be given back because it had been captured: it is refunded instead."""

    intent_id: str
    captured: PaymentCaptured
    kind: Literal["void_refused"] = "void_refused"


VoidFact = PaymentVoided | VoidRefused | KeySpent


@dataclass(frozen=True, slots=True)
class RefundMade:
    """The provider has it: arrived, or `settling` (docs.stripe.com/refunds). Its transaction comes with it if known."""

    provider_id: str
    amount_minor: int
    settling: bool = False
    transaction_id: str | None = None
    kind: Literal["refund_made"] = "refund_made"


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """It did not reach the customer. With a `provider_id` the provider had accepted it first."""

    refusal: Refusal
    provider_id: str | None = None
    kind: Literal["refund_failed"] = "refund_failed"


RefundFact = RefundMade | RefundFailed | KeySpent


@dataclass(frozen=True, slots=True)
class PaymentNews:
    """A webhook's nudge to a workflow: something happened to the intent. The workflow looks up what is true."""

    event_id: str
    event_type: str
    intent_id: str
