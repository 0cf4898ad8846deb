"""Verifying an RSA signature with a public key: PKCS #1 v1.5 with SHA-256 (RFC 8017, section 8.2.2).

No secret is in it, so it needs no protection against timing, and arithmetic of the standard library does. Nothing is
parsed out of the decrypted block: the block that must be there is made and compared, which leaves forgers nothing.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DigestInfo of SHA-256 (RFC 8017, section 9.2, note 1)."""

_LEAST_BITS, _MOST_BITS = 2048, 8192
_MOST_EXPONENT = 2**32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Modulus and exponent. `ValueError` for a key too small to trust or too large to work with."""

    modulus: int
    exponent: int

    def __post_init__(self) -> None:
        if not _LEAST_BITS <= self.modulus.bit_length() <= _MOST_BITS:
            raise ValueError("an RSA key has 2048 to 8192 bits")
        if not (2 < self.exponent < _MOST_EXPONENT and self.exponent % 2):
            raise ValueError("an RSA exponent is odd and small")


def public_key(n: str, e: str) -> PublicKey:
    """A key from the `n` and `e` of a JSON Web Key (RFC 7518, section 6.3.1). `ValueError` for what is none."""
    return PublicKey(_number(n), _number(e))


def verify_sha256(key: PublicKey, signature: str, message: bytes) -> bool:
    """Whether this signature, in base64, was made over exactly these bytes with the key's other half."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    size = (key.modulus.bit_length() + 7) // 8
    number = int.from_bytes(given)
    if len(given) != size or number >= key.modulus:
        return False
    tail = _SHA256_PREFIX + hashlib.sha256(message).digest()
    wanted = b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail
    return pow(number, key.exponent, key.modulus).to_bytes(size) == wanted


def _number(encoded: str) -> int:
    """Base64url without padding, big-endian."""
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    return int.from_bytes(raw)
