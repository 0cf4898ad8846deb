"""Refunds of captured charges (docs.stripe.com/api/refunds)."""

from sandbox.stripe import balance, disputes
from sandbox.stripe.account import Account, Cause
from sandbox.stripe.call import Call
from sandbox.stripe.cards import CARDS
from sandbox.stripe.currencies import check_decimals, format_amount
from sandbox.stripe.errors import Obj, invalid
from sandbox.stripe.lists import LIST, page
from sandbox.stripe.params import boolean, email, integer, merge_metadata, metadata, one_of, parse, text

# How long a test card's refund stays pending, or takes to turn out failed; seconds of the stand-in's clock.
SETTLE_SECONDS = 10
REASONS = one_of("duplicate", "fraudulent", "requested_by_customer")
CREATE = {
    "amount": integer, "charge": text, "currency": text, "customer": text, "instructions_email": email,
    "metadata": metadata, "origin": text, "payment_intent": text, "reason": REASONS,
    "refund_application_fee": boolean, "reverse_transfer": boolean,
}  # fmt: skip


def create(call: Call) -> Obj:
    """`POST /v1/refunds` for a payment intent or a charge; without an amount, all that is left."""
    given = parse(call.params, CREATE)
    charge = _charge_to_refund(call, given.get("payment_intent"), given.get("charge"))
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded", saved=True, charge=charge["id"])
    amount = given.get("amount", left)
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > left:
        asked, rest = format_amount(amount, charge["currency"]), format_amount(left, charge["currency"])
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})"
        raise invalid(message, param="amount", code="amount_too_large", saved=True)
    check_decimals(amount, charge["currency"])
    method = call.account.find("payment_method", charge["payment_method"])
    fate = CARDS[method["_card"]].refund
    refund = _new_refund(call.account, charge, amount, reason=given.get("reason"), notes=given.get("metadata", {}))
    balance.book(call.account, charge["id"])
    if fate == "pending":
        refund |= {"status": "pending", "pending_reason": "processing"}
    else:
        balance.book_refund(call.account, charge, refund)
    if fate != "succeeded":
        call.account.schedule(f"refund_{fate}", refund["id"], call.account.now() + SETTLE_SECONDS)
    call.emit("refund.created", refund)
    call.emit("charge.refunded", charge)
    disputes.settle_by_refund(call.account, charge)
    return refund


def _charge_to_refund(call: Call, intent_key: str | None, charge_key: str | None) -> Obj:
    if intent_key is None and charge_key is None:
        raise invalid("One of the following params should be provided: payment_intent or charge.")
    if intent_key is not None:
        intent = call.account.find("payment_intent", intent_key, param="payment_intent")
        if intent["latest_charge"] is None or intent["status"] not in ("succeeded", "requires_capture"):
            message = f"This PaymentIntent ({intent_key}) does not have a successful charge to refund."
            raise invalid(message, param="payment_intent", saved=True)
        if charge_key not in (None, intent["latest_charge"]):
            raise invalid("The charge is not the intent's.", param="charge", saved=True)
        charge_key = intent["latest_charge"]
    charge = call.account.find("charge", str(charge_key), param="charge")
    if charge["status"] == "failed":
        raise invalid(f"Charge {charge_key} has failed and cannot be refunded.", param="charge", saved=True)
    if disputes.blocks_refund(call.account, charge):
        message = f"Charge {charge_key} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed", saved=True)
    if not charge["captured"]:
        message = "This charge is not captured: cancel its PaymentIntent to release the authorization."
        raise invalid(message, param="charge", saved=True)
    return charge


def _new_refund(
    account: Account,
    charge: Obj,
    amount: int,
    *,
    reason: str | None,
    notes: dict[str, str],
) -> Obj:
    key = account.new_id("re_3")
    refund: Obj = {
        "id": key, "object": "refund", "amount": amount, "balance_transaction": None, "charge": charge["id"],
        "created": account.now(), "currency": charge["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending", "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": {key: value for key, value in notes.items() if value != ""},
        "payment_intent": charge["payment_intent"], "reason": reason, "receipt_number": None,
        "source_transfer_reversal": None, "status": "succeeded", "transfer_reversal": None,
    }  # fmt: skip
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount_captured"]
    account.keep("charge", charge["id"], charge)
    return account.keep("refund", key, refund)


def arrive(account: Account, key: str) -> None:
    """A refund that was pending succeeds, and only now moves the balance."""
    refund = account.find("refund", key)
    refund |= {"status": "succeeded"}
    refund.pop("pending_reason", None)
    balance.book_refund(account, account.find("charge", refund["charge"]), refund)
    account.emit("refund.updated", refund, Cause())


def bounce(account: Account, key: str) -> None:
    """A refund that looked well comes back from the bank."""
    refund = account.find("refund", key)
    charge = account.find("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    account.keep("charge", charge["id"], charge)
    refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    balance.book_refund_failure(account, charge, refund)
    account.keep("refund", key, refund)
    account.emit("refund.failed", refund, Cause())
    account.emit("refund.updated", refund, Cause())


def retrieve(call: Call) -> Obj:
    """`GET /v1/refunds/{id}`."""
    parse(call.params, {})
    return call.account.find("refund", call.key)


def update(call: Call) -> Obj:
    """`POST /v1/refunds/{id}`: the metadata only."""
    given = parse(call.params, {"metadata": metadata})
    refund = call.account.find("refund", call.key)
    refund["metadata"] = merge_metadata(refund["metadata"], given.get("metadata"))
    call.account.keep("refund", call.key, refund)
    call.emit("refund.updated", refund)
    return refund


def cancel(call: Call) -> Obj:
    """`POST /v1/refunds/{id}/cancel`: only of one that waits for the customer, which a card's never does."""
    parse(call.params, {})
    refund = call.account.find("refund", call.key)
    message = f"This refund has a status of {refund['status']}; only one with requires_action can be canceled."
    raise invalid(message, saved=True)


def listing(call: Call) -> Obj:
    """`GET /v1/refunds`, by charge, intent or time."""
    filters = parse(call.params, {**LIST, "charge": text, "payment_intent": text})
    return page(call.account, "refund", "/v1/refunds", filters, ("charge", "payment_intent"))
