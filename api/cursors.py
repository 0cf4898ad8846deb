"""Opaque cursors of lists: signed, and good for one tenant's one question only.

Any list can use them: say what was asked and where the page ended, and ask for that place again.

    cursor = Cursors.of(settings).make(tenant, {"list": "products", "q": q}, [last.title, last.product_id])
    place = Cursors.of(settings).read(tenant, {"list": "products", "q": q}, cursor)
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Query

from api.problems import Problem
from settings import Settings

Scalar = str | int | float | bool | None
_MAC_BYTES = 16

PageSize = Annotated[int, Query(ge=1, le=200, description="So many at most.")]
CursorText = Annotated[
    str | None, Query(max_length=4000, description="`next_cursor` of the page before; the rest of the query unchanged.")
]


def cursor_invalid() -> Problem:
    """400: altered, another tenant's, or of another query."""
    detail = "This cursor does not belong to this query. Begin again without it."
    return Problem(400, "cursor_invalid", detail)


class Cursors:
    """Makes and reads cursors with the deployment's secrets, newest first: the first signs, any of them is believed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [hashlib.sha256(b"milepost cursors\x00" + one.encode()).digest() for one in secrets]

    @classmethod
    def of(cls, settings: Settings) -> "Cursors":
        """Those of the settings; without a secret of their own they are signed with one derived from Stripe's key."""
        secrets = settings.cursor_secrets or (settings.stripe_api_key,)
        return cls([one.get_secret_value() for one in secrets])

    def make(self, tenant: str, query: Mapping[str, object], place: Sequence[Scalar]) -> str:
        """The cursor of a place in the answer to a query; the query is everything that decides what is listed, and
        in which order, as JSON values."""
        told = json.dumps(list(place), separators=(",", ":"), allow_nan=False).encode()
        return _text(self._mac(self._keys[0], tenant, query, told) + told)

    def read(self, tenant: str, query: Mapping[str, object], cursor: str) -> list[Scalar]:
        """The place. Raises a `cursor_invalid` problem for a cursor that was not made for this tenant and query."""
        try:
            whole = _bytes(cursor)
        except (ValueError, binascii.Error):
            raise cursor_invalid() from None
        mac, told = whole[:_MAC_BYTES], whole[_MAC_BYTES:]
        if not any(hmac.compare_digest(self._mac(key, tenant, query, told), mac) for key in self._keys):
            raise cursor_invalid()
        place: list[Scalar] = json.loads(told)
        return place

    @staticmethod
    def _mac(key: bytes, tenant: str, query: Mapping[str, object], told: bytes) -> bytes:
        asked = json.dumps([tenant, query], sort_keys=True, separators=(",", ":")).encode()
        signed = len(asked).to_bytes(8, "big") + asked + told
        return hmac.digest(key, signed, "sha256")[:_MAC_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """The one reading of a text that `_text` could have written. Raises ValueError for any other."""
    raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError("not as it was written")
    return raw
