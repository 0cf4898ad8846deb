"""A stack of its own for what is sent at random."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.stack import Stack, StackOptions
from tests.flow.kit import KEY

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need the stack."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Every process, once; a limit that nothing here is to meet."""
    with Stack(StackOptions(env={"MILEPOST_SEED_API_KEY": KEY, "MILEPOST_RATE_LIMIT": "100000"})) as running:
        yield running
