"""Webhook signatures: HMAC-SHA256 over `{timestamp}.{raw body}`, as Stripe and many carriers sign.

The header reads `t=<unix seconds>,v1=<hex>[,v1=<hex>…]` (docs.stripe.com/webhooks, "Verify webhook signatures manually").
"""

import hashlib
import hmac
from collections.abc import Sequence

TOLERANCE_SECONDS = 300
"""A signature older or newer than this is refused, so that an overheard webhook cannot be played again later."""


class SignatureInvalid(Exception):
    """The body is not what its sender signed; the message says how it failed, for our log and not for the sender."""


def _digest(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def stripe_signature(secret: str, body: bytes, at: int) -> str:
    """The header's value for a body sent `at` (unix seconds)."""
    return f"t={at},v1={_digest(secret, at, body)}"


def verify(secrets: Sequence[str], header: str | None, body: bytes, now: int) -> None:
    """Raise `SignatureInvalid` unless one of `secrets` signed exactly these bytes within the tolerance of `now`."""
    if not header or len(header) > 4096:
        raise SignatureInvalid("the signature header is missing or too long")
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    given = [value.strip() for name, _, value in parts if name.strip() == "v1"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or len(times[0]) > 12 or not given:
        raise SignatureInvalid("the signature header has no single timestamp or no v1 signature")
    at = int(times[0])
    if abs(now - at) > TOLERANCE_SECONDS:
        raise SignatureInvalid("the signature is too old or from the future")
    expected = [_digest(secret, at, body).encode() for secret in secrets]
    if not any(hmac.compare_digest(want, have.encode()) for want in expected for have in given):
        raise SignatureInvalid("no secret of ours made this signature")
