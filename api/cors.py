"""CORS for storefronts: a tenant's pages may call from a browser, those of others may not. No cookies, no wildcard."""

import time
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import Scope

from api.exchange import Exchange
from models import access
from models.database import Database

_REMEMBERED_SECONDS = 30.0
_MOST_REMEMBERED = 10_000
_METHODS = "GET, POST, PUT, PATCH, DELETE"
_ALLOWED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Milepost-Checkout-Secret,"
    " Milepost-Customer-Token, X-Request-Id"
)
_EXPOSED = (
    "Deprecation, ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Sunset,"
    " X-Request-Id"
)
_ALLOWED_TO_UI = "Authorization, Authorization-Extras, Content-Type, X-Namespace, X-Request-Id"


def _is_codec(scope: Scope) -> bool:
    return str(scope["path"]).startswith("/codec/")


def _ui(scope: Scope) -> str | None:
    """The origin of the Temporal UI, the one page that may have payloads opened."""
    where = urlsplit(scope["app"].state.resources.settings.temporal_ui_url or "")
    return f"{where.scheme}://{where.netloc}" if where.netloc else None


class Storefronts:
    """Which origins are anybody's: asked before a key is shown. One a process; remembered for half a minute."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, bool]] = {}

    def seen(self, origin: str) -> bool:
        """Whether it is one of theirs as far as is remembered: a browser asks before it sends anything."""
        until, known = self._known.get(origin, (0.0, False))
        return known and until > time.monotonic()

    async def has(self, origin: str) -> bool:
        """Whether some tenant's storefront is there."""
        until, known = self._known.get(origin, (0.0, False))
        if until > time.monotonic():
            return known
        async with self._database.one_statement() as connection:
            known = await access.is_storefront(connection, origin)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[origin] = (time.monotonic() + _REMEMBERED_SECONDS, known)
        return known


def is_preflight(scope: Scope) -> bool:
    """A browser asks whether it may ask (Fetch standard, CORS-preflight request)."""
    names = {name for name, _ in scope["headers"]}
    return scope["method"] == "OPTIONS" and b"origin" in names and b"access-control-request-method" in names


async def preflight(scope: Scope, exchange: Exchange) -> Response:
    """204; with leave to ask if the origin is a storefront's of any tenant. Whose it is shows with the key."""
    storefronts: Storefronts = scope["app"].state.resources.storefronts
    if _is_codec(scope):
        if exchange.origin == _ui(scope):
            exchange.headers |= {
                "Access-Control-Allow-Origin": exchange.origin or "",
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": _ALLOWED_TO_UI,
                "Access-Control-Max-Age": "600",
            }
    elif await storefronts.has(exchange.origin or ""):
        exchange.headers |= {
            "Access-Control-Allow-Origin": exchange.origin or "",
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _ALLOWED,
            "Access-Control-Max-Age": "600",
        }
    return Response(status_code=204)


def headers(scope: Scope, exchange: Exchange) -> dict[str, str]:
    """What lets a page read the answer: of the tenant whose key it came with, and of no other.

    Without a tenant, because the key is wrong, any storefront's page may read why.
    """
    origin, caller = exchange.origin, exchange.caller
    if origin is None:
        return {}
    if _is_codec(scope):
        return {"Access-Control-Allow-Origin": origin} if origin == _ui(scope) else {}
    ours = scope["app"].state.resources.storefronts.seen(origin) if caller is None else origin in caller.origins
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED} if ours else {}
