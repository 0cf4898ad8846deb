"""A stack of its own for what is sent at random."""

from collections.abc import Iterator

import pytest

from sandbox.stack import Stack, StackOptions
from tests.flow.kit import KEY


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Every process, once; a limit that nothing here is to meet."""
    with Stack(StackOptions(env={"MILEPOST_SEED_API_KEY": KEY, "MILEPOST_RATE_LIMIT": "100000"})) as running:
        yield running
