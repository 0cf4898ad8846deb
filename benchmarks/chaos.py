"""Chaos of a drop: API and worker processes are killed again and again, from a seed, and started again."""

import asyncio
import random
from collections import Counter

from sandbox.stack import ProcessDied, Stack

LIFE_SECONDS = (2.0, 8.0)
"""From the moment a process is ready to its end. It does not count how long the start took: on a busy machine that is
longer than all of this, and a process that is killed as soon as it is up never does any work."""

DOWN_SECONDS = (0.2, 1.0)
STARTS = 3


class Chaos:
    """`async with Chaos(stack, seed)`: every process of ours lives for a few seconds; at the end everything is up."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self._stack, self._seed = stack, seed
        self._over = asyncio.Event()

    async def __aenter__(self) -> "Chaos":
        names = sorted(name for name in self._stack.names if name.startswith(("api", "worker")))
        self._lives = [asyncio.create_task(self._live(name)) for name in names]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await asyncio.gather(*self._lives)

    async def _live(self, name: str) -> None:
        dice = random.Random(f"{self._seed}/{name}")
        while not await self._is_over(dice.uniform(*LIFE_SECONDS)):
            self.kills[name] += 1
            await asyncio.to_thread(self._stack.kill, name)
            await asyncio.sleep(dice.uniform(*DOWN_SECONDS))
            await started(self._stack, name)

    async def _is_over(self, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await self._over.wait()
        except TimeoutError:
            return False
        return True


async def started(stack: Stack, name: str) -> None:
    """Start it; again if it does not come up, as on a machine with far too much to do. Raises `ProcessDied`."""
    for left in reversed(range(STARTS)):
        try:
            await asyncio.to_thread(stack.start, name)
        except ProcessDied:
            if not left:
                raise
            await asyncio.to_thread(stack.kill, name)
        else:
            return
