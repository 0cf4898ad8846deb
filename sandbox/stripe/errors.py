"""The errors Stripe answers with: status, type, code, what rides along (docs.stripe.com/api/errors)."""

from typing import Any

from sandbox.stripe.cards import Decline

Obj = dict[str, Any]
DOC = "https://docs.stripe.com/error-codes/"


class StripeError(Exception):
    """One error answer.

    `saved` says whether the idempotency layer keeps it: what failed before the endpoint began to execute
    (authentication, parameters, a conflict, a rate limit) is not kept
    (docs.stripe.com/api/idempotent_requests).
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        saved: bool = True,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.code = code
        self.param = param
        self.saved = saved
        self.headers = headers or {}
        self.extra = extra

    def body(self) -> Obj:
        """The JSON document: one `error` object without empty fields."""
        error: Obj = {"type": self.kind, "message": self.message}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = DOC + self.code.replace("_", "-")
        if self.param is not None:
            error["param"] = self.param
        error.update({name: value for name, value in self.extra.items() if value is not None})
        return {"error": error}


def invalid(
    message: str, *, param: str | None = None, code: str | None = None, saved: bool = False, **extra: Any
) -> StripeError:
    """400: a parameter that fails validation; by default not kept for its idempotency key."""
    return StripeError(400, "invalid_request_error", message, code=code, param=param, saved=saved, **extra)


def unknown_parameter(param: str) -> StripeError:
    """400 `parameter_unknown`."""
    return invalid(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")


def missing_parameter(param: str) -> StripeError:
    """400 `parameter_missing`."""
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def missing_resource(kind: str, key: str, *, param: str | None = None, status: int = 404) -> StripeError:
    """404 `resource_missing`; 400 when the id came as a parameter rather than in the path."""
    message, code = f"No such {kind}: '{key}'", "resource_missing"
    return StripeError(status, "invalid_request_error", message, code=code, param=param or "id")


def unexpected_state(message: str, intent: Obj) -> StripeError:
    """400 `payment_intent_unexpected_state`, with the intent inside."""
    return invalid(message, code="payment_intent_unexpected_state", saved=True, payment_intent=intent)


def card_error(why: Decline, **extra: Any) -> StripeError:
    """402 `card_error` with the issuer's reason."""
    advice = "try_again_later" if why.decline_code in ("generic_decline", "insufficient_funds") else None
    return StripeError(
        402, "card_error", why.message, code=why.code, decline_code=why.decline_code, advice_code=advice,
        **extra
    )  # fmt: skip


def unauthorized(message: str, *, code: str | None = None) -> StripeError:
    """401: no key, a wrong key, or a publishable key where a secret one is needed."""
    return StripeError(401, "invalid_request_error", message, code=code, saved=False)


def injected(status: int, error: Obj, retry_after: float | None) -> StripeError:
    """The answer of a fault: what Stripe says with that status, or what the fault's `error` says instead."""
    kinds = {402: "card_error", 409: "invalid_request_error", 429: "invalid_request_error"}
    codes = {402: "card_declined", 409: "idempotency_key_in_use", 429: "rate_limit"}
    fields = dict(error)
    kind = fields.pop("type", kinds.get(status, "api_error" if status >= 500 else "invalid_request_error"))
    code = fields.pop("code", codes.get(status))
    message = fields.pop("message", f"An error was injected into this request (HTTP {status}).")
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    kept = status not in (401, 403, 409, 429)
    return StripeError(status, kind, message, code=code, saved=kept, headers=headers, **fields)
