"""A stack of its own: a comparison of the books looks at every payment of the last day."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox.stack import Stack, StackOptions
from tests.faults.shop import open_shop
from tests.flow.kit import KEY, Shop, until

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need the stack."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Every process, once."""
    with Stack(StackOptions(env={"MILEPOST_SEED_API_KEY": KEY})) as running:
        yield running


@pytest.fixture(scope="package")
async def whole_shop(stack: Stack) -> AsyncIterator[Shop]:
    """The shop on the stack."""
    async with open_shop(stack) as opened:
        yield opened
        stack.check()


@pytest.fixture
async def shop(whole_shop: Shop) -> AsyncIterator[Shop]:
    """The shop, calm before and after; and the auditor finds nothing once the test is over."""
    await whole_shop.calm()
    yield whole_shop
    await whole_shop.calm()
    await until(whole_shop.audit, lambda findings: not findings)
