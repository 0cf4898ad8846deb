"""One request on its way through the stand-in: who asks, for what, and what made it happen."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.account import Account, Cause
from sandbox.stripe.cards import Decline
from sandbox.stripe.errors import Obj


@dataclass
class Call:
    """What an operation gets. `params` are decoded but not yet checked; `expand` is taken out of them."""

    account: Account
    operation: str
    params: dict[str, Any]
    key: str = ""
    publishable: bool = False
    cause: Cause = field(default_factory=Cause)
    # A fault's card error: the issuer declines this one call, whatever the card.
    forced_decline: Decline | None = None

    def emit(self, kind: str, body: Obj, *, previous: Obj | None = None) -> None:
        """Record an event caused by this request."""
        self.account.emit(kind, body, self.cause, previous=previous)
