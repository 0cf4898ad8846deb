"""Who a page's visitor is: proven by a token that the shop's server got for that customer, or nobody in particular.

A token is signed and not stored; it says a customer's number, its tenant's, and its end.
"""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

from api.problems import Problem
from api.resources import Caller, Resources, Shared, get_caller
from domain.access import CallerKind
from settings import Settings

PREFIX = "mct_"


@dataclass(frozen=True, slots=True)
class Shopper:
    """`number` is whose token came along; `believed` whether what is said of the customer may give benefits."""

    number: str | None
    believed: bool

    def benefits(self, claimed: str | None) -> str | None:
        """Whose benefits count: the token's, or what a server of the shop says; of a page's word alone, nobody's."""
        return self.number or (claimed if self.believed else None)


NOBODY_KNOWN = Shopper(None, believed=False)


def sign(settings: Settings, tenant: str, customer: str, ends_at: int) -> str:
    """A token for a customer until that second."""
    said = base64.urlsafe_b64encode(json.dumps([customer, ends_at], separators=(",", ":")).encode()).decode()
    return f"{PREFIX}{said}.{_signatures(settings, tenant, said)[0]}"


def read(settings: Settings, tenant: str, token: str, now: float) -> str | None:
    """The customer whose token it is; None when it is not good, or has ended."""
    said, _, signature = token.removeprefix(PREFIX).partition(".")
    known = _signatures(settings, tenant, said)
    if not any(hmac.compare_digest(one.encode(), signature.encode()) for one in known):
        return None
    customer, ends_at = json.loads(base64.urlsafe_b64decode(said))
    return str(customer) if now < ends_at else None


def _signatures(settings: Settings, tenant: str, said: str) -> list[str]:
    """By each of the deployment's secrets, newest first: a rotation ends no token."""
    made = []
    for one in settings.cursor_secrets or (settings.stripe_api_key,):
        key = hashlib.sha256(b"milepost customers\x00" + one.get_secret_value().encode()).digest()
        digest = hmac.digest(key, f"{tenant}\x00{said}".encode(), "sha256")
        made.append(base64.urlsafe_b64encode(digest).decode().rstrip("="))
    return made


def _shopper(caller: Caller, shared: Resources, token: str | None) -> Shopper:
    believed = caller.kind is not CallerKind.PUBLISHABLE
    if token is None:
        return Shopper(None, believed)
    customer = read(shared.settings, caller.tenant, token, time.time())
    if customer is None:
        detail = "The customer token is not good, or has ended. Get another from your server."
        raise Problem(403, "customer_token_invalid", detail)
    return Shopper(customer, believed)


async def get_shopper(
    caller: Annotated[Caller, Depends(get_caller)],
    shared: Shared,
    token: Annotated[
        str | None,
        Header(alias="Milepost-Customer-Token", max_length=500, description="Shows who the page's visitor is."),
    ] = None,
) -> Shopper:
    """Whose token came along. Raises a 403 problem for one that is not good."""
    return _shopper(caller, shared, token)


WhoShops = Annotated[Shopper, Depends(get_shopper)]
