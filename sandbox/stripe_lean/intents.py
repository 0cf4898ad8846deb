"""Payment intents: created, confirmed, authenticated, captured, cancelled, as Stripe's lifecycle has it."""

import secrets
import time
from collections.abc import Callable
from typing import Any

from sandbox.stripe_lean.cards import CARDS, MINIMUMS, Card
from sandbox.stripe_lean.errors import StripeFault, invalid, missing
from sandbox.stripe_lean.forms import truth, unknown

Emit = Callable[[str, dict[str, Any]], None]

_CREATE = (
    "amount", "currency", "capture_method", "confirm", "payment_method", "metadata", "description", "return_url",
    "payment_method_types", "automatic_payment_methods", "customer", "off_session", "receipt_email", "expand",
    "statement_descriptor_suffix", "shipping", "setup_future_usage",
)  # fmt: skip
_CANCELLABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing")
_SEVEN_DAYS = 7 * 86_400


class Intents:
    """All intents of the account. `emit(type, object)` makes an event of what happened."""

    def __init__(self, emit: Emit, public_url: str) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._emit, self._public_url = emit, public_url

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """`POST /v1/payment_intents`."""
        if stray := unknown(params, _CREATE):
            raise invalid(f"Received unknown parameter: {stray}", code="parameter_unknown", param=stray)
        for name in ("amount", "currency"):
            if name not in params:
                raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
        amount, currency = self._amount(params["amount"], "amount"), str(params["currency"]).lower()
        if amount < MINIMUMS.get(currency, 1):
            raise invalid("Amount must be at least the minimum.", code="amount_too_small", param="amount")
        method = params.get("payment_method")
        if method is not None and method not in CARDS:
            raise invalid(f"No such PaymentMethod: '{method}'", code="resource_missing", param="payment_method")
        number = "pi_" + secrets.token_hex(12)
        intent: dict[str, Any] = {
            "id": number, "object": "payment_intent", "amount": amount, "amount_capturable": 0,
            "amount_received": 0, "currency": currency, "capture_method": params.get("capture_method", "automatic"),
            "client_secret": f"{number}_secret_{secrets.token_hex(12)}", "created": int(time.time()),
            "metadata": params.get("metadata", {}), "description": params.get("description"),
            "payment_method": method, "status": "requires_confirmation" if method else "requires_payment_method",
            "latest_charge": None, "last_payment_error": None, "next_action": None, "canceled_at": None,
            "cancellation_reason": None, "livemode": False, "return_url": params.get("return_url"),
        }  # fmt: skip
        self.rows[number] = intent
        self._emit("payment_intent.created", intent)
        if truth(params.get("confirm")):
            self.confirm(number, {})
        return intent

    def get(self, number: str) -> dict[str, Any]:
        """One intent; 404 for an unknown one."""
        if number not in self.rows:
            raise missing("payment_intent", number)
        return self.rows[number]

    def confirm(self, number: str, params: dict[str, Any]) -> dict[str, Any]:
        """`POST …/confirm`: charge the card now, or ask for 3-D Secure first."""
        intent = self.get(number)
        if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            raise self._unexpected(intent, "confirmed")
        method = params.get("payment_method") or intent["payment_method"]
        if method not in CARDS:
            raise invalid(f"No such PaymentMethod: '{method}'", code="resource_missing", param="payment_method")
        intent.update(payment_method=method, last_payment_error=None)
        if params.get("return_url"):
            intent["return_url"] = params["return_url"]
        if CARDS[method].authentication:
            url = f"{self._public_url}/3ds/{number}"
            redirect = {"url": url, "return_url": intent["return_url"]}
            intent.update(
                status="requires_action", next_action={"type": "redirect_to_url", "redirect_to_url": redirect}
            )
            self._emit("payment_intent.requires_action", intent)
            return intent
        return self._charge(intent, CARDS[method])

    def authenticate(self, number: str, *, passed: bool) -> dict[str, Any]:
        """The shopper passed 3-D Secure, or did not."""
        intent = self.get(number)
        if intent["status"] != "requires_action":
            raise self._unexpected(intent, "authenticated")
        intent["next_action"] = None
        if passed:
            try:
                return self._charge(intent, CARDS[intent["payment_method"]])
            except StripeFault:
                return intent
        message = "We are unable to authenticate your payment method."
        self._refuse(intent, {"code": "payment_intent_authentication_failure", "message": message})
        return intent

    def capture(self, number: str, params: dict[str, Any]) -> dict[str, Any]:
        """`POST …/capture`: all of what is held, or `amount_to_capture` of it; the rest is let go."""
        intent = self.get(number)
        if stray := unknown(params, ("amount_to_capture", "expand", "metadata")):
            raise invalid(f"Received unknown parameter: {stray}", code="parameter_unknown", param=stray)
        if intent["status"] != "requires_capture":
            raise self._unexpected(intent, "captured")
        amount = self._amount(params.get("amount_to_capture", intent["amount_capturable"]), "amount_to_capture")
        if amount > intent["amount_capturable"]:
            raise invalid("You cannot capture more than was authorized.", code="amount_too_large")
        if CARDS[intent["payment_method"]].capture_fails:
            charge = intent["latest_charge"]["id"]
            message = "The authorization was withdrawn by the card's bank."
            raise StripeFault(402, "card_error", message, code="charge_expired_for_capture", charge=charge)
        intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
        intent["latest_charge"].update(captured=True, amount_captured=amount)
        self._emit("charge.captured", intent["latest_charge"])
        self._emit("payment_intent.succeeded", intent)
        return intent

    def cancel(self, number: str, params: dict[str, Any]) -> dict[str, Any]:
        """`POST …/cancel`: what was held is let go."""
        intent = self.get(number)
        if intent["status"] not in _CANCELLABLE:
            raise self._unexpected(intent, "canceled")
        intent.update(
            status="canceled", canceled_at=int(time.time()), amount_capturable=0, next_action=None,
            cancellation_reason=params.get("cancellation_reason"),
        )  # fmt: skip
        self._emit("payment_intent.canceled", intent)
        return intent

    def _charge(self, intent: dict[str, Any], card: Card) -> dict[str, Any]:
        if card.code:
            error = {"code": card.code, "decline_code": card.decline_code, "message": card.message}
            self._refuse(intent, error)
            raise StripeFault(402, "card_error", card.message, **error, payment_intent=dict(intent))
        manual = intent["capture_method"] == "manual"
        details: dict[str, Any] = {"brand": card.brand, "last4": card.last4}
        if manual:
            details["capture_before"] = int(time.time()) + _SEVEN_DAYS
        charge = {
            "id": "ch_" + secrets.token_hex(12), "object": "charge", "amount": intent["amount"],
            "currency": intent["currency"], "captured": not manual, "payment_intent": intent["id"],
            "amount_captured": 0 if manual else intent["amount"], "paid": True, "status": "succeeded",
            "metadata": intent["metadata"], "payment_method_details": {"type": "card", "card": details},
        }  # fmt: skip
        held = {"amount_capturable": intent["amount"]} if manual else {"amount_received": intent["amount"]}
        status = "requires_capture" if manual else "succeeded"
        intent.update(status=status, latest_charge=charge, next_action=None, **held)
        self._emit("charge.succeeded", charge)
        self._emit("payment_intent.amount_capturable_updated" if manual else "payment_intent.succeeded", intent)
        return intent

    def _refuse(self, intent: dict[str, Any], error: dict[str, Any]) -> None:
        attempt = {"type": "card_error", "charge": "ch_" + secrets.token_hex(12), **error}
        intent.update(
            status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=attempt
        )
        self._emit("payment_intent.payment_failed", intent)

    @staticmethod
    def _amount(value: object, param: str) -> int:
        text = str(value)
        if not text.isdecimal():
            raise invalid(f"Invalid integer: {text}", code="parameter_invalid_integer", param=param)
        if len(text) > 12:
            raise invalid("Amount is too large.", code="amount_too_large", param=param)
        return int(text)

    @staticmethod
    def _unexpected(intent: dict[str, Any], verb: str) -> StripeFault:
        message = f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
        code = "payment_intent_unexpected_state"
        return StripeFault(400, "invalid_request_error", message, code=code, payment_intent=dict(intent))
