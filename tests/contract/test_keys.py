"""No key but a test key is used against Stripe; and what a wrong key does."""

import pytest

from gateways.stripe import Stripe, StripeMisconfigured
from tests.contract.kit import Account, test_key


@pytest.mark.parametrize("key", ["sk_live_abc", "rk_live_abc", "pk_test_abc", "sk_test", "something else", ""])
def test_only_keys_of_the_test_mode_pass(key: str) -> None:
    with pytest.raises(ValueError, match="no test key"):
        test_key(key)


@pytest.mark.parametrize("key", ["sk_test_abc", "rk_test_abc"])
def test_keys_of_the_test_mode_pass(key: str) -> None:
    assert test_key(key) == key


async def test_a_wrong_key_is_our_own_mistake(account: Account) -> None:
    base = account.stand.base if account.stand else None
    stranger = Stripe(api_key="sk_test_nobodys", api_base=base, webhook_secrets=())
    try:
        with pytest.raises(StripeMisconfigured, match="401"):
            await stranger.authorize(account.asks())
    finally:
        await stranger.close()


async def test_an_unknown_intent_is_our_own_mistake(account: Account) -> None:
    with pytest.raises(StripeMisconfigured, match="resource_missing"):
        await account.gateway.look_up("pi_3NoSuchIntent0000000000")
