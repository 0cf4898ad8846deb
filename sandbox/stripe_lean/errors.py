"""Stripe's error shape (docs.stripe.com/api/errors)."""

from typing import Any


class StripeFault(Exception):
    """An error as the API answers it. `saved`: whether an idempotency key keeps it (it does once work has begun)."""

    def __init__(self, status: int, kind: str, message: str, *, saved: bool = True, **more: Any) -> None:
        super().__init__(message)
        self.status, self.saved = status, saved
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message, **more}}


def invalid(message: str, *, status: int = 400, code: str | None = None, param: str | None = None) -> StripeFault:
    """`invalid_request_error`: refused before any work began, so no idempotency key keeps it."""
    more = {name: value for name, value in (("code", code), ("param", param)) if value}
    return StripeFault(status, "invalid_request_error", message, saved=False, **more)


def missing(kind: str, number: str) -> StripeFault:
    """404 `resource_missing`."""
    return invalid(f"No such {kind}: '{number}'", status=404, code="resource_missing", param="intent")
