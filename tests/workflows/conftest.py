"""A Temporal server for the tests of this room, without the rest of the stack."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from gateways.temporal import data_converter
from sandbox.stack import Stack, StackOptions


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """A client of it, with our data converter."""
    with Stack(StackOptions(processes=frozenset({"temporal"}), setup=())) as stack:
        yield await Client.connect(stack.links.temporal_address, data_converter=data_converter)
