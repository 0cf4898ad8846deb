"""The API's description with what all routes have in common: keys for repeats, and the problems any may answer with."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.routing import BaseRoute

_GUARDED = {
    "401": "No key, or one that is not good",
    "403": "The key lacks the scope that `needed` names",
    "429": "The key asks too often: `Retry-After` says how long to wait",
    "503": "`temporarily_unavailable`: the database or Temporal is away; repeat the same request",
}
_OF_BODIES = {
    "400": "`malformed_json`: the body is not JSON",
    "413": "`body_too_large`",
    "422": "`invalid_request`: `errors` names the fields",
}
_OF_KEYS = {
    "400": "`idempotency_key_invalid`",
    "422": "`idempotency_key_reused`: the key was another request's",
}
_KEPT = {"409": "`idempotency_key_in_use`: the first request with this key is not answered yet"}
"""Where answers are kept. Where the key is a name a second request waits with the first."""

_KEY = "Idempotency-Key"
_OF_REPEATS = {
    "name": _KEY,
    "in": "header",
    "required": False,
    "description": "Names this one attempt: sent again, it is answered alike and done once (docs/api.md).",
    "schema": {"type": "string", "maxLength": 255},
}
_OF_NAMES = _OF_REPEATS | {
    "required": True,
    "description": "Names what is made: the same key and body are the same thing, for ever (docs/api.md).",
}
_MEDIA = "application/problem+json"
_PROBLEM = {_MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}


def describe(app: FastAPI, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI document of these routes, in their order; made once."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=routes)
    for methods in made["paths"].values():
        for method, operation in methods.items():
            named = _take_key(method, operation)
            for status, why in _problems(method, operation, named=named).items():
                operation["responses"].setdefault(status, {"description": why})
            for status, answer in operation["responses"].items():
                if status[0] in "45" and _ours(answer):
                    answer["content"] = _PROBLEM
    for name in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(name, None)
    _close(made["components"]["schemas"])
    _show(made["components"]["schemas"], BaseModel)
    app.openapi_schema = made
    return made


def _take_key(method: str, operation: dict[str, Any]) -> bool:
    """Say how the operation takes its `Idempotency-Key`. Whether the key is the name of what it makes."""
    if "security" not in operation or method == "get":
        return False
    parameters = operation.setdefault("parameters", [])
    for place, one in enumerate(parameters):
        if one["name"].lower() == _KEY.lower():
            named = bool(one["name"] != _KEY)
            parameters[place] = _OF_NAMES if named else _OF_REPEATS
            return named
    parameters.append(_OF_REPEATS)
    return False


def _problems(method: str, operation: dict[str, Any], *, named: bool) -> dict[str, str]:
    """By status, why this operation may answer with it though its route does not say so."""
    told: list[dict[str, str]] = []
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        told.append(_OF_BODIES)
    if "security" in operation:
        told.append(_GUARDED)
        if method != "get":
            told += [_OF_KEYS] if named else [_OF_KEYS, _KEPT]
    statuses = sorted({status for one in told for status in one})
    return {status: "; ".join(one[status] for one in told if status in one) for status in statuses}


def _ours(answer: dict[str, Any]) -> bool:
    """Whether it is a problem, which it is if nothing else is said; api/problems.py has the framework's own as well."""
    if "content" not in answer:
        return True
    shape = answer["content"].get("application/json", {}).get("schema", {}).get("$ref", "")
    return shape.rpartition("/")[2] in ("ProblemOut", "HTTPValidationError")


def _close(shape: Any) -> None:
    """A map whose names have a pattern takes no others: pydantic refuses them, and forgets to say so."""
    if isinstance(shape, dict):
        if "patternProperties" in shape:
            shape.setdefault("additionalProperties", False)
        for one in shape.values():
            _close(one)
    elif isinstance(shape, list):
        for one in shape:
            _close(one)


def _show(shapes: dict[str, Any], model: type[BaseModel]) -> None:
    """Examples as they were written: FastAPI leaves nulls out, and a null may be what an example is about."""
    for one in model.__subclasses__():
        extra = one.model_config.get("json_schema_extra")
        if one.__module__.startswith("api.schemas.") and isinstance(extra, dict) and "examples" in extra:
            shapes.get(one.__name__, {})["examples"] = extra["examples"]
        _show(shapes, one)
