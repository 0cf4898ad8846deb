"""Charges: one a payment attempt, made by an intent (docs.stripe.com/api/charges)."""

from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.call import Call
from sandbox.stripe.cards import CARDS, Decline
from sandbox.stripe.errors import Obj
from sandbox.stripe.lists import LIST, page
from sandbox.stripe.params import parse, text

# Brands whose authorizations can be raised (docs.stripe.com/payments/incremental-authorization).
INCREMENTABLE = ("amex", "discover", "mastercard", "unionpay", "visa")
# Customer-initiated card authorizations are valid for seven days
# (docs.stripe.com/payments/place-a-hold-on-a-payment-method).
AUTHORIZATION_SECONDS = 7 * 86_400


def new_charge(account: Account, intent: Obj, method: Obj, decline: Decline | None, *, authenticated: bool) -> Obj:
    """Charge or authorize a card once; a declined attempt leaves a failed charge."""
    captured = decline is None and intent["capture_method"] != "manual"
    amount: int = intent["amount"]
    key = account.new_id("ch_3")
    charge: Obj = {
        "id": key, "object": "charge", "amount": amount, "amount_captured": amount if captured else 0,
        "amount_refunded": 0, "application": None, "application_fee": None, "application_fee_amount": None,
        "balance_transaction": None, "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "MILEPOST SANDBOX", "captured": captured, "created": account.now(),
        "currency": intent["currency"], "customer": intent["customer"], "description": intent["description"],
        "disputed": False, "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None, "fraud_details": {}, "livemode": False,
        "metadata": dict(intent["metadata"]), "on_behalf_of": None, "outcome": _outcome(decline),
        "paid": decline is None, "payment_intent": intent["id"], "payment_method": method["id"],
        "payment_method_details": {
            "card": _card_details(account, intent, method, captured, decline, authenticated), "type": "card",
        },
        "receipt_email": intent["receipt_email"], "receipt_number": None, "receipt_url": None,
        "refunded": False,
        "review": None, "shipping": intent["shipping"], "source": None, "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if decline else "succeeded", "transfer_data": None,
        "transfer_group": intent["transfer_group"], "_captures": int(captured),
    }  # fmt: skip
    return account.keep("charge", key, charge)


def _outcome(decline: Decline | None) -> Obj:
    approved: Obj = {
        "advice_code": None, "network_advice_code": None, "network_decline_code": None,
        "network_status": "approved_by_network", "reason": None, "risk_level": "normal", "risk_score": 12,
        "seller_message": "Payment complete.", "type": "authorized",
    }  # fmt: skip
    if decline is None:
        return approved
    return approved | {
        "network_status": "declined_by_network", "reason": decline.decline_code or decline.code,
        "seller_message": "The bank did not return any further details.", "type": "issuer_declined",
    }  # fmt: skip


def _card_details(
    account: Account, intent: Obj, method: Obj, captured: bool, decline: Decline | None, authenticated: bool
) -> Obj:
    card = method["card"]
    held = decline is None and not captured
    three_ds: Obj | None = None
    if authenticated:
        three_ds = {
            "authentication_flow": "challenge", "electronic_commerce_indicator": "05",
            "exemption_indicator": None, "result": "authenticated", "result_reason": None,
            "transaction_id": "00000000-0000-0000-0000-000000000000", "version": "2.2.0",
        }  # fmt: skip
    details: Obj = {
        "amount_authorized": intent["amount"] if decline is None else None, "authorization_code": None,
        "brand": card["brand"], "checks": card["checks"] | {"cvc_check": "pass"}, "country": card["country"],
        "exp_month": card["exp_month"], "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"}, "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": _status(held and _increments(intent, card))},
        "installments": None,
        "last4": card["last4"], "mandate": None,
        "multicapture": {"status": _status(held and _multicapture(intent))},
        "network": card["brand"], "network_token": {"used": False},
        "network_transaction_id": CARDS[method["_card"]].number[-6:] + intent["id"][-9:],
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": "unregulated", "three_d_secure": three_ds, "wallet": None,
    }  # fmt: skip
    if held:
        details["capture_before"] = account.now() + AUTHORIZATION_SECONDS
    return details


def _status(available: bool) -> str:
    return "available" if available else "unavailable"


def _increments(intent: Obj, card: Obj) -> bool:
    options: dict[str, Any] = (intent.get("payment_method_options") or {}).get("card") or {}
    asked = options.get("request_incremental_authorization") == "if_available"
    return asked and card["brand"] in INCREMENTABLE


def _multicapture(intent: Obj) -> bool:
    options: dict[str, Any] = (intent.get("payment_method_options") or {}).get("card") or {}
    return options.get("request_multicapture") == "if_available"


def retrieve(call: Call) -> Obj:
    """`GET /v1/charges/{id}`."""
    parse(call.params, {})
    return call.account.find("charge", call.key)


def listing(call: Call) -> Obj:
    """`GET /v1/charges`, by intent, customer or time."""
    filters = parse(call.params, {**LIST, "customer": text, "payment_intent": text, "transfer_group": text})
    return page(call.account, "charge", "/v1/charges", filters, ("customer", "payment_intent", "transfer_group"))
