"""The public keys that a sender publishes (a JWK Set, RFC 7517), fetched when needed and kept."""

import httpx
from pydantic import BaseModel, ValidationError

from gateways.carriers.protocol import CarrierUnavailable
from gateways.rsa import PublicKey, public_key

_LOOK_AGAIN_SECONDS = 60
"""A key id that nobody knows makes the set be fetched at most this often: forgers shall not make us fetch it."""

_FORGET_SECONDS = 12 * 3600
"""A key that is no longer published is trusted no longer than this."""


class _Key(BaseModel):
    kid: str
    kty: str
    n: str = ""
    e: str = ""


class _Set(BaseModel):
    keys: list[_Key]


class KeySet:
    """The RSA keys at one address. `timeout` is seconds a fetch."""

    def __init__(self, url: str, timeout: float = 5) -> None:
        self._url = url
        self._http = httpx.AsyncClient(timeout=timeout)
        self._keys: dict[str, PublicKey] = {}
        self._fetched_at: int | None = None

    async def get(self, key_id: str, now: int) -> PublicKey | None:
        """The key, `now` being unix seconds; None when it is not published. Raises `CarrierUnavailable`."""
        age = None if self._fetched_at is None else now - self._fetched_at
        if age is None or age > _FORGET_SECONDS or (key_id not in self._keys and age > _LOOK_AGAIN_SECONDS):
            self._keys = await self._fetch()
            self._fetched_at = now
        return self._keys.get(key_id)

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def _fetch(self) -> dict[str, PublicKey]:
        try:
            answer = (await self._http.get(self._url)).raise_for_status()
            found = _Set.model_validate_json(answer.content).keys
            return {key.kid: public_key(key.n, key.e) for key in found if key.kty == "RSA"}
        except (httpx.HTTPError, ValidationError, ValueError) as away:
            raise CarrierUnavailable(f"the public keys cannot be had: {type(away).__name__}") from away
