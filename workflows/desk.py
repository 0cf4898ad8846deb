"""Steps that are taken until their outcome is known, with a person called when that takes long."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.policies import outside

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

LOOK_AGAIN = timedelta(hours=1)
"""What a person was called for is tried again by itself after this long."""


class Desk(Protocol):
    """How a workflow brings something before a person, waits for them, and lets them go again."""

    async def call_person(self, reason: str) -> None:
        """Support finds this workflow by `NeedsAttention` and reads the reason."""

    async def wait_for_person(self) -> None:
        """Until a person says go on, or `LOOK_AGAIN` has passed."""

    async def calm(self) -> None:
        """It has worked in the end: nobody is needed for it any more."""


async def until_known(
    desk: Desk, activity: Callable[[Any, Asked], Awaitable[Answered]], asked: Asked, summary: str, trouble: str
) -> Answered:
    """Ask an outsider until there is an answer: an unknown outcome is never taken for a failure.

    Raises `ActivityError` only for a cancellation of the workflow itself.
    """
    called = False
    while True:
        try:
            answer = await outside(activity, asked, summary)
        except ActivityError as stuck:
            if is_cancelled_exception(stuck):
                raise
            await desk.call_person(f"{trouble}: {stuck.cause}")
            called = True
            await desk.wait_for_person()
            continue
        if called:
            await desk.calm()
        return answer
