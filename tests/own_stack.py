"""Fixtures of a package of tests that has a stack of its own, which ends with the package; its `conftest.py` imports
them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.stack import Stack
from tests.faults.shop import OPTIONS, open_shop
from tests.flow.kit import Shop, until

__all__ = ["shop", "stack", "whole_shop"]


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Every process, once."""
    with Stack(OPTIONS) as running:
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
