"""Many requests, one statement: whoever asks while the last batch is at work is in the next one."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Batches(Generic[Asked, Answer]):
    """As many batches of a tenant at a time as there are lanes. Nobody waits for a batch to fill: in an idle lane one
    begins with who asked in that moment.

    `work` answers in the order it was asked; what it raises, everybody in its batch is told.
    """

    def __init__(
        self, work: Callable[[str, Sequence[Asked]], Awaitable[Sequence[Answer]]], *, most: int, lanes: int = 1
    ) -> None:
        self._work, self._most, self._lanes = work, most, lanes
        self._waiting: dict[str, list[tuple[Asked, asyncio.Future[Answer]]]] = defaultdict(list)
        self._running: dict[str, int] = defaultdict(int)
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, tenant: str, asked: Asked) -> Answer:
        """The answer to one, out of a batch. One who goes away in the meantime stays in it."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[tenant].append((asked, answer))
        if self._running[tenant] < self._lanes and len(self._waiting[tenant]) == 1:
            self._running[tenant] += 1
            task = asyncio.create_task(self._run(tenant))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _run(self, tenant: str) -> None:
        while batch := self._waiting[tenant][: self._most]:
            del self._waiting[tenant][: self._most]
            await self._answer(tenant, batch)
        self._running[tenant] -= 1  # with nothing awaited since nobody was found waiting

    async def _answer(self, tenant: str, batch: list[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._work(tenant, [asked for asked, _ in batch])
        except Exception as error:  # everybody who asked is told
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
