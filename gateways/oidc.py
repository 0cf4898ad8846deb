"""OpenID Connect issuers: who signed a token, checked with the keys that its issuer publishes (by discovery).

Keys are kept for ten minutes, and fetched anew, at most once in half a minute, for a key that nobody has seen: so an
issuer may rotate whenever it likes. While it is away, its last keys are good for a day.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key pair only: with a shared secret, or none, anybody could sign (RFC 8725, section 3)."""

LEEWAY_SECONDS = 60
_FRESH_SECONDS = 600.0
_ASK_AGAIN_SECONDS = 30.0
_STALE_SECONDS = 86_400.0
_MOST_BYTES = 262_144
_REQUIRED = ("exp", "iat", "iss", "aud", "sub")


class TokenInvalid(Exception):
    """Not signed by who it says, not for us, or not now."""


class IssuerAway(Exception):
    """Its keys cannot be had at the moment."""


@dataclass(slots=True)
class _Known:
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    fetched: float = float("-inf")
    tried: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


def looks_like_one(bearer: str) -> bool:
    """A signed token has three parts (RFC 7515, section 7.1); our keys have none."""
    return bearer.count(".") == 2


def said_by(token: str) -> tuple[str, list[str]]:
    """The issuer and the audiences that it claims, unverified. Raises `TokenInvalid` for what is no token."""
    import jwt  # with its cryptography it is loaded for those who have staff, and by the first of them

    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as wrong:
        raise TokenInvalid("not a token") from wrong
    issuer, audience = claims.get("iss"), claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(issuer, str) or not isinstance(audiences, list) or not all(isinstance(a, str) for a in audiences):
        raise TokenInvalid("it does not say who it is from and for whom")
    return issuer, audiences


class Issuers:
    """One a process."""

    def __init__(self, *, ask_again_seconds: float = _ASK_AGAIN_SECONDS) -> None:
        self._http = httpx.AsyncClient(timeout=5.0, follow_redirects=False)
        self._ask_again_seconds = ask_again_seconds
        self._known: dict[str, _Known] = {}

    async def verify(self, token: str, issuer: str, audiences: list[str]) -> dict[str, Any]:
        """The token's claims. The caller has decided to believe this issuer. Raises `TokenInvalid` or `IssuerAway`."""
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in ALGORITHMS:
                raise TokenInvalid("signed in a way that is not taken")
            published = await self._key(issuer, str(kid) if kid else None)
            if published.get("alg", algorithm) != algorithm:
                raise TokenInvalid("its key is for another way of signing")
            key = jwt.PyJWK(published, algorithm=algorithm)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=audiences,
                issuer=issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(_REQUIRED)},
            )
        except jwt.PyJWTError as wrong:
            raise TokenInvalid(type(wrong).__name__) from wrong
        return claims

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def _key(self, issuer: str, kid: str | None) -> dict[str, Any]:
        known = self._known.setdefault(issuer, _Known())
        now = time.monotonic()
        if now - known.fetched > _FRESH_SECONDS or (kid is not None and kid not in known.keys):
            async with known.lock:
                now = time.monotonic()
                wanted = now - known.fetched > _FRESH_SECONDS or (kid is not None and kid not in known.keys)
                if wanted and now - known.tried > self._ask_again_seconds:
                    known.tried = now
                    await self._fetch(issuer, known)
        if time.monotonic() - known.fetched > _STALE_SECONDS:
            raise IssuerAway(issuer)
        if kid is None and len(known.keys) == 1:
            return next(iter(known.keys.values()))
        if kid is None or kid not in known.keys:
            raise TokenInvalid("signed with a key that its issuer does not have")
        return known.keys[kid]

    async def _fetch(self, issuer: str, known: _Known) -> None:
        """Its keys, if they can be had; else what is known stays."""
        try:
            described = await self._get(f"{issuer}/.well-known/openid-configuration")
            if described.get("issuer") != issuer:
                return
            keys = (await self._get(str(described["jwks_uri"])))["keys"]
            known.keys = {
                str(key.get("kid", "")): key
                for key in keys
                if key.get("use", "sig") == "sig" and key.get("kty") in ("RSA", "EC", "OKP")
            }
            known.fetched = time.monotonic()
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            return

    async def _get(self, url: str) -> dict[str, Any]:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
            raise ValueError("an issuer is asked over TLS only")
        answer = await self._http.get(url, headers={"Accept": "application/json"})
        answer.raise_for_status()
        if len(answer.content) > _MOST_BYTES:
            raise ValueError("too long")
        found: dict[str, Any] = answer.json()
        return found
