"""Stripe, and everything we know of it, in one place. Money goes out as minor units, as Stripe counts them.

Sources: docs.stripe.com/payments/place-a-hold-on-a-payment-method (manual capture), /error-handling,
/api/idempotent_requests, /webhooks.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import stripe
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from stripe.params import PaymentIntentCreateParams

from domain.payments import (
    AuthorizePayment,
    CaptureDeclined,
    CaptureFact,
    CapturePayment,
    PaymentActionRequired,
    PaymentAuthorized,
    PaymentCancelled,
    PaymentCaptured,
    PaymentDeclined,
    PaymentFact,
    PaymentMode,
    PaymentProcessing,
    PaymentVoided,
    VoidFact,
    VoidPayment,
    VoidRefused,
)
from domain.refusals import Refusal, RefusalCode
from gateways.signatures import verify

API_VERSION = stripe.api_version


class StripeUnavailable(Exception):
    """No answer, a 5xx, a 409 or a 429: the outcome is unknown. Ask again with the same key, after `retry_after` s."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StripeMisconfigured(Exception):
    """Our key or our request is wrong: no retry helps until a person mends it."""


_CARD_REFUSALS = {
    "insufficient_funds": (
        RefusalCode.INSUFFICIENT_FUNDS,
        "The card has insufficient funds. Try another card.",
    ),
    "expired_card": (RefusalCode.EXPIRED_CARD, "The card has expired. Try another card."),
    "incorrect_cvc": (
        RefusalCode.INCORRECT_CVC,
        "The card's security code is wrong. Check it and try again.",
    ),
    "processing_error": (
        RefusalCode.PROCESSING_ERROR,
        "The card could not be processed. Try again in a moment.",
    ),
    "authentication_required": (
        RefusalCode.AUTHENTICATION_REQUIRED,
        "The bank wants you to confirm this payment.",
    ),
    "payment_intent_authentication_failure": (
        RefusalCode.AUTHENTICATION_FAILED,
        "The bank could not confirm that it was you. Try again or use another card.",
    ),
    "amount_too_small": (
        RefusalCode.AMOUNT_TOO_SMALL,
        "The amount is below the smallest that a card can pay.",
    ),
}
_DECLINED = (RefusalCode.CARD_DECLINED, "The card was declined. Try another card or ask your bank.")


class StripeEvent(BaseModel):
    """The part of a webhook event that we act upon."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(pattern=r"^evt_\w+$", max_length=255)
    type: str = Field(max_length=255)
    data: dict[str, Any]

    @property
    def intent_id(self) -> str | None:
        """The payment intent this is about, if any."""
        subject = self.data.get("object")
        if not isinstance(subject, dict):
            return None
        number = subject.get("id") if subject.get("object") == "payment_intent" else subject.get("payment_intent")
        return number if isinstance(number, str) else None

    @property
    def metadata(self) -> dict[str, str]:
        """What we wrote on the object when we made it."""
        subject = self.data.get("object")
        found = subject.get("metadata") if isinstance(subject, dict) else None
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


class MalformedEvent(Exception):
    """Signed, but not an event that we can read."""


class Stripe:
    """One Stripe account over the official SDK. Every call sends its own idempotency key; the SDK retries nothing."""

    def __init__(
        self, *, api_key: str, api_base: str | None, webhook_secrets: Sequence[str], timeout: float = 20
    ) -> None:
        self._secrets = tuple(webhook_secrets)
        self._http = stripe.HTTPXClient(timeout=timeout)
        self.client = stripe.StripeClient(
            api_key,
            http_client=self._http,
            max_network_retries=0,
            base_addresses={"api": api_base} if api_base else {},
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK left it untyped

    async def authorize(self, asked: AuthorizePayment) -> PaymentFact:
        """Make the intent, and confirm it in the same call when we have the payment method.

        Raises `StripeUnavailable` for an unknown outcome and `StripeMisconfigured` for what is our own fault.
        """
        params: dict[str, Any] = {
            "amount": asked.amount_minor,
            "currency": asked.currency.lower(),
            "capture_method": "manual",
            "payment_method_types": ["card"],
            "metadata": {
                "tenant": asked.tenant,
                "checkout_id": asked.checkout_id,
                "payment_id": asked.payment_id,
                "customer_id": asked.customer_id,
            },
            "expand": ["latest_charge"],
        }
        if asked.mode is PaymentMode.SERVER:
            params |= {"confirm": True, "payment_method": asked.payment_method}
            if asked.return_url:
                params["return_url"] = asked.return_url
        try:
            intent = await self.client.v1.payment_intents.create_async(
                cast("PaymentIntentCreateParams", params), {"idempotency_key": asked.idempotency_key}
            )
        except stripe.StripeError as error:
            return _declined(error)
        return _fact(intent)

    async def look_up(self, intent_id: str) -> PaymentFact:
        """What is true of an intent now."""
        try:
            intent = await self.client.v1.payment_intents.retrieve_async(intent_id, {"expand": ["latest_charge"]})
        except stripe.StripeError as error:
            raise _fault(error) from error
        return _fact(intent)

    async def capture(self, asked: CapturePayment) -> CaptureFact:
        """Take the money. A refusal is final; an intent captured before answers as captured."""
        try:
            intent = await self.client.v1.payment_intents.capture_async(
                asked.intent_id,
                {"amount_to_capture": asked.amount_minor, "expand": ["latest_charge"]},
                {"idempotency_key": asked.idempotency_key},
            )
        except stripe.CardError as error:
            return CaptureDeclined(Refusal(RefusalCode.PAYMENT_REJECTED, str(error.user_message or error.code)))
        except stripe.InvalidRequestError as error:
            if error.code != "payment_intent_unexpected_state":
                raise _fault(error) from error
            intent = await self._retrieve(asked.intent_id)
            if intent.status != "succeeded":
                message = f"The authorization cannot be captured: the intent is {intent.status}."
                return CaptureDeclined(Refusal(RefusalCode.PAYMENT_REJECTED, message))
        except stripe.StripeError as error:
            raise _fault(error) from error
        charge = intent.latest_charge
        return PaymentCaptured(
            intent_id=intent.id,
            amount_minor=intent.amount_received,
            charge_id=charge if isinstance(charge, str) or charge is None else charge.id,
        )

    async def void(self, asked: VoidPayment) -> VoidFact:
        """Give back what is held. Voiding what is not held is harmless; captured money is not given back here.

        Without an intent id, the authorization is sent once more under its own key: if it had happened we learn its
        intent, and if it had not, it happens now and is voided at once.
        """
        intent_id = asked.intent_id
        if intent_id is None:
            if asked.authorization is None:
                return PaymentVoided(None)
            found = await self.authorize(asked.authorization)
            intent_id = found.intent_id
            if intent_id is None:
                return PaymentVoided(None)
        try:
            await self.client.v1.payment_intents.cancel_async(
                intent_id, {"cancellation_reason": "abandoned"}, {"idempotency_key": asked.idempotency_key}
            )
        except stripe.InvalidRequestError as error:
            if error.code != "payment_intent_unexpected_state":
                raise _fault(error) from error
            intent = await self._retrieve(intent_id)
            if intent.status != "canceled":
                return VoidRefused(intent_id, f"The payment could not be voided: the intent is {intent.status}.")
        except stripe.StripeError as error:
            raise _fault(error) from error
        return PaymentVoided(intent_id)

    async def held_and_taken(self) -> AsyncIterator[tuple[str, str, str, int]]:
        """(intent id, tenant, status, minor units held or taken) of every intent that holds or took money."""
        page = await self.client.v1.payment_intents.list_async({"limit": 100})
        async for intent in page.auto_paging_iter():
            if intent.status in ("requires_capture", "succeeded"):
                amount = intent.amount_capturable or intent.amount_received
                metadata = cast("dict[str, str]", intent.metadata.to_dict())
                yield intent.id, metadata.get("tenant", ""), intent.status, amount

    def verify(self, header: str | None, body: bytes, now: int) -> None:
        """Raise `SignatureInvalid` unless Stripe signed exactly these bytes."""
        verify(self._secrets, header, body, now)

    @staticmethod
    def parse(body: bytes) -> StripeEvent:
        """The event in a verified webhook. Raises `MalformedEvent`."""
        try:
            return StripeEvent.model_validate_json(body)
        except ValidationError as wrong:
            raise MalformedEvent(f"{wrong.error_count()} fields of the event are missing or wrong") from None

    async def _retrieve(self, intent_id: str) -> stripe.PaymentIntent:
        try:
            return await self.client.v1.payment_intents.retrieve_async(intent_id, {"expand": ["latest_charge"]})
        except stripe.StripeError as error:
            raise _fault(error) from error


def _fact(intent: stripe.PaymentIntent) -> PaymentFact:
    """An intent in our words. Raises `StripeMisconfigured` for a status nobody told us of."""
    secret = intent.client_secret or ""
    match intent.status:
        case "requires_capture" | "succeeded":
            card, capture_before = _card(intent.latest_charge)
            held = intent.amount_capturable or intent.amount_received
            return PaymentAuthorized(intent.id, held, capture_before=capture_before, card=card)
        case "requires_action" | "requires_confirmation":
            return PaymentActionRequired(intent.id, secret, action_url=_action_url(intent))
        case "requires_payment_method":
            error = intent.last_payment_error
            if error is None:
                return PaymentActionRequired(intent.id, secret)
            decline_code = getattr(error, "decline_code", None)  # absent, as `charge`, when nothing was charged
            attempt = getattr(error, "charge", None) or f"{error.code}/{decline_code}"
            return PaymentDeclined(_refusal(error.code, decline_code), intent.id, secret, decline_code, attempt)
        case "processing":
            return PaymentProcessing(intent.id, secret)
        case "canceled":
            return PaymentCancelled(intent.id)
        case unknown:
            raise StripeMisconfigured(f"intent {intent.id} has the unknown status {unknown}")


def _card(charge: object) -> tuple[str | None, datetime | None]:
    if not isinstance(charge, stripe.Charge) or charge.payment_method_details is None:
        return None, None
    card = charge.payment_method_details.card
    if card is None:
        return None, None
    before = card.capture_before
    return f"{card.brand} {card.last4}", datetime.fromtimestamp(before, UTC) if before else None


def _action_url(intent: stripe.PaymentIntent) -> str | None:
    redirect = getattr(intent.next_action, "redirect_to_url", None)  # absent without a return_url
    return redirect.url if redirect else None


def _refusal(code: str | None, decline_code: str | None) -> Refusal:
    known = _CARD_REFUSALS.get(decline_code or "") or _CARD_REFUSALS.get(code or "") or _DECLINED
    return Refusal(known[0], known[1], {"decline_code": decline_code} if decline_code else {})


def _declined(error: stripe.StripeError) -> PaymentDeclined:
    """A refusal that is an answer; whatever is not one is raised."""
    if isinstance(error, stripe.CardError):
        body = cast("dict[str, Any]", error.json_body or {}).get("error", {})
        intent = body.get("payment_intent") or {}
        refusal = _refusal(error.code, body.get("decline_code"))
        return PaymentDeclined(refusal, intent.get("id"), intent.get("client_secret"), body.get("decline_code"))
    if isinstance(error, stripe.InvalidRequestError):
        if error.param == "payment_method":
            message = "The payment method is not known. Collect the card again."
            return PaymentDeclined(Refusal(RefusalCode.INVALID_PAYMENT_METHOD, message))
        if error.code == "amount_too_small":
            return PaymentDeclined(_refusal(error.code, None))
    raise _fault(error) from error


def _fault(error: stripe.StripeError) -> Exception:
    """An error that is no answer: unknown outcomes are retried with the same key, our own mistakes are not."""
    status = error.http_status
    if status is None or status >= 500 or status in (409, 429):
        headers = cast("dict[str, str]", error.headers or {})
        after = headers.get("retry-after")
        seconds = float(after) if after and after.isdigit() else None
        return StripeUnavailable(f"Stripe: {status or 'no answer'} {error.code or ''}".strip(), seconds)
    return StripeMisconfigured(f"Stripe: {status} {error.code or type(error).__name__}: {error.user_message}")
