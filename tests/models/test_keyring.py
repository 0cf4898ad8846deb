"""A key that is remembered is asked for again before it is forgotten."""

import asyncio

import pytest

from api import keyring
from api.keyring import KeyRing
from domain.ids import api_key_hash
from tests.models.kit import OWNER, Server, Shop


async def test_a_key_in_use_is_asked_for_again_while_it_is_remembered(
    server: Server, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "REMEMBERED_SECONDS", 1e6)
    ring, key = KeyRing(server.database), api_key_hash(f"mp_test_{shop.tenant}")
    assert await ring.find(key)
    shop.run("UPDATE api_keys SET revoked_at = now()", role=OWNER)
    for _ in range(5):
        assert await ring.find(key)
        await asyncio.sleep(0)
    monkeypatch.setattr(keyring, "_ASK_AHEAD_SECONDS", 1e9)
    for _ in range(1000):
        await asyncio.sleep(0.01)
        if await ring.find(key) is None:
            return
    pytest.fail("it was not asked for again")
