"""Errors as RFC 9457 problem details with stable codes; the one place where a code becomes an HTTP status."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from domain.refusals import Refusal, RefusalCode

log = structlog.get_logger()

_R = RefusalCode
REFUSAL_STATUS: dict[RefusalCode, int] = {
    _R.UNKNOWN_SKU: 422,
    _R.NOT_FOR_SALE: 409,
    _R.MEMBERS_ONLY: 403,
    _R.UNSUPPORTED_CURRENCY: 422,
    _R.UNSUPPORTED_COUNTRY: 422,
    _R.UNKNOWN_SHIPPING_METHOD: 422,
    _R.TOTAL_MISMATCH: 409,
    _R.AMOUNT_TOO_LARGE: 422,
    _R.AMOUNT_TOO_SMALL: 422,
    _R.PROMOTION_UNKNOWN: 422,
    _R.PROMOTION_EXPIRED: 422,
    _R.PROMOTION_EXHAUSTED: 409,
    _R.PROMOTION_ALREADY_USED: 409,
    _R.PROMOTION_NOT_APPLICABLE: 422,
    _R.PROMOTION_MINIMUM_NOT_MET: 422,
    _R.PROMOTION_NOT_COMBINABLE: 422,
    _R.OUT_OF_STOCK: 409,
    _R.DROP_NOT_OPEN: 409,
    _R.DROP_CLOSED: 409,
    _R.DROP_NOT_ENTITLED: 403,
    _R.PURCHASE_LIMIT_REACHED: 409,
    _R.CARD_DECLINED: 402,
    _R.INSUFFICIENT_FUNDS: 402,
    _R.EXPIRED_CARD: 402,
    _R.INCORRECT_CVC: 402,
    _R.PROCESSING_ERROR: 402,
    _R.AUTHENTICATION_REQUIRED: 402,
    _R.AUTHENTICATION_FAILED: 402,
    _R.INVALID_PAYMENT_METHOD: 402,
    _R.PAYMENT_REJECTED: 402,
    _R.PAYMENT_UNAVAILABLE: 503,
    _R.RESERVATION_EXPIRED: 410,
    _R.CANCELLED_BY_SHOPPER: 409,
    _R.CANCELLED_BY_SUPPORT: 409,
    _R.AMOUNT_NOT_CHARGEABLE: 422,
    _R.UNKNOWN_PLAN: 422,
    _R.ALREADY_A_MEMBER: 409,
    _R.NOT_RENEWED: 402,
    _R.NOTHING_CAPTURED: 409,
    _R.REFUND_EXCEEDS_CAPTURED: 409,
    _R.CHARGE_DISPUTED: 409,
    _R.REFUND_LIMIT_REACHED: 409,
    _R.REFUND_FAILED: 409,
    _R.INTERNAL_FAULT: 500,
}
_STATUS_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


class Problem(Exception):
    """An answer other than success. `extra` members stand beside the standard ones (RFC 9457, section 3.2)."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.headers, self.extra = headers or {}, extra

    def response(self) -> JSONResponse:
        """As it goes out."""
        body = {
            "type": f"urn:milepost:problem:{self.code}",
            "title": self.code.replace("_", " ").capitalize(),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extra,
        }
        if request_id := structlog.contextvars.get_contextvars().get("request_id"):
            body["request_id"] = request_id
        return JSONResponse(body, self.status, headers=self.headers, media_type="application/problem+json")


def refused(refusal: Refusal, **extra: Any) -> Problem:
    """A refusal of the rules as a problem."""
    return Problem(REFUSAL_STATUS[refusal.code], refusal.code, refusal.message, facts=refusal.facts, **extra)


def unavailable(what: str) -> Problem:
    """503: nothing can be said now; the same request may be repeated."""
    detail = f"{what} cannot be reached. Repeat the same request, with the same Idempotency-Key, in a moment."
    return Problem(503, "temporarily_unavailable", detail, headers={"Retry-After": "2"})


def not_found(what: str) -> Problem:
    """404: unknown, or another tenant's, which is the same to the asker."""
    return Problem(404, "not_found", f"There is no such {what}.")


def install(app: FastAPI) -> None:
    """Make every error of the application a problem. One that nobody expects is `Conventions`' to answer."""

    @app.exception_handler(Problem)
    async def _(_: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, wrong: RequestValidationError) -> JSONResponse:
        errors = [
            {"field": ".".join(str(part) for part in error["loc"][1:]) or "body", "message": error["msg"]}
            for error in wrong.errors()[:20]
        ]
        if any(error["type"] == "json_invalid" for error in wrong.errors()):
            return Problem(400, "malformed_json", "The body is not valid JSON.", errors=errors).response()
        detail = "Some fields are missing or wrong: " + ", ".join(error["field"] for error in errors) + "."
        return Problem(422, "invalid_request", detail, errors=errors).response()

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> JSONResponse:
        code = _STATUS_CODES.get(error.status_code, "http_error")
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods(app, request.scope["path"]))
        return Problem(error.status_code, code, str(error.detail), headers=headers).response()

    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    @app.exception_handler(PoolTimeout)
    async def _(_: Request, error: Exception) -> JSONResponse:
        log.warning("database away", error=type(error).__name__)
        return unavailable("The database").response()


def _methods(app: FastAPI, path: str) -> list[str]:
    """All that may be asked of a path. A route knows its own method only, and `Allow` is of the resource (RFC 9110)."""
    found: set[str] = set()
    for method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
        scope: Scope = {"type": "http", "path": path, "method": method, "headers": [], "root_path": ""}
        if any(route.matches(dict(scope))[0] is Match.FULL for route in app.routes):
            found.add(method)
    return sorted(found)
