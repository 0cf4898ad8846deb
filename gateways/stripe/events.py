"""Stripe's webhook events, as far as we act upon them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PAYMENT_NEWS = tuple(
    f"payment_intent.{what}"
    for what in (
        "amount_capturable_updated",
        "succeeded",
        "payment_failed",
        "canceled",
        "requires_action",
        "processing",
    )
)
LISTENED_TO = (
    *PAYMENT_NEWS,
    *(f"refund.{what}" for what in ("created", "updated", "failed")),
    *(f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")),
)
"""The types that an endpoint at Stripe subscribes to (docs/deploy.md). Any other is kept if it comes, and not missed if
it does not."""


class MalformedEvent(Exception):
    """Signed, but not an event that we can read."""


class StripeEvent(BaseModel):
    """The part of a webhook event that we act upon."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(pattern=r"^evt_\w+$", max_length=255)
    type: str = Field(max_length=255)
    data: dict[str, Any]
    request: Any = None

    @property
    def subject(self) -> dict[str, Any]:
        """The object that the event is about, as it was then."""
        found = self.data.get("object")
        return found if isinstance(found, dict) else {}

    @property
    def subject_id(self) -> str | None:
        """Its id."""
        return _text(self.subject.get("id"))

    @property
    def intent_id(self) -> str | None:
        """The payment intent this is about, if any."""
        name = "id" if self.subject.get("object") == "payment_intent" else "payment_intent"
        return _text(self.subject.get(name))

    @property
    def metadata(self) -> dict[str, str]:
        """What we wrote on the object when we made it."""
        found = self.subject.get("metadata")
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}

    @property
    def idempotency_key(self) -> str | None:
        """Of the request that caused it, if one did and had one (docs.stripe.com/api/events/object). Accounts with an
        API version of before 2017-05-25 are told the request's id alone."""
        return _text(self.request.get("idempotency_key")) if isinstance(self.request, dict) else None


def parse(body: bytes) -> StripeEvent:
    """The event in a verified webhook. Raises `MalformedEvent`."""
    try:
        return StripeEvent.model_validate_json(body)
    except ValidationError as wrong:
        raise MalformedEvent(f"{wrong.error_count()} fields of the event are missing or wrong") from None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
