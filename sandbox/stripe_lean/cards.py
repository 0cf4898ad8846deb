"""Stripe's documented test payment methods, and what each does (docs.stripe.com/testing)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """How a test card behaves: declined with a code, or 3-D Secure first."""

    brand: str = "visa"
    last4: str = "4242"
    code: str | None = None
    decline_code: str | None = None
    message: str = ""
    authentication: bool = False
    capture_fails: bool = False


_DECLINED = "Your card was declined."
_FUNDS = "Your card has insufficient funds."

CARDS = {
    "pm_card_visa": Card(),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_amex": Card("amex", "8431"),
    "pm_card_chargeDeclined": Card("visa", "0002", "card_declined", "generic_decline", _DECLINED),
    "pm_card_visa_chargeDeclined": Card("visa", "0002", "card_declined", "generic_decline", _DECLINED),
    "pm_card_chargeDeclinedInsufficientFunds": Card(
        "visa", "9995", "card_declined", "insufficient_funds", _FUNDS
    ),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card(
        "visa", "9995", "card_declined", "insufficient_funds", _FUNDS
    ),
    "pm_card_visa_chargeDeclinedLostCard": Card("visa", "9987", "card_declined", "lost_card", _DECLINED),
    "pm_card_chargeDeclinedExpiredCard": Card(
        "visa", "0069", "expired_card", "expired_card", "Your card has expired."
    ),
    "pm_card_chargeDeclinedIncorrectCvc": Card(
        "visa", "0127", "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."
    ),
    "pm_card_chargeDeclinedProcessingError": Card(
        "visa", "0119", "processing_error", "processing_error", "An error occurred while processing your card."
    ),
    "pm_card_authenticationRequired": Card("visa", "3184", authentication=True),
    "pm_card_threeDSecure2Required": Card("visa", "3220", authentication=True),
    "pm_card_threeDSecureRequired": Card("visa", "3063", authentication=True),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "visa", "9995", "card_declined", "insufficient_funds", _FUNDS, authentication=True
    ),
    # Not Stripe's: authorizes, and then refuses the capture, which no documented test card does.
    "pm_sandbox_captureFails": Card("visa", "0341", capture_fails=True),
}

MINIMUMS = {
    "usd": 50, "eur": 50, "gbp": 30, "chf": 50, "jpy": 50, "aud": 50, "cad": 50, "sek": 300, "nok": 300,
    "dkk": 250, "pln": 200, "czk": 1500, "sgd": 50, "hkd": 400, "nzd": 50,
}  # fmt: skip
"""Smallest charge by currency, in minor units (docs.stripe.com/currencies, minimum and maximum charge amounts)."""
