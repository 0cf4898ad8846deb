"""A route answers in its time, however long the workflow takes: the rest is for the asker to ask again."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError

from api import temporal


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "ANSWER_WITHIN_SECONDS", 0.05)


async def _slow() -> None:
    async with temporal.reaching("checkout"):
        await asyncio.sleep(10)


async def _slow_with_the_clients_own_word_for_it() -> None:
    async with temporal.reaching("checkout"):
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise WorkflowUpdateRPCTimeoutOrCancelledError from None


async def test_what_takes_longer_is_still_running() -> None:
    with pytest.raises(temporal.StillRunning):
        await _slow()
    with pytest.raises(temporal.StillRunning):
        await _slow_with_the_clients_own_word_for_it()
    await asyncio.sleep(0)  # and nothing of the cancellation is left


async def test_what_is_in_time_passes() -> None:
    async with temporal.reaching("checkout"):
        await asyncio.sleep(0)
