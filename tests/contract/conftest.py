"""The account of the contract tests: the stand-in's always; Stripe's test mode when STRIPE_API_KEY holds a test key."""

import contextlib
import os
from collections.abc import AsyncIterator

import pytest

from gateways.stripe import Stripe
from tests.contract.kit import Account, test_key
from tests.sandbox.test_stripe_stand import KEY, StandIn

LIVE = pytest.param(
    "stripe",
    marks=[
        pytest.mark.live,
        pytest.mark.skipif(not os.environ.get("STRIPE_API_KEY"), reason="STRIPE_API_KEY holds no key of Stripe's"),
    ],
)


@contextlib.asynccontextmanager
async def stand_in_account() -> AsyncIterator[Account]:
    """The stand-in on a port of its own, and the gateway pointed at it."""
    stand = StandIn()
    await stand.start()
    gateway = Stripe(api_key=KEY, api_base=stand.base, webhook_secrets=())
    try:
        yield Account(gateway, stand)
    finally:
        await gateway.close()
        await stand.stop()


@contextlib.asynccontextmanager
async def live_account() -> AsyncIterator[Account]:
    """Stripe's test mode. It pays in the currency that the account settles in, so that no exchange rate interferes."""
    try:
        key = test_key(os.environ["STRIPE_API_KEY"])
    except ValueError as refused:
        pytest.fail(str(refused), pytrace=False)
    gateway = Stripe(api_key=key, api_base=None, webhook_secrets=(), timeout=60)
    try:
        balance = await gateway.client.v1.balance.retrieve_async()
        yield Account(gateway, None, balance.available[0].currency.upper())
    finally:
        await gateway.close()


@pytest.fixture(scope="session", params=["stand-in", LIVE])
async def account(request: pytest.FixtureRequest) -> AsyncIterator[Account]:
    """The same tests, unchanged, for either."""
    opened = stand_in_account() if request.param == "stand-in" else live_account()
    async with opened as found:
        yield found


@pytest.fixture(scope="session")
async def own_process() -> AsyncIterator[Account]:
    """A stand-in for the tests that pull its levers."""
    async with stand_in_account() as found:
        yield found


@pytest.fixture
async def emptied(own_process: Account) -> Account:
    """That stand-in with an empty account and no faults. Tests that ask for it are about levers Stripe lacks."""
    assert own_process.stand is not None
    await own_process.stand.control("reset")
    return own_process
