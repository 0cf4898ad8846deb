"""Chaos of the benchmark: who is killed has lived for a while, however long its start took; at the end all are up."""

import asyncio
import time
from collections import defaultdict
from typing import Any, cast

import pytest

from benchmarks import chaos
from benchmarks.chaos import Chaos
from sandbox.stack import Stack

LIFE, START = 0.05, 0.1


class Noted:
    """Instead of a stack: notes what is done to whom, and when. A start takes longer than a life."""

    names = ("api-1", "postgres", "worker-1", "worker-2")

    def __init__(self) -> None:
        self.done: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)

    def kill(self, name: str) -> None:
        """At once."""
        self.done[name].append(("kill", time.monotonic()))

    def start(self, name: str) -> None:
        """Until it is ready."""
        time.sleep(START)
        self.done[name].append(("ready", time.monotonic()))


async def rounds(seed: int, monkeypatch: pytest.MonkeyPatch) -> Noted:
    """A second of it."""
    monkeypatch.setattr(chaos, "LIFE_SECONDS", (LIFE, 2 * LIFE))
    monkeypatch.setattr(chaos, "DOWN_SECONDS", (0.0, LIFE))
    noted = Noted()
    async with Chaos(cast("Stack", cast("Any", noted)), seed):
        await asyncio.sleep(1)
    return noted


async def test_everybody_lives_before_they_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = await rounds(7, monkeypatch)
    assert set(noted.done) == {"api-1", "worker-1", "worker-2"}
    for acts in noted.done.values():
        assert [what for what, _ in acts] == ["kill", "ready"] * (len(acts) // 2)
        lives = [killed - ready for (_, ready), (_, killed) in zip(acts[1::2], acts[2::2], strict=False)]
        assert lives
        assert min(lives) >= LIFE
