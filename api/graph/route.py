"""`POST /graphql`: read the document or find it by its hash, look at what it asks for, answer."""

import hashlib
from collections import OrderedDict
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    recommended_rules,
    specified_rules,
    validate,
)
from pydantic import BaseModel, ConfigDict, Field
from strawberry.extensions import SchemaExtension

from api.exchange import Exchange
from api.graph.asking import Asking
from api.graph.errors import formatted, invalid, refusal
from api.graph.limits import MAX_TOKENS, check
from api.graph.schema import CORE, SCHEMA
from api.problems import Problem
from api.resources import Caller, Resources, Shared, get_caller
from api.shopper import WhoShops
from domain.access import CallerKind
from models import persisted

router = APIRouter(tags=["graphql"])
PATH, MOST_BYTES = "/graphql", 65_536

_RULES = tuple(specified_rules) + tuple(recommended_rules)
_MOST_REMEMBERED = 1000
_known: OrderedDict[tuple[str, str], str] = OrderedDict()
"""Documents by tenant and hash: they never change, so a process asks for each once."""


class PersistedIn(BaseModel):
    """Apollo's automatic persisted queries, version 1."""

    model_config = ConfigDict(populate_by_name=True)

    version: int
    sha256: Annotated[str, Field(alias="sha256Hash", pattern="^[0-9a-f]{64}$")]


class ExtensionsIn(BaseModel):
    """What stands beside the document; others than this are not looked at."""

    model_config = ConfigDict(populate_by_name=True)

    persisted: PersistedIn | None = Field(default=None, alias="persistedQuery")


class QuestionIn(BaseModel):
    """One request of GraphQL over HTTP. A list of them is refused."""

    model_config = ConfigDict(populate_by_name=True)

    query: str | None = Field(default=None, max_length=20_000)
    variables: dict[str, Any] | None = None
    operation: str | None = Field(default=None, alias="operationName", max_length=200)
    extensions: ExtensionsIn | None = None


async def get_asking(
    request: Request, caller: Annotated[Caller, Depends(get_caller)], shared: Shared, shopper: WhoShops
) -> Asking:
    """Who asks. What is written down of a question is its mutations."""
    exchange = Exchange.of(request)
    exchange.deeds = []
    return Asking(caller, shared, exchange, shopper)


@router.post(PATH, include_in_schema=False)
async def ask(body: QuestionIn, asking: Annotated[Asking, Depends(get_asking)]) -> JSONResponse:
    """One question, or one list of acts. Its scopes are those of its fields."""
    try:
        text, new = await _document(body, asking)
        document = read(text)
        operation = get_operation_ast(document, body.operation)
        if operation is None:
            raise invalid("Say with `operationName` which of its operations is meant.")
        await _allow(document, operation, body.variables or {}, asking)
        if new:
            await _keep(text, asking)
    except Problem as problem:
        return JSONResponse(refusal(problem))
    try:
        result = await SCHEMA.execute(
            text, variable_values=body.variables, context_value=asking, operation_name=body.operation
        )
    finally:
        await asking.close()
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [formatted(error) for error in result.errors]
    return JSONResponse(answer)


class Parsed(SchemaExtension):
    """Takes the document that was looked at already, instead of reading it once more."""

    def on_parse(self) -> Any:
        """Before it is parsed."""
        self.execution_context.graphql_document = read(self.execution_context.query or "")
        self.execution_context.pre_execution_errors = []
        yield


SCHEMA.extensions = (Parsed,)


@lru_cache(maxsize=512)
def read(text: str) -> DocumentNode:
    """A valid document. Raises a 422 problem for any other."""
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
    except GraphQLError as wrong:
        raise invalid(wrong.message) from None
    except RecursionError:
        raise invalid("It is nested too deeply.") from None
    errors = validate(CORE, document, _RULES, max_errors=5)
    if errors:
        told = [{"message": one.message, "line": one.locations[0].line if one.locations else None} for one in errors]
        raise invalid(errors[0].message, errors=told)
    return document


async def _document(body: QuestionIn, asking: Asking) -> tuple[str, bool]:
    """The text, and whether it is to be kept. Errors of the protocol are named as Apollo documents them."""
    named = body.extensions.persisted if body.extensions else None
    if named is None:
        if not body.query:
            raise invalid("Send a `query`.")
        return body.query, False
    if named.version != 1:
        raise Problem(400, "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
    place = (asking.caller.tenant, named.sha256)
    if body.query is not None:
        if hashlib.sha256(body.query.encode()).hexdigest() != named.sha256:
            raise Problem(400, "persisted_query_mismatch", "provided sha does not match query")
        return body.query, asking.caller.kind is not CallerKind.PUBLISHABLE and place not in _known
    text = _known.get(place) or await asking.read(lambda session: persisted.find(session, named.sha256))
    if text is None:
        raise Problem(404, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    _remember(place, text)
    return text, False


async def _allow(
    document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any], asking: Asking
) -> None:
    """Raises a problem for what is too much or not theirs. Each field at the root is a request against the limit."""
    roots = len(check(CORE, document, operation, variables, asking.caller))
    most = asking.shared.allowances.most(asking.caller.rate_limit)
    if roots > most:
        facts = {"limit": "roots", "asked": str(roots), "most": str(most)}
        detail = f"It has {roots} fields at its root, and this key may ask for {most} at once. Ask for less."
        raise Problem(422, "query_too_large", detail, facts=facts)
    for _ in range(1, roots):
        await _take(asking.caller, asking.shared, asking.exchange, roots)


async def _take(caller: Caller, shared: Resources, exchange: Exchange, roots: int) -> None:
    allowance = await shared.allowances.take(caller.tenant, caller.actor, caller.rate_limit, whole=roots)
    exchange.headers |= allowance.headers
    if not allowance.granted:
        exchange.headers["Retry-After"] = str(allowance.retry_after)
        raise Problem(429, "rate_limited", "This key asks too often. Wait as long as `Retry-After` says.")


async def _keep(text: str, asking: Asking) -> None:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    await asking.read(lambda session: persisted.keep(session, asking.caller.tenant, sha256, text))
    await asking.close()
    _remember((asking.caller.tenant, sha256), text)


def _remember(place: tuple[str, str], text: str) -> None:
    _known[place] = text
    while len(_known) > _MOST_REMEMBERED:
        _known.popitem(last=False)
