"""Encrypts what Temporal keeps of a workflow: arguments, results, summaries, failures. Temporal never has a key.

AES-256-GCM (NIST SP 800-38D) with a random nonce a payload. Which key it was stands beside the payload, so the first
key encrypts and every known key decrypts: that is how keys are rotated (docs/privacy.md).
"""

import os
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import EncodingPayloadConverter, PayloadCodec

from settings import PayloadKey

ENCODING = b"binary/encrypted"
CIPHER = b"AES-256-GCM"
_KEY_ID = "encryption-key-id"
_NONCE_BYTES = 12
_TAG_BYTES = 16


class PayloadKeyMissing(Exception):
    """A payload needs a key that this process does not have. Nothing is lost: with the key it can be read."""


class PayloadDamaged(Exception):
    """A payload is not what was encrypted: it was changed, cut, or its key's id belongs to another key."""


class EncryptingCodec(PayloadCodec):
    """Keys, the first of which encrypts. What is in plain text passes as it is, so keys can be introduced any time."""

    def __init__(self, keys: Sequence[PayloadKey]) -> None:
        if not keys:
            raise ValueError("a codec needs a key")
        self._newest = keys[0].id.encode()
        self._ciphers = {key.id.encode(): AESGCM(key.secret.get_secret_value()) for key in keys}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload whole, with its own metadata inside."""
        return [self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """As they were. Raises `PayloadKeyMissing` naming the key, or `PayloadDamaged`."""
        return [self.decrypted(payload) for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, payload.SerializeToString(), _associated(self._newest))
        metadata = {"encoding": ENCODING, "encryption-cipher": CIPHER, _KEY_ID: self._newest}
        return Payload(metadata=metadata, data=nonce + sealed)

    def decrypted(self, payload: Payload) -> Payload:
        """One as it was; one that is in plain text, or of an encoding that is not ours, as it is."""
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key = payload.metadata.get(_KEY_ID, b"")
        cipher = self._ciphers.get(key)
        if cipher is None:
            raise PayloadKeyMissing(missing(key, known=self._ciphers))
        if len(payload.data) < _NONCE_BYTES + _TAG_BYTES:
            raise PayloadDamaged("An encrypted payload is too short to be one.")
        try:
            plain = cipher.decrypt(payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:], _associated(key))
        except InvalidTag:
            raise PayloadDamaged(f"A payload does not fit its key {_name(key)}: changed, or another key's.") from None
        return Payload.FromString(plain)


class Locked(EncodingPayloadConverter):
    """Says what is wrong where a process without any key meets an encrypted payload."""

    @property
    def encoding(self) -> str:
        """Of encrypted payloads."""
        return ENCODING.decode()

    def to_payload(self, value: Any) -> Payload | None:
        """Nothing is written by this."""
        del value
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Raises `PayloadKeyMissing`."""
        del type_hint
        raise PayloadKeyMissing(missing(payload.metadata.get(_KEY_ID, b""), known=()))


def missing(key: bytes, known: Any) -> str:
    """What to do about it."""
    has = ", ".join(sorted(_name(one) for one in known)) or "none"
    return (
        f"A payload is encrypted with the key {_name(key)}, which this process does not have (it has: {has})."
        " Add it to MILEPOST_PAYLOAD_KEYS, behind the first, and start the process anew: docs/privacy.md."
    )


def _name(key: bytes) -> str:
    return repr(key.decode(errors="replace")[:64])


def _associated(key: bytes) -> bytes:
    """Authenticated, not encrypted: the format and the key's name. Not the workflow: the UI's server cannot know it,
    and what one workflow tells another would not open."""
    return b"milepost/payload/1/" + key
