"""When what is due: a small timetable that a task can wait on."""

import asyncio
import contextlib
import heapq
import time


class Agenda:
    """Ids and the unix time each is due at; an id has one appointment, the last one made."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._made = 0
        self._changed = asyncio.Event()

    def put(self, key: str, at: float | None) -> None:
        """Have `key` come up at that time; None takes it off."""
        if at is None:
            self._due.pop(key, None)
            return
        self._due[key] = at
        self._made += 1  # equal times come up in the order they were put
        heapq.heappush(self._heap, (at, self._made, key))
        self._changed.set()

    def clear(self) -> None:
        """Take everything off."""
        self._due.clear()
        self._heap.clear()

    async def next(self) -> str:
        """The next id that is due, once it is; it is off the agenda then."""
        while True:
            self._changed.clear()
            while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
                heapq.heappop(self._heap)
            wait = self._heap[0][0] - time.time() if self._heap else None
            if wait is not None and wait <= 0:
                key = heapq.heappop(self._heap)[2]
                del self._due[key]
                return key
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait)
