"""The one stack these tests share. It ends with this package, so that the next package's stack has the machine."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox.stack import Stack
from tests.faults.shop import OPTIONS, open_shop
from tests.flow.kit import Shop

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need the stack."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Every process, once."""
    with Stack(OPTIONS) as running:
        yield running


@pytest.fixture(scope="package")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """The shop on the stack. Each test ends with the auditor by itself."""
    async with open_shop(stack) as opened:
        yield opened
        stack.check()
