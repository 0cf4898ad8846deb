"""Raises an authorization before it is captured (docs.stripe.com/payments/incremental-authorization).

Possible where the intent asked for it (`request_incremental_authorization=if_available`), the card's brand takes
part, and nothing is captured yet; ten attempts an intent, declined ones included. The hold lasts no longer for it.
"""

from sandbox.stripe.call import Call
from sandbox.stripe.currencies import check_amount, format_amount
from sandbox.stripe.errors import Obj, card_error, invalid, unexpected_state
from sandbox.stripe.params import anything, integer, merge_metadata, metadata, parse, text

ATTEMPTS = 10
TABLE = {
    "amount": integer, "amount_details": anything, "application_fee_amount": integer, "description": text,
    "hooks": anything, "metadata": metadata, "payment_details": anything, "statement_descriptor": text,
    "transfer_data": anything,
}  # fmt: skip


def increment(call: Call) -> Obj:
    """`POST /v1/payment_intents/{id}/increment_authorization`; a decline leaves everything as it was."""
    given = parse(call.params, TABLE, required=("amount",))
    intent = call.account.find("payment_intent", call.key, param="intent")
    amount: int = given["amount"]
    check_amount(amount, intent["currency"])
    charge = _check(call, intent, amount)
    intent["_increments"] = intent.get("_increments", 0) + 1
    call.account.keep("payment_intent", intent["id"], intent)
    if call.forced_decline is not None:
        raise card_error(call.forced_decline, charge=charge["id"], payment_intent=intent)
    charge["amount"] = amount
    card = charge["payment_method_details"]["card"]
    card["amount_authorized"] = card["overcapture"]["maximum_amount_capturable"] = amount
    intent |= {"amount": amount, "amount_capturable": amount}
    intent["metadata"] = merge_metadata(intent["metadata"], given.get("metadata"))
    for name in ("description", "statement_descriptor"):
        if name in given:
            intent[name] = charge[name] = given[name]
    call.account.keep("charge", charge["id"], charge)
    call.emit("charge.updated", charge)
    call.emit("payment_intent.amount_capturable_updated", intent)
    return intent


def _check(call: Call, intent: Obj, amount: int) -> Obj:
    """The charge to raise. Raises where it can't be."""
    if intent["status"] != "requires_capture":
        message = f"This PaymentIntent could not be incremented because it has a status of {intent['status']}."
        raise unexpected_state(f"{message} Only one with requires_capture may be.", intent)
    charge = call.account.find("charge", intent["latest_charge"])
    available = charge["payment_method_details"]["card"]["incremental_authorization"]["status"] == "available"
    if not available or charge["amount_captured"]:
        message = "This PaymentIntent is not eligible for an incremental authorization."
        raise invalid(message, saved=True, payment_intent=intent)
    if amount <= intent["amount"]:
        held = format_amount(intent["amount"], intent["currency"])
        message = f"The amount must be greater than the currently authorized amount ({held})."
        raise invalid(message, param="amount", saved=True, payment_intent=intent)
    if intent.get("_increments", 0) >= ATTEMPTS:
        message = f"This PaymentIntent has had {ATTEMPTS} incremental authorization attempts, and there may be no more."
        raise invalid(message, saved=True, payment_intent=intent)
    return charge
