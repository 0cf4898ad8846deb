"""Inputs and results of a checkout: what the storefront asks, what each step is told, and how it ends."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.parcels import PostalAddress
from domain.payments import AuthorizePayment, CaptureMethod, PaymentAuthorized, PaymentMode
from domain.pricing import CartLine, Quote
from domain.refusals import Refusal
from domain.states import CheckoutState


@dataclass(frozen=True, slots=True)
class Customer:
    """Who buys. `customer_id` is the storefront's, or derived from the e-mail address."""

    customer_id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Policy:
    """All that may vary, read once when the checkout begins, so that its rules never change under the shopper."""

    reservation_ttl_seconds: int
    client_payment_attempts: int
    return_window_seconds: int


@dataclass(frozen=True, slots=True)
class CheckoutInput:
    """One checkout. `fingerprint` is that of the request, so that another body under the same key is noticed."""

    tenant: str
    checkout_id: str
    fingerprint: str
    currency: str
    lines: tuple[CartLine, ...]
    customer: Customer
    address: PostalAddress
    shipping_method: str
    payment_mode: PaymentMode
    payment_method: str | None
    return_url: str | None
    expected_total_minor: int | None
    policy: Policy
    capture: CaptureMethod = CaptureMethod.MANUAL
    save_card: bool = False


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """Price the cart, hold the stock until `expires_at` and journal the authorization, all or nothing."""

    checkout: CheckoutInput
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CheckoutOpened:
    """The stock is held and the price is fixed; or `refusal` says why not, and nothing is held."""

    quote: Quote | None = None
    authorization: AuthorizePayment | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class AwaitPayment:
    """Note that the shopper must act, and with what."""

    tenant: str
    checkout_id: str
    payment_id: str
    intent_id: str
    client_secret: str
    action_url: str | None


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Turn a checkout whose payment is authorized into an order."""

    tenant: str
    checkout_id: str
    authorized: PaymentAuthorized


class GivenBack(StrEnum):
    """What became of an authorization that is not wanted any more."""

    NOTHING_HELD = "nothing_held"
    VOIDED = "voided"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class CloseCheckout:
    """End a checkout without an order: its stock goes back, and the reason is written down."""

    tenant: str
    checkout_id: str
    state: CheckoutState
    reason: Refusal
    intent_id: str | None
    given_back: GivenBack


@dataclass(frozen=True, slots=True)
class PlannedParcel:
    """One parcel of an order, from one location."""

    shipment_id: str
    location_id: str


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """The order exists; its number is the customer's."""

    order_number: str
    parcels: tuple[PlannedParcel, ...]


@dataclass(frozen=True, slots=True)
class CheckoutAnswer:
    """What the storefront is told: where the checkout is, and what the shopper must do if anything."""

    checkout_id: str
    fingerprint: str
    state: CheckoutState
    total_minor: int | None = None
    order_number: str | None = None
    client_secret: str | None = None
    action_url: str | None = None
    expires_at: datetime | None = None
    refusal: Refusal | None = None


SHOPPER = "the shopper"
"""The actor of a cancellation that came over the storefront's API."""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Who wants it cancelled, and why."""

    actor: str
    reason: str
