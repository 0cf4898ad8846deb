"""A page's own checkout: with a publishable key, which anybody has, one is seen by its secret only.

The secret is in the answer that begins the checkout, and derives from its id with the deployment's own secret: nothing
is stored, and a repeat of that request shows the same one.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Header, Security

from api.problems import Problem, not_found
from api.resources import Caller, Shared, permitted
from api.schemas.checkouts import CheckoutIn
from domain.access import CallerKind, Scope
from settings import Settings

CheckoutSecret = Annotated[
    str | None,
    Header(alias="Milepost-Checkout-Secret", description="`secret` of the checkout; with a publishable key only."),
]


def checkout_secret(settings: Settings, tenant: str, checkout: str) -> str:
    """What shows that somebody began this checkout."""
    return _secrets(settings, tenant, checkout)[0]


def _secrets(settings: Settings, tenant: str, checkout: str) -> Sequence[str]:
    """By each of the deployment's secrets, newest first: a rotation locks nobody out."""
    named = f"{tenant}/{checkout}".encode()
    made = []
    for one in settings.cursor_secrets or (settings.stripe_api_key,):
        key = hashlib.sha256(b"milepost checkouts\x00" + one.get_secret_value().encode()).digest()
        made.append(f"cos_{base64.urlsafe_b64encode(hmac.digest(key, named, 'sha256')[:24]).decode()}")
    return made


async def _owner(
    number: str, caller: Annotated[Caller, Security(permitted)], shared: Shared, secret: CheckoutSecret = None
) -> str:
    refuse_others(caller, number, secret, shared.settings)
    return caller.tenant


def refuse_others(caller: Caller, number: str, secret: str | None, settings: Settings) -> None:
    """Raises the 404 problem for a page that did not begin this checkout."""
    if caller.kind is CallerKind.PUBLISHABLE:
        given = (secret or "").encode()
        known = _secrets(settings, caller.tenant, number)
        if not any(hmac.compare_digest(one.encode(), given) for one in known):
            raise not_found("checkout")


def sees_checkout(scope: Scope) -> Any:
    """The tenant of a caller who may, and who began this checkout if they come from a page. Else 401, 403 or 404."""
    return Security(_owner, scopes=[scope])


def refuse_a_name(caller: Caller, body: CheckoutIn) -> None:
    """Raises a 403 problem when a page says who its visitor is: anybody could say that, and have their benefits."""
    if caller.kind is CallerKind.PUBLISHABLE and body.customer.id is not None:
        detail = "With a publishable key `customer.id` is left out: whose it is must be said by your server."
        raise Problem(403, "secret_key_required", detail)
