"""Other tenants and keys of every kind, and the routes as the API describes them."""

import re
import uuid
from typing import Any, NamedTuple

import sqlalchemy as sa

from api.app import create_app
from domain.access import SCOPES
from domain.ids import api_key_hash, api_key_id
from tests.flow.kit import TENANT, Shop

OPENAPI: dict[str, Any] = create_app().openapi()
UNSAFE = ("post", "put", "patch", "delete")


class Route(NamedTuple):
    """One operation of the API, and the scope that it needs; None: nobody's key is asked for."""

    method: str
    path: str
    scope: str | None

    def address(self, **known: str) -> str:
        """The path with ids in it: those that are known, and else one that nothing has."""
        return re.sub(r"{(\w+)}", lambda found: known.get(found[1], "nothing-1"), self.path)


def routes() -> list[Route]:
    """All that the API describes."""
    return [
        Route(method.upper(), path, next((way["api_key"][0] for way in operation.get("security", [])), None))
        for path, methods in OPENAPI["paths"].items()
        for method, operation in methods.items()
    ]


GUARDED = [route for route in routes() if route.scope is not None]


def owner(shop: Shop, *statements: str, tenant: str = TENANT, **values: object) -> None:
    """Run as the owner of the tables, for one tenant."""
    engine = sa.create_engine(shop.links.database_owner_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT set_config('milepost.tenant', :t, true)"), {"t": tenant})
        for statement in statements:
            connection.execute(sa.text(statement), {"t": tenant, **values})


def new_tenant(shop: Shop) -> str:
    """Another merchant, who has nothing."""
    tenant = f"other-{uuid.uuid4().hex[:8]}"
    owner(shop, "INSERT INTO tenants (tenant_id, name) VALUES (:t, 'Other')", tenant=tenant)
    return tenant


def new_key(
    shop: Shop, *scopes: str, tenant: str = TENANT, kind: str = "secret", end: str = "NULL", gone: str = "NULL"
) -> str:
    """A key of that tenant with those scopes; `end` and `gone` are SQL for its expiry and its revocation."""
    key = f"mp_test_{uuid.uuid4().hex}"
    hashed = api_key_hash(key)
    owner(
        shop,
        "INSERT INTO api_keys (tenant_id, key_hash, key_id, name, kind, scopes, expires_at, revoked_at)"
        f" VALUES (:t, :hash, :id, 'a test', :kind, :scopes, {end}, {gone})",
        tenant=tenant,
        hash=hashed,
        id=api_key_id(hashed),
        kind=kind,
        scopes=list(scopes),
    )
    return key


def bearer(key: str) -> dict[str, str]:
    """The header that a key goes into; and one that names the attempt."""
    return {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid.uuid4().hex}


def all_but(scope: str | None) -> list[str]:
    """Every other scope."""
    return sorted(SCOPES - {scope})
