"""Stripe's objects and refusals in our words."""

from datetime import UTC, datetime
from typing import Any, cast

import stripe

from domain.disputes import DisputeFact
from domain.payments import (
    AuthorizationFact,
    Fee,
    PaymentActionRequired,
    PaymentAuthorized,
    PaymentCancelled,
    PaymentCaptured,
    PaymentDeclined,
    PaymentProcessing,
    RefundFailed,
    RefundMade,
    SavedCard,
)
from domain.refusals import Refusal, RefusalCode
from domain.states import DisputeState
from gateways.stripe.faults import StripeMisconfigured, fault

_R = RefusalCode
_CARD_REFUSALS = {
    "insufficient_funds": (_R.INSUFFICIENT_FUNDS, "The card has insufficient funds. Try another card."),
    "expired_card": (_R.EXPIRED_CARD, "The card has expired. Try another card."),
    "incorrect_cvc": (_R.INCORRECT_CVC, "The card's security code is wrong. Check it and try again."),
    "processing_error": (_R.PROCESSING_ERROR, "The card could not be processed. Try again in a moment."),
    "authentication_required": (_R.AUTHENTICATION_REQUIRED, "The bank wants you to confirm this payment."),
    "payment_intent_authentication_failure": (
        _R.AUTHENTICATION_FAILED,
        "The bank could not confirm that it was you. Try again or use another card.",
    ),
    "amount_too_small": (_R.AMOUNT_TOO_SMALL, "The amount is below the smallest that a card can pay."),
    "amount_too_large": (_R.AMOUNT_TOO_LARGE, "The amount is above the largest that a card can pay."),
    "parameter_invalid_integer": (
        _R.AMOUNT_NOT_CHARGEABLE,
        "Cards cannot pay this exact amount in this currency: its last digits must be zero.",
    ),
}
_DECLINED = (_R.CARD_DECLINED, "The card was declined. Try another card or ask your bank.")
_AMOUNTS = ("amount_too_small", "amount_too_large", "parameter_invalid_integer")
# `…_no_decimal_compatible`: support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds
_AMOUNT_NOT_ROUND = "invalid_charge_amount"
# Stripe's whole answer to a payment method that belongs to no customer and was used before: neither code nor param.
_USED_UP = "may not be used again"

_DISPUTES = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY,
    "warning_closed": DisputeState.INQUIRY_CLOSED,
    "prevented": DisputeState.INQUIRY_CLOSED,
    "needs_response": DisputeState.NEEDS_RESPONSE,
    "under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}


def of_intent(intent: stripe.PaymentIntent) -> AuthorizationFact:
    """An intent. Raises `StripeMisconfigured` for a status nobody told us of."""
    secret = intent.client_secret or ""
    match intent.status:
        case "requires_capture" | "succeeded":
            return _authorized(intent)
        case "requires_action" | "requires_confirmation":
            return PaymentActionRequired(intent.id, secret, action_url=_action_url(intent))
        case "requires_payment_method":
            error = intent.last_payment_error
            if error is None:
                return PaymentActionRequired(intent.id, secret)
            decline_code = getattr(error, "decline_code", None)  # absent, as `charge`, when nothing was charged
            attempt = getattr(error, "charge", None) or f"{error.code}/{decline_code}"
            return PaymentDeclined(refusal(error.code, decline_code), intent.id, secret, decline_code, attempt)
        case "processing":
            return PaymentProcessing(intent.id, secret)
        case "canceled":
            return PaymentCancelled(intent.id)
        case unknown:
            raise StripeMisconfigured(f"intent {intent.id} has the unknown status {unknown}")


def _authorized(intent: stripe.PaymentIntent) -> PaymentAuthorized:
    charge, customer, method = intent.latest_charge, _id(intent.customer), _id(intent.payment_method)
    kept = intent.setup_future_usage == "off_session" and customer and method
    card = _card(charge)
    before = getattr(card, "capture_before", None)  # absent once the money is taken
    several = getattr(card, "multicapture", None)
    return PaymentAuthorized(
        intent_id=intent.id,
        amount_minor=intent.amount_capturable + intent.amount_received,
        capture_before=datetime.fromtimestamp(before, UTC) if before else None,
        card=f"{card.brand} {card.last4}" if card else None,
        charge_id=_id(charge),
        saved=SavedCard(str(customer), str(method)) if kept else None,
        multicapture=bool(several and several.status == "available"),
        captured=captured(intent) if intent.amount_received else None,
    )


def captured(intent: stripe.PaymentIntent) -> PaymentCaptured:
    """An intent that money was taken of; with the fee, where Stripe knows it already."""
    charge = intent.latest_charge
    transaction = charge.balance_transaction if isinstance(charge, stripe.Charge) else None
    return PaymentCaptured(
        intent_id=intent.id,
        amount_minor=intent.amount_received,
        charge_id=_id(charge),
        final=intent.status == "succeeded",
        fee=fee(transaction) if isinstance(transaction, stripe.BalanceTransaction) else None,
    )


def fee(transaction: stripe.BalanceTransaction) -> Fee:
    """What Stripe kept of a balance transaction."""
    return Fee(transaction.id, transaction.fee, transaction.currency.upper())


def of_refund(refund: stripe.Refund) -> RefundMade | RefundFailed:
    """A refund; `pending` and `requires_action` are on their way (docs.stripe.com/refunds)."""
    if refund.status in ("failed", "canceled"):
        message = f"The refund did not reach the customer ({getattr(refund, 'failure_reason', None) or refund.status})."
        return RefundFailed(Refusal(_R.REFUND_FAILED, message), refund.id)
    settling = refund.status in ("pending", "requires_action")
    return RefundMade(refund.id, refund.amount, settling, _id(refund.balance_transaction))


def of_dispute(dispute: stripe.Dispute) -> DisputeFact:
    """A dispute, with what it has moved of our balance. Raises `StripeMisconfigured` for an unknown status."""
    state = _DISPUTES.get(dispute.status)
    if state is None:
        raise StripeMisconfigured(f"dispute {dispute.id} has the unknown status {dispute.status}")
    due = dispute.evidence_details.due_by
    moved = dispute.balance_transactions
    return DisputeFact(
        dispute_id=dispute.id,
        intent_id=_id(dispute.payment_intent) or "",
        amount_minor=dispute.amount,
        currency=dispute.currency.upper(),
        reason=dispute.reason,
        state=state,
        withdrawn=any(transaction.amount < 0 for transaction in moved),
        evidence_due_at=datetime.fromtimestamp(due, UTC) if due else None,
        fees=tuple(fee(transaction) for transaction in moved if transaction.fee),
    )


def refusal(code: str | None, decline_code: str | None) -> Refusal:
    """A card's refusal with a sentence fit for a shopper."""
    known = _CARD_REFUSALS.get(decline_code or "") or _CARD_REFUSALS.get(code or "") or _DECLINED
    return Refusal(known[0], known[1], {"decline_code": decline_code} if decline_code else {})


def detail(error: stripe.StripeError) -> dict[str, Any]:
    """The error object of Stripe's answer, whose fields the SDK's exceptions carry in part only."""
    body = cast("dict[str, Any]", error.json_body or {}).get("error")
    return body if isinstance(body, dict) else {}


def declined(error: stripe.StripeError) -> PaymentDeclined:
    """A refusal that is an answer; whatever is not one is raised."""
    if isinstance(error, stripe.CardError):
        body = detail(error)
        intent = body.get("payment_intent") or {}
        why = refusal(error.code, body.get("decline_code"))
        return PaymentDeclined(why, intent.get("id"), intent.get("client_secret"), body.get("decline_code"))
    if isinstance(error, stripe.InvalidRequestError):
        if error.param == "payment_method" or _USED_UP in str(error.user_message):
            message = "The payment method is not known, or cannot be used again. Collect the card again."
            return PaymentDeclined(Refusal(_R.INVALID_PAYMENT_METHOD, message))
        code = error.code or ""
        if error.param == "amount" or code.startswith(_AMOUNT_NOT_ROUND):
            return PaymentDeclined(refusal(code if code in _AMOUNTS else "parameter_invalid_integer", None))
    raise fault(error) from error


def _card(charge: object) -> Any:
    """The card's part of an expanded charge, if there is one."""
    details = charge.payment_method_details if isinstance(charge, stripe.Charge) else None
    return details.card if details else None


def _id(value: object) -> str | None:
    """An id, whether it was expanded or not."""
    return value if isinstance(value, str) or value is None else str(getattr(value, "id", "")) or None


def _action_url(intent: stripe.PaymentIntent) -> str | None:
    redirect = getattr(intent.next_action, "redirect_to_url", None)  # absent without a return_url
    return redirect.url if redirect else None
