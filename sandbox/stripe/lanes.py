"""The line of deliveries before one endpoint: each when it is due, a few at a time, none while it is down."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

AT_ONCE = 16
# An endpoint that cannot be reached is left alone this long, at first and at most; seconds.
FIRST_REST = 0.25
LONGEST_REST = 2.0


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt: when to try again (None: never), and whether nobody was there to take it."""

    again_in: float | None = None
    unreachable: bool = False


class Lane:
    """Starts with the first delivery put into it and runs until stopped."""

    def __init__(self, attempt: Callable[[str], Awaitable[Outcome]]) -> None:
        self._attempt = attempt
        self._heap: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._failures = 0
        self._rest_until = 0.0
        self._underway: set[asyncio.Task[None]] = set()
        self._running = self._loop.create_task(self._run())

    def put(self, key: str, delay: float) -> None:
        """Deliver this after so many seconds."""
        heapq.heappush(self._heap, (self._loop.time() + delay, next(self._order), key))
        self._changed.set()

    def stop(self) -> None:
        """Give up, in the middle of things."""
        for task in (self._running, *self._underway):
            task.cancel()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            pause = self._start_due()
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue

    def _start_due(self) -> float | None:
        """Start what is due; how long until there may be more, or None until something changes."""
        now = self._loop.time()
        while self._heap and len(self._underway) < AT_ONCE:
            ready = max(self._heap[0][0], self._rest_until)
            if ready > now:
                return ready - now
            task = self._loop.create_task(self._one(heapq.heappop(self._heap)[2]))
            self._underway.add(task)
            task.add_done_callback(self._ended)
        return None

    async def _one(self, key: str) -> None:
        outcome = await self._attempt(key)
        self._failures = self._failures + 1 if outcome.unreachable else 0
        if outcome.unreachable:
            rest = min(FIRST_REST * 2 ** min(self._failures // AT_ONCE, 10), LONGEST_REST)
            self._rest_until = self._loop.time() + rest
        if outcome.again_in is not None:
            self.put(key, outcome.again_in)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._underway.discard(task)
        self._changed.set()
