"""Webhook signatures: HMAC-SHA256 over `{timestamp}.{raw body}`, as Stripe and many carriers sign.

The header reads `t=<unix seconds>,v1=<hex>[,v1=<hex>…]`; names other than `t` and `v1` are left alone
(docs.stripe.com/webhooks, "Verify webhook signatures manually").
"""

import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum

TOLERANCE_SECONDS = 300
"""Older or newer signatures are refused, so that an overheard webhook cannot be played again later."""

_LONGEST_HEADER = 4096
_MOST_SIGNATURES = 16
_LONGEST_TIME = 12  # digits: the year 33658
_HEX_LENGTH = hashlib.sha256().digest_size * 2
_HEX = frozenset("0123456789abcdef")


class SignatureFault(StrEnum):
    """Why a signature is refused; stable, for logs and counters."""

    MISSING = "missing"
    MALFORMED = "malformed"
    OUTSIDE_TOLERANCE = "outside_tolerance"
    MISMATCH = "mismatch"
    NO_SECRET = "no_secret"  # noqa: S105  # the name of a fault, not a password


_SENTENCES = {
    SignatureFault.MISSING: "the signature header is missing",
    SignatureFault.MALFORMED: "the signature header is not t=<unix seconds>,v1=<hex>",
    SignatureFault.OUTSIDE_TOLERANCE: "the signature is too old or from the future",
    SignatureFault.MISMATCH: "no secret of ours made this signature over this body",
    SignatureFault.NO_SECRET: "no signing secret is configured, so nothing can be trusted",
}


class SignatureInvalid(Exception):
    """The body is not what its sender signed. `reason` says why: for our log, not for the sender."""

    def __init__(self, reason: SignatureFault) -> None:
        super().__init__(_SENTENCES[reason])
        self.reason = reason


def sign(secret: str, body: bytes, at: int) -> str:
    """The header's value for a body sent `at` (unix seconds). Raises `ValueError` for an empty secret."""
    if not secret:
        raise ValueError("an empty secret signs nothing")
    return f"t={at},v1={_digest(secret, str(at), body)}"


def verify(
    secrets: Sequence[str], header: str | None, body: bytes, now: int, tolerance: int = TOLERANCE_SECONDS
) -> None:
    """Raise `SignatureInvalid` unless one of `secrets` signed exactly these bytes near `now`.

    `now` is unix seconds, `tolerance` seconds either way. Several secrets let one be rotated; several `v1`
    values come from a sender in the middle of rotating its own. Empty secrets are never tried.
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise SignatureInvalid(SignatureFault.NO_SECRET)
    if header is None or not header.strip():
        raise SignatureInvalid(SignatureFault.MISSING)
    time, given = _read(header)
    if abs(now - int(time)) > tolerance:
        raise SignatureInvalid(SignatureFault.OUTSIDE_TOLERANCE)
    wanted = [_digest(secret, time, body) for secret in usable]
    matches = [hmac.compare_digest(want, have) for want in wanted for have in given]
    if not any(matches):
        raise SignatureInvalid(SignatureFault.MISMATCH)


def _digest(secret: str, time: str, body: bytes) -> str:
    """The time goes in as it stands in the header, so that what is verified is what was sent."""
    return hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()


def _read(header: str) -> tuple[str, list[str]]:
    """The one timestamp and the v1 signatures in lower-case hex, or `SignatureInvalid(malformed)`."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value.lower() for name, _, value in parts if name == "v1"]
    well_formed = (
        len(header) <= _LONGEST_HEADER
        and len(times) == 1
        and len(times[0]) <= _LONGEST_TIME
        and times[0].isascii()
        and times[0].isdigit()
        and 0 < len(given) <= _MOST_SIGNATURES
        and all(len(value) == _HEX_LENGTH and _HEX.issuperset(value) for value in given)
    )
    if not well_formed:
        raise SignatureInvalid(SignatureFault.MALFORMED)
    return times[0], given
