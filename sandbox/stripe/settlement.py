"""What ends an authorization: capture, cancellation, or its seven days running out.

What was held and is not captured makes neither a refund nor a balance transaction, and the charge does not count as
refunded (docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow).
"""

from sandbox.stripe import balance, disputes
from sandbox.stripe.account import Account, Cause
from sandbox.stripe.call import Call
from sandbox.stripe.charges import AUTHORIZATION_SECONDS
from sandbox.stripe.currencies import check_decimals
from sandbox.stripe.errors import Obj, card_error, invalid, unexpected_state
from sandbox.stripe.params import anything, boolean, integer, merge_metadata, metadata, one_of, parse, text

CAPTURE = {
    "amount_details": anything, "amount_to_capture": integer, "application_fee_amount": integer,
    "final_capture": boolean, "hooks": anything, "metadata": metadata, "payment_details": anything,
    "statement_descriptor": text, "statement_descriptor_suffix": text, "transfer_data": anything,
}  # fmt: skip
CANCELABLE = (
    "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing",
)  # fmt: skip
REASON = one_of("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def capture(call: Call) -> Obj:
    """`POST /v1/payment_intents/{id}/capture`: all of what is held, or part of it; the rest is released."""
    given = parse(call.params, CAPTURE)
    intent = call.account.find("payment_intent", call.key, param="intent")
    if intent["status"] != "requires_capture":
        message = f"This PaymentIntent could not be captured because it has a status of {intent['status']}."
        raise unexpected_state(f"{message} Only one with requires_capture may be.", intent)
    charge = call.account.find("charge", intent["latest_charge"])
    amount, final = _amount_to_capture(intent, charge, given)
    if call.forced_decline is not None:
        raise card_error(call.forced_decline, charge=charge["id"], payment_intent=intent)
    captures = charge.get("_captures", 0) + 1
    charge |= {"captured": True, "amount_captured": charge["amount_captured"] + amount, "_captures": captures}
    charge["refunded"] = False  # of several captures this one is not refunded yet
    intent["amount_received"] += amount
    intent["amount_capturable"] -= amount
    intent["metadata"] = merge_metadata(intent["metadata"], given.get("metadata"))
    if given.get("statement_descriptor_suffix"):
        intent["statement_descriptor_suffix"] = charge["statement_descriptor_suffix"] = given[
            "statement_descriptor_suffix"
        ]
    balance.book_capture(call.account, charge, amount, at_once=True)
    if final:
        intent["amount_capturable"] = 0
    if not intent["amount_capturable"]:
        intent["status"] = "succeeded"
        call.account.unschedule("expire", intent["id"])
    _keep(call.account, intent, charge)
    call.emit("charge.captured", charge)
    done = intent["status"] == "succeeded"
    call.emit("payment_intent.succeeded" if done else "payment_intent.amount_capturable_updated", intent)
    disputes.open_by_card(call.account, charge)
    return intent


def _amount_to_capture(intent: Obj, charge: Obj, given: Obj) -> tuple[int, bool]:
    wanted = given["amount_to_capture"] if "amount_to_capture" in given else intent["amount_capturable"]
    amount = int(wanted)
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount_to_capture", code="parameter_invalid_integer")
    if amount > intent["amount_capturable"]:
        message = "The requested capture amount is greater than the amount you can capture for this charge."
        raise invalid(message, param="amount_to_capture", code="amount_too_large", saved=True, payment_intent=intent)
    check_decimals(amount, intent["currency"])
    final: bool = given.get("final_capture", True)
    if not final and not _is_multicapture(charge):
        message = "Multicapture is not available for this PaymentIntent, so final_capture can't be false."
        raise invalid(message, param="final_capture", saved=True)
    return amount, final


def _is_multicapture(charge: Obj) -> bool:
    return bool(charge["payment_method_details"]["card"]["multicapture"]["status"] == "available")


def cancel(call: Call) -> Obj:
    """`POST /v1/payment_intents/{id}/cancel`; what was held is given back."""
    given = parse(call.params, {"cancellation_reason": REASON})
    intent = call.account.find("payment_intent", call.key, param="intent")
    if intent["status"] not in CANCELABLE:
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise unexpected_state(f"{message} It must have one of: {', '.join(CANCELABLE)}.", intent)
    intent["_cancels"] = intent.get("_cancels", 0) + 1
    _void(call.account, intent, given.get("cancellation_reason"), call.cause)
    return intent


def expire(account: Account, key: str) -> None:
    """Nobody captured in time: the issuer takes its hold back and Stripe cancels the intent."""
    intent = account.find("payment_intent", key)
    if intent["status"] == "requires_capture":
        account.emit("charge.expired", account.find("charge", intent["latest_charge"]), Cause())
        _void(account, intent, "expired", Cause())


def _void(account: Account, intent: Obj, reason: str | None, cause: Cause) -> None:
    if intent["amount_received"] == 0:
        intent |= {"status": "canceled", "canceled_at": account.now(), "cancellation_reason": reason}
    else:
        # Part of it was captured before (multicapture): the captured part stays paid.
        intent["status"] = "succeeded"
    intent |= {"amount_capturable": 0, "next_action": None}
    account.unschedule("expire", intent["id"])
    account.keep("payment_intent", intent["id"], intent)
    kind = "payment_intent.canceled" if intent["status"] == "canceled" else "payment_intent.succeeded"
    account.emit(kind, intent, cause)


def _keep(account: Account, intent: Obj, charge: Obj) -> None:
    account.keep("charge", charge["id"], charge)
    account.keep("payment_intent", intent["id"], intent)


__all__ = ["AUTHORIZATION_SECONDS", "cancel", "capture", "expire"]
