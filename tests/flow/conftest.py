"""The one stack these tests share, and the auditor that ends each of them."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.stack import Stack, StackOptions
from tests.faults.shop import open_shop
from tests.flow.carrier_kit import ROUTES
from tests.flow.kit import KEY, Shop, until


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Every process, once."""
    env = {"MILEPOST_SEED_API_KEY": KEY, "CARRIER_ROUTES": json.dumps(ROUTES)}
    with Stack(StackOptions(env=env)) as running:
        yield running


@pytest.fixture(scope="session")
async def whole_shop(stack: Stack) -> AsyncIterator[Shop]:
    """The shop on the stack, with its clients."""
    async with open_shop(stack) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def shop(whole_shop: Shop) -> AsyncIterator[Shop]:
    """The shop, calm before and after; and the auditor finds nothing once the test is over."""
    await whole_shop.calm()
    yield whole_shop
    await whole_shop.calm()
    await until(whole_shop.audit, lambda findings: not findings)
    whole_shop.stack.check()
