"""Chaos of a drop: API and worker processes are killed at random, from a seed, and started again."""

import asyncio
import random
from collections import Counter
from contextlib import suppress

from sandbox.stack import Stack

BETWEEN_SECONDS = (1.0, 2.0)
DOWN_SECONDS = (0.2, 1.0)


class Chaos:
    """`async with Chaos(stack, seed)`: a SIGKILL every one to two seconds; at the end everything is up again."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self._stack, self._dice = stack, random.Random(seed)
        self._up = sorted(name for name in stack.names if name.startswith(("api", "worker")))
        self._starting = set[asyncio.Task[None]]()

    async def __aenter__(self) -> "Chaos":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await asyncio.gather(*self._starting)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(*BETWEEN_SECONDS))
            if not self._up:
                continue  # all are down or starting: there is nothing to kill
            name = self._dice.choice(self._up)
            self._up.remove(name)
            self.kills[name] += 1
            task = asyncio.create_task(self._strike(name, self._dice.uniform(*DOWN_SECONDS)))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _strike(self, name: str, down: float) -> None:
        await asyncio.to_thread(self._stack.kill, name)
        await asyncio.sleep(down)
        await asyncio.to_thread(self._stack.start, name)
        self._up.append(name)
        self._up.sort()
