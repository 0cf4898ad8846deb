"""One timer for all that a process waits for, one wait after another: each timer is billed, a wait is not."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow


class Alarm:
    """Rings when the earliest of what it was set for is due. A wait that ends before leaves it set, and the next one
    uses it: when it rings too early for that one, it is set anew."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._at: datetime | None = None

    async def wait(self, until: Callable[[], bool], patience: timedelta | None, summary: str) -> None:
        """As `workflow.wait_condition`. Raises `TimeoutError` when patience is over; None is for ever."""
        if patience is None:
            await workflow.wait_condition(until)
            return
        due = workflow.now() + patience
        while not until():
            if workflow.now() >= due:
                raise TimeoutError
            ringing = self._set(due, summary)
            await workflow.wait_condition(lambda: until() or ringing.done())  # noqa: B023  # awaited at once

    def _set(self, due: datetime, summary: str) -> asyncio.Task[None]:
        """The timer that runs, or one that rings earlier."""
        if self._task is not None and self._at is not None and not self._task.done():
            if self._at <= due:
                return self._task
            self._task.cancel()
        self._at = due
        self._task = asyncio.create_task(workflow.sleep(due - workflow.now(), summary=summary))
        return self._task
