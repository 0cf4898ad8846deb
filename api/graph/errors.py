"""Problems as errors of GraphQL: the same codes, in `extensions`."""

from typing import Any

import structlog
from graphql import GraphQLError
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.problems import Problem, unavailable

log = structlog.get_logger()


def invalid(detail: str, **extra: Any) -> Problem:
    """422: the document, or what it was given, is wrong."""
    return Problem(422, "invalid_request", detail, **extra)


def problem_of(error: BaseException | None, message: str) -> Problem:
    """What went wrong as a problem; what nobody expects is logged and says nothing of itself."""
    match error:
        case Problem():
            return error
        case None | GraphQLError():
            return invalid(message)
        case ValidationError():
            wrong = error.errors(include_url=False, include_input=False, include_context=False)[:20]
            errors = [{"field": ".".join(map(str, one["loc"])) or "argument", "message": one["msg"]} for one in wrong]
            detail = "Some fields are missing or wrong: " + ", ".join(one["field"] for one in errors) + "."
            return invalid(detail, errors=errors)
        case OperationalError() | InterfaceError() | PoolTimeout():
            log.warning("database away", error=type(error).__name__)
            return unavailable("The database")
    log.error("unexpected", error=type(error).__name__, exc_info=error)
    return Problem(500, "internal_fault", "Something went wrong on our side. Repeat it with the same idempotencyKey.")


def formatted(error: GraphQLError) -> dict[str, Any]:
    """One error as it goes out."""
    problem = problem_of(error.original_error, error.message)
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    told: dict[str, Any] = {
        "message": problem.detail,
        "extensions": {"code": problem.code, "status": problem.status, "detail": problem.detail, **problem.extra}
        | ({"request_id": request_id} if request_id else {}),
    }
    if error.locations:
        told["locations"] = [{"line": one.line, "column": one.column} for one in error.locations]
    if error.path:
        told["path"] = error.path
    return told


def refusal(problem: Problem) -> dict[str, Any]:
    """An answer that is nothing but this."""
    return {"errors": [formatted(GraphQLError(problem.detail, original_error=problem))]}
