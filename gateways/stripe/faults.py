"""What is no answer: outcomes that are unknown, keys that are spent, and mistakes of our own."""

from datetime import UTC, datetime
from typing import cast

import stripe

from domain.payments import KEY_LIFE


class StripeUnavailable(Exception):
    """No answer, a 5xx, a 409 or a 429: the outcome is unknown. Ask again with the same key, after `retry_after` s."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StripeMisconfigured(Exception):
    """Our key or our request is wrong: no retry helps until a person mends it."""


def fault(error: stripe.StripeError) -> Exception:
    """An error that is no answer: unknown outcomes are retried with the same key, our own mistakes are not."""
    status = error.http_status
    if status is None or status >= 500 or status in (409, 429):
        after = headers(error).get("retry-after")
        seconds = float(after) if after and after.isdigit() else None
        return StripeUnavailable(f"Stripe: {status or 'no answer'} {error.code or ''}".strip(), seconds)
    return StripeMisconfigured(f"Stripe: {status} {error.code or type(error).__name__}: {error.user_message}")


def replayed_failure(error: stripe.StripeError) -> bool:
    """A 5xx that Stripe saved for this key and gives again: asking once more under it will never help.

    docs.stripe.com/api/idempotent_requests: the first request's status and body are saved, 500s included.
    """
    status = error.http_status or 0
    return status >= 500 and headers(error).get("idempotent-replayed") == "true"


def too_old(begun_at: datetime | None) -> bool:
    """Whether Stripe may have forgotten the key of an operation journaled then."""
    return begun_at is not None and datetime.now(UTC) - begun_at >= KEY_LIFE


def headers(error: stripe.StripeError) -> dict[str, str]:
    """An error's headers, by lower-case name."""
    return {name.lower(): value for name, value in cast("dict[str, str]", error.headers or {}).items()}
