"""What the routes share: settings, database, Temporal, gateways; and who is asking."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from temporalio.client import Client

from api.allowance import Allowances
from api.cors import Storefronts
from api.door import Door
from api.exchange import Exchange
from api.gate import Gate
from api.keyring import KeyRing
from api.logbook import Logbook
from api.problems import Problem, unavailable
from api.remembering import parse_key, remember
from api.staffroom import Staffroom
from domain.access import CallerKind, Scope, allows
from domain.ids import api_key_hash, staff_name
from gateways.accounts import CarrierAccounts
from gateways.oidc import IssuerAway, TokenInvalid, looks_like_one
from gateways.stripe import Stripe
from models.database import Database
from models.reading import Reader
from settings import Settings


@dataclass
class Resources:
    """One of each a process."""

    settings: Settings
    database: Database
    keyring: KeyRing
    allowances: Allowances
    storefronts: Storefronts
    logbook: Logbook
    staffroom: Staffroom
    temporal: Client
    stripe: Stripe
    carriers: CarrierAccounts
    gate: Gate = field(init=False)
    door: Door = field(init=False)
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self.database)
        self.door = Door(self.database, self.temporal, self.gate)
        self.reader = Reader(self.database)


async def get_resources(request: Request) -> Resources:
    """The process's resources."""
    resources: Resources = request.app.state.resources
    return resources


Shared = Annotated[Resources, Depends(get_resources)]


BEARER = HTTPBearer(
    auto_error=False, scheme_name="api_key", description="An API key, such as `mp_live_…`: docs/access.md."
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may."""

    tenant: str
    actor: str
    """As the audit log names them, for instance `key_1f0…`; it says nothing personal."""

    name: str
    """As people know them: the name of the key."""

    kind: CallerKind
    scopes: frozenset[str]
    origins: frozenset[str] = frozenset()
    """From which pages a browser may ask for them."""

    rate_limit: int | None = None
    """Requests a second, if the key has a limit of its own."""


async def get_caller(
    request: Request, shared: Shared, presented: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> Caller:
    """Who asks, by their API key. Raises a 401 problem for none, a wrong, an expired or a revoked one; 429 for too many
    requests; 403 for a page that is not the tenant's."""
    if presented is None or not presented.credentials:
        detail = "Send your API key as `Authorization: Bearer <key>`."
        raise Problem(401, "no_api_key", detail, headers={"WWW-Authenticate": "Bearer"})
    bearer = presented.credentials
    caller, rate_limit = await (_staff if looks_like_one(bearer) else _key)(bearer, shared)
    exchange = Exchange.of(request)
    exchange.caller = caller
    allowance = await shared.allowances.take(caller.tenant, caller.actor, rate_limit)
    exchange.headers |= allowance.headers
    if not allowance.granted:
        detail = "This key asks too often. Wait as long as `Retry-After` says."
        raise Problem(429, "rate_limited", detail, headers={"Retry-After": str(allowance.retry_after)})
    page = exchange.origin
    if caller.kind is CallerKind.PUBLISHABLE and page is not None and page not in caller.origins:
        raise Problem(403, "origin_not_allowed", "This page is not one of the shop's: its origin is not in its list.")
    return caller


async def _key(bearer: str, shared: Resources) -> tuple[Caller, int | None]:
    """Whose key or token it is, and its own limit."""
    key = await shared.keyring.find(api_key_hash(bearer))
    if key is None or key.kind is CallerKind.CLIENT:
        detail = "This API key is not known, has expired, or was revoked."
        raise Problem(401, "wrong_api_key", detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return Caller(
        key.tenant_id, key.key_id, key.name, key.kind, key.scopes, key.origins, key.rate_limit
    ), key.rate_limit


async def _staff(bearer: str, shared: Resources) -> tuple[Caller, int | None]:
    """Which of the tenant's people a signed token speaks for."""
    try:
        person = await shared.staffroom.find(bearer)
    except TokenInvalid:
        detail = "This token is not one of a believed issuer's, is not for this shop, or has expired. Log in again."
        raise Problem(
            401, "wrong_token", detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
        ) from None
    except IssuerAway:
        raise unavailable("The issuer of this token") from None
    actor = f"staff:{staff_name(person.tenant, person.subject)}"
    return Caller(person.tenant, actor, "staff", CallerKind.STAFF, person.scopes), None


async def permitted(
    request: Request, shared: Shared, caller: Annotated[Caller, Depends(get_caller)], needed: SecurityScopes
) -> Caller:
    """The caller, if they have the scopes that the route declares; their Idempotency-Key is taken."""
    for scope in needed.scopes:
        if not allows(caller.scopes, scope):
            detail = f"This key may not do that: it lacks the scope `{scope}`. Use a key that has it."
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'  # RFC 6750, section 3.1
            raise Problem(403, "insufficient_scope", detail, headers={"WWW-Authenticate": challenge}, needed=scope)
    await remember(request, shared.database, caller, get_idempotency_key)
    return caller


async def the_tenant(caller: Annotated[Caller, Security(permitted)]) -> str:
    """Whose data it is."""
    return caller.tenant


def needs(scope: Scope) -> Any:
    """The tenant of a caller who may: `tenant: Annotated[str, needs("orders:read")]`. Else 401 or 403."""
    return Security(the_tenant, scopes=[scope])


def caller_with(scope: Scope) -> Any:
    """The caller themselves, if they may: `caller: Annotated[Caller, caller_with("orders:act")]`. Else 401 or 403."""
    return Security(permitted, scopes=[scope])


async def get_idempotency_key(
    _: Annotated[Caller, Depends(get_caller)], idempotency_key: Annotated[str | None, Header(max_length=300)] = None
) -> str:
    """The request's key, quoted or bare (draft-ietf-httpapi-idempotency-key-header). 400 without one.

    Who asks is looked at first.
    """
    key = parse_key(idempotency_key)
    if key is None:
        detail = "Send an `Idempotency-Key` header: any text that names this one attempt to buy, such as a UUID."
        raise Problem(400, "idempotency_key_required", detail)
    return key


IdempotencyKey = Annotated[str, Depends(get_idempotency_key)]
