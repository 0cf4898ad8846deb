"""Compensation: each step registers its undo before it runs; a failure undoes them, newest first."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from temporalio.exceptions import FailureError

Undo = Callable[[BaseException], Awaitable[None]]


class Saga:
    """`async with Saga() as saga`: what was registered with `on_failure` is undone unless `keep` was reached.

    Only outcomes are compensated: failures of activities, refusals and cancellation. Any other exception is a bug in
    this code: it passes through untouched, the workflow task is parked, and a mended worker goes on from there.
    """

    def __init__(self) -> None:
        self._undo: list[Undo] = []

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    def on_failure(self, undo: Undo) -> None:
        """Register an undo *before* its step runs: a step that timed out may have happened.

        It must be harmless when nothing happened, and must itself try for as long as it takes.
        """
        self._undo.append(undo)

    def keep(self) -> None:
        """Past this line nothing is undone."""
        self._undo.clear()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Undo, newest first, shielded from further cancellation. The error goes on to whoever handles it."""
        if isinstance(error, FailureError | asyncio.CancelledError):
            while self._undo:
                await _finish(self._undo.pop()(error))


async def _finish(work: Awaitable[None]) -> None:
    """Wait for `work` to its end, whatever cancels the waiting."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    task.result()
