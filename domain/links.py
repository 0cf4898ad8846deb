"""Links to a customer's page: signed, of one tenant's one order, good until their end."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_CHARACTERS = 600


class LinkForged(ValueError):
    """Nobody who knows a secret of ours made it."""


@dataclass(frozen=True, slots=True)
class Link:
    """Whose page it opens, and until when (seconds since 1970)."""

    tenant: str
    order_number: str
    expires_at: int


class Links:
    """Signs and reads with the deployment's secrets, newest first: the first signs, any of them is believed.

    A token is `base64url(JSON).base64url(HMAC-SHA-256)`. There is nothing to enumerate: without a secret, no token of
    any order can be made, and one says no more than the page it opens.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("links need a secret")
        self._keys = [hashlib.sha256(b"milepost links\x00" + one.encode()).digest() for one in secrets]

    def make(self, link: Link) -> str:
        """The token of a link; the same one for the same link and secret."""
        told = json.dumps([link.tenant, link.order_number, link.expires_at], separators=(",", ":")).encode()
        return f"{_text(told)}.{_text(_mac(self._keys[0], told))}"

    def read(self, token: str) -> Link:
        """What was signed, its end passed or not. Raises `LinkForged`."""
        told_text, _, mac_text = token.partition(".")
        try:
            if len(token) > _MOST_CHARACTERS:
                raise LinkForged("too long")
            told, mac = _bytes(told_text), _bytes(mac_text)
        except (binascii.Error, UnicodeError, ValueError):
            raise LinkForged("no token") from None
        good = [hmac.compare_digest(_mac(key, told), mac) for key in self._keys]
        if not any(good) or token != f"{_text(told)}.{_text(mac)}":
            raise LinkForged("not signed by us")
        tenant, number, expires_at = json.loads(told)
        return Link(tenant, number, expires_at)


def _mac(key: bytes, told: bytes) -> bytes:
    return hmac.new(key, told, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
