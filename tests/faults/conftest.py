"""The one stack these tests share. It ends with this package, so that the next package's stack has the machine."""

from collections.abc import AsyncIterator

import pytest

from sandbox.stack import Stack
from tests.faults.shop import open_shop
from tests.flow.kit import Shop
from tests.own_stack import stack

__all__ = ["shop", "stack"]


@pytest.fixture(scope="package")
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    """The shop on the stack. Each test ends with the auditor by itself."""
    async with open_shop(stack) as opened:
        yield opened
        stack.check()
