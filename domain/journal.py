"""What is written down around a call to the payment provider: begun before it leaves, its outcome after."""

from dataclasses import dataclass

from domain.payments import AuthorizePayment, PaymentAuthorized, PaymentCaptured, RefundFact, RefundPayment
from domain.refusals import Refusal
from domain.states import OperationState


@dataclass(frozen=True, slots=True)
class BeginCapture:
    """Journal a capture; without an amount, of all that is still held. `final`: what is left is released."""

    tenant: str
    payment_id: str
    reference: str
    amount_minor: int | None = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class BeginVoid:
    """Journal a void before its call leaves: of the payment's authorization, or of one that was replaced."""

    tenant: str
    payment_id: str
    intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class FinishVoid:
    """A replaced authorization has been given back."""

    tenant: str
    payment_id: str
    intent_id: str


@dataclass(frozen=True, slots=True)
class Renew:
    """This key is spent and nothing happened: its operation failed, and a new one takes its place."""

    tenant: str
    payment_id: str
    idempotency_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class BeginRefund:
    """Journal a refund; without an amount, of all that is left. `captured` tells of a capture not written down yet."""

    tenant: str
    payment_id: str
    refund_id: str
    amount_minor: int | None
    reason: str
    actor: str
    captured: PaymentCaptured | None = None


@dataclass(frozen=True, slots=True)
class RefundBegun:
    """The call to make and how the refund stands; or why there is none to make."""

    call: RefundPayment | None = None
    state: OperationState = OperationState.PENDING
    provider_id: str | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RecordRefund:
    """What became of a refund."""

    tenant: str
    payment_id: str
    refund_id: str
    fact: RefundFact


@dataclass(frozen=True, slots=True)
class BeginReauthorization:
    """The authorization will lapse, or has: journal a new one on the saved card, if there is one.

    `intent_id`: the one that lapses, where that is known; if it is replaced already, nothing is asked for.
    """

    tenant: str
    payment_id: str
    intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reauthorization:
    """The call to make, and the intent that it replaces. No call: there is no card to charge.

    `renewed`: no call is needed, another parcel of the order has done it.
    """

    call: AuthorizePayment | None
    replaces: str
    renewed: PaymentAuthorized | None = None
    partly_captured: bool = False
    """No call: another parcel's share is captured, and one payment is one intent at the provider."""


@dataclass(frozen=True, slots=True)
class RecordReauthorization:
    """What became of it. Without `authorized` it was refused, for `refusal`."""

    tenant: str
    payment_id: str
    authorized: PaymentAuthorized | None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RecordLapse:
    """The authorization has run out, or was cancelled at the provider: nothing is held any more.

    `taken_minor`: what the provider says was captured before; nothing is written down where our books say otherwise.
    """

    tenant: str
    payment_id: str
    intent_id: str
    taken_minor: int = 0
