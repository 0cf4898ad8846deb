"""The line of a drop: a durable timer that looks after it while the sale lasts."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow

from activities.drops import DropActivities
from domain.drops import LineLook
from workflows.policies import in_database

SHORTEST_SLEEP, LONGEST_SLEEP = timedelta(milliseconds=100), timedelta(days=1)
"""The database's clock decides; if it is behind, a few short sleeps follow."""


@workflow.defn(name="DropLine")
class DropLineWorkflow:
    """One a drop, `drop-line/{tenant}/{drop id}`; ends with the sale."""

    @workflow.init
    def __init__(self, drop: LineLook) -> None:
        self._in = drop
        self._edited = False

    @workflow.run
    async def run(self, drop: LineLook) -> None:
        """Look after the line → sleep until the next grant may lapse, the sale ends, or it is edited."""
        while True:
            self._edited = False
            summary = f"Look after the line of {drop.drop_id}"
            seen = await in_database(DropActivities.look_after_line, self._in, summary)
            if seen.next_in_seconds is None and not self._edited:
                return
            due = timedelta(seconds=seen.next_in_seconds or 0)
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._edited,
                    timeout=min(max(due, SHORTEST_SLEEP), LONGEST_SLEEP),
                    timeout_summary="A grant may lapse, or the sale ends",
                )
            if workflow.info().is_continue_as_new_suggested() and not self._edited:
                workflow.continue_as_new(drop)

    @workflow.signal(name="edited")
    def edited(self) -> None:
        """The drop is another one now: look at once. Harmless twice."""
        self._edited = True
