"""Stripe, and everything we know of it, in one place. Money goes out as minor units, as Stripe counts them.

Sources: docs.stripe.com/payments/place-a-hold-on-a-payment-method (manual capture), /payments/multicapture, /refunds,
/disputes, /error-handling, /api/idempotent_requests, /webhooks.
"""

from gateways.stripe.books import StripeBooks
from gateways.stripe.client import API_VERSION, Stripe
from gateways.stripe.events import MalformedEvent, StripeEvent
from gateways.stripe.faults import StripeMisconfigured, StripeUnavailable

__all__ = [
    "API_VERSION",
    "MalformedEvent",
    "Stripe",
    "StripeBooks",
    "StripeEvent",
    "StripeMisconfigured",
    "StripeUnavailable",
]
