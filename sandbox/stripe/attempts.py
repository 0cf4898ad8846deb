"""One attempt to pay an intent: authenticate when the card asks, then authorize or charge, or decline."""

from typing import Any

from sandbox.stripe import balance, disputes, payment_methods
from sandbox.stripe.account import Account
from sandbox.stripe.call import Call
from sandbox.stripe.cards import AUTHENTICATE, CARDS, Card, Decline
from sandbox.stripe.charges import AUTHORIZATION_SECONDS, new_charge
from sandbox.stripe.errors import Obj, StripeError, card_error, unexpected_state


def attempt(call: Call, intent: Obj, given: dict[str, Any]) -> None:
    """Confirm an intent that has a payment method. Raises the 402 of a decline, after recording it."""
    method = call.account.find("payment_method", intent["payment_method"])
    card = CARDS[method["_card"]]
    intent |= {"last_payment_error": None, "next_action": None}
    _keep(call.account, intent)
    off_session = bool(given.get("off_session"))
    if _must_authenticate(intent, method, card, off_session) and call.forced_decline is None:
        if off_session or given.get("error_on_requires_action"):
            raise decline(call, intent, method, AUTHENTICATE)
        intent["_return_url"] = given.get("return_url")
        intent["status"] = "requires_action"
        intent["next_action"] = _next_action(call.account, intent)
        _keep(call.account, intent)
        call.emit("payment_intent.requires_action", intent)
        return
    authenticated = bool(intent.pop("_authenticated", False))
    why = call.forced_decline or card.decline
    if why is not None:
        raise decline(call, intent, method, why, authenticated=authenticated)
    approve(call, intent, method, authenticated=authenticated)


def _must_authenticate(intent: Obj, method: Obj, card: Card, off_session: bool) -> bool:
    if intent.get("_authenticated"):
        return False
    options = (intent.get("payment_method_options") or {}).get("card") or {}
    asked = options.get("request_three_d_secure") in ("any", "challenge") and card.brand != "amex"
    excused = {"never": True, "always": False, "unless_off_session": off_session}
    # Set up for payments off session by an earlier one (docs.stripe.com/testing: "authenticate unless set up").
    excused["unless_set_up"] = off_session and bool(method.get("_set_up"))
    return asked or not excused[card.three_ds]


def _next_action(account: Account, intent: Obj) -> Obj:
    url = f"{account.config.public_url}/3ds/{intent['id']}"
    if intent["_return_url"]:
        return {
            "redirect_to_url": {"return_url": intent["_return_url"], "url": url},
            "type": "redirect_to_url",
        }
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"stripe_js": url, "type": "three_d_secure_redirect"}}


def approve(call: Call, intent: Obj, method: Obj, *, authenticated: bool) -> None:
    """The issuer says yes: the money is held until captured, or taken at once."""
    charge = new_charge(call.account, intent, method, None, authenticated=authenticated)
    intent["latest_charge"] = charge["id"]
    payment_methods.after_attempt(call, intent, method, approved=True)
    if charge["captured"]:
        at_once = intent["capture_method"] != "automatic_async"
        balance.book_capture(call.account, charge, charge["amount"], at_once=at_once)
    call.emit("charge.succeeded", charge)
    if charge["captured"]:
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        _keep(call.account, intent)
        call.emit("payment_intent.succeeded", intent)
        disputes.open_by_card(call.account, charge)
    else:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        _keep(call.account, intent)
        call.account.schedule("expire", intent["id"], call.account.now() + AUTHORIZATION_SECONDS)
        call.emit("payment_intent.amount_capturable_updated", intent)


def decline(call: Call, intent: Obj, method: Obj, why: Decline, *, authenticated: bool = False) -> StripeError:
    """The issuer says no: the intent waits for another payment method. Returns the error to raise."""
    charge = new_charge(call.account, intent, method, why, authenticated=authenticated)
    call.emit("charge.failed", charge)
    payment_methods.after_attempt(call, intent, method, approved=False)
    error = card_error(why, charge=charge["id"], payment_method=method)
    _fail(call, intent, error, latest_charge=charge["id"])
    error.extra["payment_intent"] = intent
    return error


def _fail(call: Call, intent: Obj, error: StripeError, **changes: Any) -> None:
    intent |= changes | {
        "status": "requires_payment_method", "next_action": None, "payment_method": None,
        "last_payment_error": error.body()["error"],
    }  # fmt: skip
    intent.pop("_authenticated", None)
    _keep(call.account, intent)
    call.emit("payment_intent.payment_failed", intent)


def authenticate(call: Call, *, passed: bool) -> Obj:
    """The customer is back from 3-D Secure. A decline after it is recorded, not raised: no request waits."""
    intent = call.account.find("payment_intent", call.key)
    if intent["status"] != "requires_action":
        raise unexpected_state(f"This PaymentIntent has a status of {intent['status']}.", intent)
    method = call.account.find("payment_method", intent["payment_method"])
    if not passed:
        message = "The payment method failed authentication. Give a new one to attempt this payment again."
        code = "payment_intent_authentication_failure"
        _fail(call, intent, StripeError(400, "invalid_request_error", message, code=code, payment_method=method))
        return intent
    intent |= {"next_action": None, "_authenticated": True}
    if intent["confirmation_method"] == "manual":
        intent["status"] = "requires_confirmation"
        _keep(call.account, intent)
        return intent
    try:
        attempt(call, intent, {})
    except StripeError as error:
        if error.kind != "card_error":
            raise
    return intent


def _keep(account: Account, intent: Obj) -> None:
    account.keep("payment_intent", intent["id"], intent)
