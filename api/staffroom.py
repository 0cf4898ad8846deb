"""Staff: people whom an issuer of the tenant's knows, by their signed token; their roles say what they may do."""

import time
from dataclasses import dataclass
from typing import Any

from gateways.oidc import Issuers, TokenInvalid, said_by
from models import access
from models.access import StaffAccess
from models.database import Database

_REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Person:
    """Who it is, as their issuer names them, and what their roles allow."""

    tenant: str
    subject: str
    scopes: frozenset[str]


class Staffroom:
    """One a process. Whose word is taken, and what roles are good for, is remembered for five seconds."""

    def __init__(self, database: Database, issuers: Issuers) -> None:
        self._database, self._issuers = database, issuers
        self._known: dict[tuple[str, ...], tuple[float, list[StaffAccess]]] = {}

    async def find(self, token: str) -> Person:
        """Raises `TokenInvalid` for a token of nobody's staff, and `IssuerAway`."""
        issuer, audiences = said_by(token)
        found = await self._believed(issuer, audiences)
        if len({one.tenant_id for one in found}) != 1:
            raise TokenInvalid("its issuer is not believed, or it is for several shops")
        claims = await self._issuers.verify(token, issuer, audiences)
        (staff,) = found[:1]
        scopes = {scope for role in _roles(claims, staff.roles_claim) for scope in staff.roles.get(role, [])}
        return Person(staff.tenant_id, str(claims["sub"]), frozenset(scopes))

    async def _believed(self, issuer: str, audiences: list[str]) -> list[StaffAccess]:
        asked = (issuer, *sorted(audiences))
        until, found = self._known.get(asked, (0.0, []))
        if until < time.monotonic():
            async with self._database.one_statement() as connection:
                found = await access.staff_access(connection, issuer, audiences)
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[asked] = (time.monotonic() + _REMEMBERED_SECONDS, found)
        return found


def _roles(claims: dict[str, Any], path: str) -> list[str]:
    """What stands at `realm_access.roles` or the like: a list, or words in a text."""
    place: Any = claims
    for name in [path] if path in claims else path.split("."):
        place = place.get(name) if isinstance(place, dict) else None
    if isinstance(place, str):
        return place.split()
    return [str(role) for role in place] if isinstance(place, list) else []
