"""Inputs and results of a checkout: what the storefront asks, what each step is told, and how it ends."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.parcels import PostalAddress
from domain.payments import AuthorizePayment, CaptureMethod, PaymentAuthorized, PaymentMode
from domain.pricing import Cart, CartLine, Quote
from domain.refusals import Refusal
from domain.states import CheckoutState
from domain.stock import Backordered
from domain.tax import Destination


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
    ship_within_seconds: int | None = None
    """A parcel must leave so long after it can; None: nobody waits for it."""
    extension_limit_seconds: int = 0
    """Support may hold the stock so much longer, all extensions together."""


@dataclass(frozen=True, slots=True)
class CheckoutOpened:
    """The stock is held until `expires_at` and the price is fixed; or `refusal` says why not, and nothing is held.

    `kept`: it is written down, with the `fingerprint` of the request it was opened with, and is now in `state`.
    """

    quote: Quote | None = None
    authorization: AuthorizePayment | None = None
    refusal: Refusal | None = None
    expires_at: datetime | None = None
    kept: bool = True
    fingerprint: str = ""
    state: CheckoutState = CheckoutState.OPEN


@dataclass(frozen=True, slots=True)
class CheckoutInput:
    """One checkout. `fingerprint` is that of the request, so that another body under the same key is noticed.

    `opened` is what the API opened before it started the workflow; without it the workflow opens the checkout.
    """

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
    promotion_codes: tuple[str, ...] = ()
    opened: CheckoutOpened | None = None
    proven: bool = True
    """Whether the customer is who they are said to be. Else they have nobody's benefits, and nobody's kept cards."""
    orders_queue: str | None = None
    """The task queue that its order goes to; None: the checkout's own."""

    @property
    def cart(self) -> Cart:
        """What is to be priced."""
        return Cart(
            lines=self.lines,
            currency=self.currency,
            destination=Destination(self.address.country, self.address.region or "", self.address.postal_code),
            shipping_method=self.shipping_method,
            customer_id=self.customer.customer_id,
            codes=self.promotion_codes,
            expected_total_minor=self.expected_total_minor,
        )


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """Price the cart, hold the stock until `expires_at` and journal the authorization, all or nothing."""

    checkout: CheckoutInput
    expires_at: datetime


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
class ExtendReservation:
    """Who wants the stock held so many seconds longer, and why."""

    actor: str
    reason: str
    seconds: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class HoldLonger:
    """The stock is held until then, with the line of the timeline that says who wanted it."""

    tenant: str
    checkout_id: str
    until: datetime
    message: str


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Turn a checkout whose payment is authorized into an order."""

    tenant: str
    checkout_id: str
    authorized: PaymentAuthorized
    ship_within_seconds: int | None = None


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
    """One parcel of an order, from one location; it may have to wait for its stock."""

    shipment_id: str
    location_id: str
    waits_for_stock: bool = False
    ship_by: datetime | None = None
    """When it must have left; a person is called then."""


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
    backordered: tuple[Backordered, ...] = ()


SHOPPER = "the shopper"
"""The actor of a cancellation that came over the storefront's API."""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Who wants it cancelled, and why: all that is still here, or only so many pieces of some lines of an order.

    `key` names this one wish, so that the same one is carried out once; empty: it has come by hand.
    """

    actor: str
    reason: str
    lines: tuple[CartLine, ...] = ()
    key: str = ""
    fingerprint: str = ""
