"""How carriers sign the bodies of their webhooks, where it is not `t=…,v1=…` (`gateways/signatures.py`)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from gateways.signatures import TOLERANCE_SECONDS, SignatureFault, SignatureInvalid

_LONGEST_SIGNATURE = 2048


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header's value whatever the letter case of its name; None when it is missing or empty."""
    wanted = name.lower()
    return next((value.strip() for key, value in headers.items() if key.lower() == wanted and value.strip()), None)


def as_hex(digest: bytes) -> str:
    """As EasyPost writes it."""
    return digest.hex()


def as_base64(digest: bytes) -> str:
    """As AfterShip writes it."""
    return base64.b64encode(digest).decode()


def hmac_sha256(secret: str, message: bytes) -> bytes:
    """The digest under a secret in UTF-8."""
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def verify_digest(secrets: Sequence[str], given: str | None, wanted: Sequence[str]) -> None:
    """Raise `SignatureInvalid` unless `given` is one of the digests that our secrets make.

    An empty secret must not be among those that `wanted` was made of; `secrets` says whether there is any at all.
    """
    if not any(secrets):
        raise SignatureInvalid(SignatureFault.NO_SECRET)
    if given is None:
        raise SignatureInvalid(SignatureFault.MISSING)
    if len(given) > _LONGEST_SIGNATURE or not given.isascii():
        raise SignatureInvalid(SignatureFault.MALFORMED)
    matches = [hmac.compare_digest(given, one) for one in wanted]
    if not any(matches):
        raise SignatureInvalid(SignatureFault.MISMATCH)


def verify_time(at: float, now: int, tolerance: int = TOLERANCE_SECONDS) -> None:
    """Raise `SignatureInvalid` when it was signed too long before or after `now`; unix seconds."""
    if abs(now - at) > tolerance:
        raise SignatureInvalid(SignatureFault.OUTSIDE_TOLERANCE)
