"""What is asked of the payment provider and what it answers, in our words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from domain.refusals import Refusal


class PaymentMode(StrEnum):
    """Who confirms: our server with a payment method's id, or the shopper's browser with the client secret."""

    SERVER = "server"
    CLIENT = "client"


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


@dataclass(frozen=True, slots=True)
class LookUpPayment:
    """What is true of this intent now?"""

    tenant: str
    payment_id: str
    intent_id: str


@dataclass(frozen=True, slots=True)
class CapturePayment:
    """Take `amount_minor` of what was authorized."""

    tenant: str
    payment_id: str
    intent_id: str
    idempotency_key: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class VoidPayment:
    """Give an authorization back. Without an intent id the outcome of `authorization` is found out first."""

    intent_id: str | None
    idempotency_key: str
    authorization: AuthorizePayment | None = None


@dataclass(frozen=True, slots=True)
class PaymentAuthorized:
    """The money is held until `capture_before`."""

    intent_id: str
    amount_minor: int
    capture_before: datetime | None = None
    card: str | None = None
    """Brand and last four digits, as a receipt shows them: `visa 4242`."""
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


PaymentFact = PaymentAuthorized | PaymentActionRequired | PaymentProcessing | PaymentDeclined | PaymentCancelled
"""What is true of an authorization."""


@dataclass(frozen=True, slots=True)
class PaymentCaptured:
    """The money is ours."""

    intent_id: str
    amount_minor: int
    charge_id: str | None = None
    kind: Literal["captured"] = "captured"


@dataclass(frozen=True, slots=True)
class CaptureDeclined:
    """The money could not be taken, for good (the authorization expired, the bank refused)."""

    refusal: Refusal
    kind: Literal["capture_declined"] = "capture_declined"


CaptureFact = PaymentCaptured | CaptureDeclined


@dataclass(frozen=True, slots=True)
class PaymentVoided:
    """Nothing is held any more; `intent_id` is None when nothing had ever been."""

    intent_id: str | None
    kind: Literal["voided"] = "voided"


@dataclass(frozen=True, slots=True)
class VoidRefused:
    """It could not be given back because it had been captured: a refund is needed, and a person told."""

    intent_id: str
    message: str
    kind: Literal["void_refused"] = "void_refused"


VoidFact = PaymentVoided | VoidRefused


@dataclass(frozen=True, slots=True)
class PaymentNews:
    """A webhook's nudge to a workflow: something happened to the intent. The workflow looks up what is true."""

    event_id: str
    event_type: str
    intent_id: str
