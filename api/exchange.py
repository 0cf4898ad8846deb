"""One request and what is to be said with its answer, whatever route it is for: found in `request.state`."""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from starlette.types import Scope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_KEY = "exchange"


class Asker(Protocol):
    """Who asks, as far as the answer's conventions need to know."""

    @property
    def tenant(self) -> str:
        """Whose data it is."""

    @property
    def actor(self) -> str:
        """As the audit log names them."""

    @property
    def origins(self) -> frozenset[str]:
        """From which pages a browser may ask for them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The Idempotency-Key that this request has taken, and what it is the key of."""

    key: str
    fingerprint: str


class Deed(NamedTuple):
    """One of several acts of a request: its name, upon what, and how it ended."""

    action: str
    target: str
    status: int
    code: str | None


@dataclass(slots=True)
class Exchange:
    """What is known of a request by the time it is answered."""

    request_id: str
    origin: str | None
    caller: Asker | None = None
    claim: Claim | None = None
    replayed: bool = False
    deeds: list[Deed] | None = None
    """What was done, where a route is not itself the act: of GraphQL, its mutations; and a read that is an act."""
    headers: dict[str, str] = field(default_factory=dict)
    """What goes out with the answer, for instance of limits or of a route's end."""

    @classmethod
    def begin(cls, scope: Scope) -> "Exchange":
        """Of a request that has just come in: with its own id if it brought a sound one."""
        headers = dict(scope["headers"])
        brought = headers.get(b"x-request-id", b"")
        named = brought.decode() if _REQUEST_ID.fullmatch(brought) else f"req_{uuid.uuid4().hex}"
        origin = headers.get(b"origin")
        made = cls(named, origin.decode("latin-1") if origin else None)
        scope.setdefault("state", {})[_KEY] = made
        return made

    @classmethod
    def of(cls, request: Any) -> "Exchange":
        """The request's."""
        found: Exchange = request.scope["state"][_KEY]
        return found
