"""Stripe's test cards: what each payment method, token or number does (docs.stripe.com/testing)."""

import re
from dataclasses import dataclass
from typing import Any, Literal

ThreeDS = Literal["never", "always", "unless_off_session", "unless_set_up"]


@dataclass(frozen=True)
class Decline:
    """Why an issuer said no: the error's code, the issuer's own if any, a sentence for the shopper."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True)
class Card:
    """One test card. `decline` happens when it is charged, after authentication where that is asked for."""

    number: str
    brand: str = "visa"
    decline: Decline | None = None
    three_ds: ThreeDS = "never"
    country: str = "US"
    funding: str = "credit"
    refund: Literal["succeeded", "pending", "failed"] = "succeeded"
    dispute: str | None = None
    inquiry: bool = False


DECLINED = Decline("card_declined", "generic_decline", "Your card was declined.")
NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", "Your card was declined.")
STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.")
FRAUD = Decline("card_declined", "fraudulent", "Your card was declined.")
VELOCITY = Decline("card_declined", "card_velocity_exceeded", "Your card was declined for too many attempts.")
EXPIRED = Decline("expired_card", None, "Your card has expired.")
BAD_CVC = Decline("incorrect_cvc", None, "Your card's security code is incorrect.")
PROCESSING = Decline("processing_error", None, "An error occurred while processing your card.")
AUTHENTICATE = Decline("authentication_required", "authentication_required", "Your card asks for authentication.")

CARDS: dict[str, Card] = {
    "visa": Card("4242424242424242"),
    "visa_debit": Card("4000056655665556", funding="debit"),
    "mastercard": Card("5555555555554444", "mastercard"),
    "mastercard_debit": Card("5200828282828210", "mastercard", funding="debit"),
    "mastercard_prepaid": Card("5105105105105100", "mastercard", funding="prepaid"),
    "amex": Card("378282246310005", "amex"),
    "discover": Card("6011111111111117", "discover"),
    "diners": Card("3056930009020004", "diners"),
    "jcb": Card("3566002020360505", "jcb", country="JP"),
    "unionpay": Card("6200000000000005", "unionpay", country="CN"),
    "us": Card("4242424242424242"),
    "fr": Card("4000002500000003", country="FR"),
    "gb": Card("4000008260000000", country="GB"),
    "de": Card("4000002760000016", country="DE"),
    "jp": Card("4000003920000003", country="JP"),
    "chargeDeclined": Card("4000000000000002", decline=DECLINED),
    "chargeDeclinedInsufficientFunds": Card("4000000000009995", decline=NO_FUNDS),
    "chargeDeclinedLostCard": Card("4000000000009987", decline=LOST),
    "chargeDeclinedStolenCard": Card("4000000000009979", decline=STOLEN),
    "chargeDeclinedExpiredCard": Card("4000000000000069", decline=EXPIRED),
    "chargeDeclinedIncorrectCvc": Card("4000000000000127", decline=BAD_CVC),
    "chargeDeclinedProcessingError": Card("4000000000000119", decline=PROCESSING),
    "chargeDeclinedVelocityLimitExceeded": Card("4000000000006975", decline=VELOCITY),
    "chargeDeclinedFraudulent": Card("4100000000000019", decline=FRAUD),
    "radarBlock": Card("4100000000000019", decline=FRAUD),
    "chargeCustomerFail": Card("4000000000000341", decline=DECLINED),
    "authenticationRequired": Card("4000002760003184", three_ds="always", country="DE"),
    "authenticationRequiredOnSetup": Card("4000002500003155", three_ds="unless_set_up", country="FR"),
    "authenticationRequiredSetupForOffSession": Card("4000003800000446", three_ds="unless_off_session", country="IT"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "4000008260003178", decline=NO_FUNDS, three_ds="always", country="GB"
    ),
    "threeDSecure2Required": Card("4000000000003220", three_ds="always"),
    "threeDSecureRequired": Card("4000000000003063", three_ds="always"),
    "threeDSecureRequiredChargeDeclined": Card("4000008400001629", decline=DECLINED, three_ds="always"),
    # The look-up of the card's 3-D Secure enrolment fails, so the payment is declined without a challenge.
    "threeDSecureRequiredProcessingError": Card("4000008400001280", decline=DECLINED),
    "threeDSecureOptional": Card("4000000000003055"),
    "amex_threeDSecureNotSupported": Card("378282246310005", "amex"),
    "createDispute": Card("4000000000000259", dispute="fraudulent"),
    "createDisputeProductNotReceived": Card("4000000000002685", dispute="product_not_received"),
    "createDisputeInquiry": Card("4000000000001976", dispute="fraudulent", inquiry=True),
    "createIssuerFraudRecord": Card("4000000000005423"),
    "riskLevelElevated": Card("4000000000009235"),
    "bypassPending": Card("4000000000000077"),
    "pendingRefund": Card("4000000000007726", refund="pending"),
    "refundFail": Card("4000000000005126", refund="failed"),
}
_BY_NUMBER = {card.number: name for name, card in reversed(CARDS.items())}
_TOKEN = re.compile(r"^(?:pm_card|tok)_(?:visa_(?=[a-z]+[A-Z]))?(\w+)$")


def card_named(token: str) -> tuple[str, Card] | None:
    """`pm_card_chargeDeclined`, `pm_card_visa_chargeDeclined`, `tok_visa`, a number → name and card."""
    match = _TOKEN.match(token)
    name = match[1] if match else _BY_NUMBER.get(token.replace(" ", ""), "")
    return (name, CARDS[name]) if name in CARDS else None


def payment_method(key: str, name: str, created: int, billing: dict[str, Any] | None) -> dict[str, Any]:
    """The PaymentMethod object of a test card; `_card` remembers which one it is and is never shown."""
    card = CARDS[name]
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    given = billing or {}
    person = {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}
    return {
        "id": key, "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": person | given | {"address": address | (given.get("address") or {})},
        "card": {
            "brand": card.brand, "checks": {
                "address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked",
            },
            "country": card.country, "display_brand": card.brand, "exp_month": 12, "exp_year": 2034,
            "fingerprint": f"fp{card.number[-8:]}", "funding": card.funding, "generated_from": None,
            "last4": card.number[-4:], "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated", "three_d_secure_usage": {"supported": card.brand != "amex"},
            "wallet": None,
        },
        "created": created, "customer": None, "livemode": False, "metadata": {}, "type": "card",
        "_card": name,
    }  # fmt: skip
