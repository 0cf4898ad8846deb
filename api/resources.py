"""What the routes share: settings, database, Temporal, gateways; and who is asking."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from temporalio.client import Client

from api.problems import Problem
from domain.ids import api_key_hash
from gateways.carriers.generic import GenericCarrier
from gateways.stripe import Stripe
from models.database import Database
from models.tenancy import tenant_of_key
from settings import Settings


@dataclass
class Resources:
    """One of each a process."""

    settings: Settings
    database: Database
    temporal: Client
    stripe: Stripe
    carrier: GenericCarrier


def get_resources(request: Request) -> Resources:
    """The process's resources."""
    resources: Resources = request.app.state.resources
    return resources


Shared = Annotated[Resources, Depends(get_resources)]


async def get_tenant(shared: Shared, authorization: Annotated[str | None, Header()] = None) -> str:
    """The tenant whose API key this is. Raises a 401 problem for none, a wrong or a revoked one."""
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        detail = "Send your API key as `Authorization: Bearer <key>`."
        raise Problem(401, "no_api_key", detail, headers={"WWW-Authenticate": "Bearer"})
    async with shared.database.transaction(None) as session:
        tenant = await tenant_of_key(session, api_key_hash(key))
    if tenant is None:
        detail = "This API key is not known, or it was revoked."
        raise Problem(401, "wrong_api_key", detail, headers={"WWW-Authenticate": "Bearer"})
    return tenant


Asker = Annotated[str, Depends(get_tenant)]


def get_idempotency_key(idempotency_key: Annotated[str | None, Header(max_length=300)] = None) -> str:
    """The request's key, quoted or bare (draft-ietf-httpapi-idempotency-key-header). 400 without one."""
    key = (idempotency_key or "").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key:
        detail = "Send an `Idempotency-Key` header: any text that names this one attempt to buy, such as a UUID."
        raise Problem(400, "idempotency_key_required", detail)
    if len(key) > 255 or not key.isascii() or not key.isprintable():
        detail = "An Idempotency-Key is at most 255 printable ASCII characters."
        raise Problem(400, "idempotency_key_invalid", detail)
    return key


IdempotencyKey = Annotated[str, Depends(get_idempotency_key)]
