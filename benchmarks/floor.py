"""The floor of a checkout: a bare workflow of the same shape (two local activities around an ordinary one), no work."""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn(name="floor.nothing")
async def nothing() -> None:
    """No work."""


@workflow.defn(name="Floor")
class FloorWorkflow:
    """Begun by update-with-start, as a checkout is."""

    def __init__(self) -> None:
        self._done = False

    @workflow.run
    async def run(self) -> None:
        """Local, ordinary, local."""
        limit = timedelta(seconds=10)
        await workflow.execute_local_activity(nothing, start_to_close_timeout=limit)
        await workflow.execute_activity(nothing, start_to_close_timeout=limit)
        await workflow.execute_local_activity(nothing, start_to_close_timeout=limit)
        self._done = True
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update
    async def begin(self) -> None:
        """Answered when it is done."""
        await workflow.wait_condition(lambda: self._done)
