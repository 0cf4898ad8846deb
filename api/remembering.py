"""`Idempotency-Key` on every unsafe route: the first answer is kept for a day and given again (docs/api.md).

Routes that take the key themselves (`IdempotencyKey`) are left to themselves: there it names a checkout, a refund, an
adjustment, and the same key answers with how that stands now.
"""

import hashlib

import structlog
from fastapi import Request
from fastapi.dependencies.models import Dependant
from starlette.datastructures import Headers
from starlette.responses import Response

from api.exchange import SAFE, Asker, Claim, Exchange
from api.problems import Problem
from models import answers
from models.database import Database

log = structlog.get_logger()

MOST_KEPT_BYTES = 1_000_000
_UNDECIDED = frozenset({400, 401, 403, 404, 405, 408, 412, 413, 415, 428, 429})
"""Nothing was tried yet, so the mended request may come under the same key. What failed on our side is no answer."""

_KEPT_HEADERS = ("content-type", "location", "etag")


class Replay(Exception):
    """This request was answered before."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


def parse_key(header: str | None) -> str | None:
    """The key, quoted or bare (draft-ietf-httpapi-idempotency-key-header); None for none. Raises a 400 problem."""
    key = (header or "").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(key) > 255 or not key.isascii() or not (key.isprintable() or not key):
        detail = "An Idempotency-Key is at most 255 printable ASCII characters."
        raise Problem(400, "idempotency_key_invalid", detail)
    return key or None


async def remember(request: Request, database: Database, caller: Asker, own: object) -> None:
    """Take the request's key, if it has one. Raises `Replay`, or a 422 or 409 problem.

    `own` is the dependency by which a route takes the key itself.
    """
    if request.method in SAFE:
        return
    route = request.scope.get("route")
    key = parse_key(request.headers.get("idempotency-key"))
    if key is None or _takes(getattr(route, "dependant", None), own):
        return
    named = f"{request.method}\n{request.url.path}\n{request.url.query}\n".encode()
    fingerprint = hashlib.sha256(named + await request.body()).hexdigest()
    async with database.one_statement() as connection:
        found = await answers.claim(connection, caller.tenant, key, fingerprint)
    if found.verdict == "new":
        Exchange.of(request).claim = Claim(key, fingerprint)
        return
    if found.verdict == "other_body":
        detail = "This Idempotency-Key was used for another request. Send a new key for a new request."
        raise Problem(422, "idempotency_key_reused", detail)
    if found.verdict == "running":
        detail = "The first request with this Idempotency-Key is still being answered. Repeat it in a moment."
        raise Problem(409, "idempotency_key_in_use", detail, headers={"Retry-After": "1"})
    Exchange.of(request).replayed = True
    headers = (found.headers or {}) | {"Idempotency-Replayed": "true"}
    raise Replay(Response(found.body, found.status or 200, headers=headers))


async def settle(database: Database, exchange: Exchange, status: int, headers: Headers, body: bytes) -> None:
    """Keep the answer, or give the key up if it is none."""
    claim, caller = exchange.claim, exchange.caller
    if claim is None or caller is None:
        return
    exchange.claim = None
    invalid = status == 422 and b'"invalid_request"' in body
    decided = status < 500 and status not in _UNDECIDED and not invalid and len(body) <= MOST_KEPT_BYTES
    async with database.one_statement() as connection:
        if decided:
            kept = {name: value for name in _KEPT_HEADERS if (value := headers.get(name))}
            await answers.keep(connection, caller.tenant, claim.key, claim.fingerprint, status, kept, body)
        else:
            await answers.give_up(connection, caller.tenant, claim.key, claim.fingerprint)


def _takes(dependant: Dependant | None, own: object) -> bool:
    if dependant is None:
        return False
    return dependant.call is own or any(_takes(one, own) for one in dependant.dependencies)
