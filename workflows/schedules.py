"""What runs by the clock. A worker sees to it at its start that the schedules are there, as they are written here."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import WorkflowIDConflictPolicy

from workflows.reconciliation import ReconciliationWorkflow

RECONCILIATION = "reconciliation"
RECONCILE_EVERY = timedelta(hours=1)


async def ensure(client: Client, task_queue: str) -> None:
    """Make what is not there yet. One that support has paused or changed is left as it is."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            ReconciliationWorkflow.run,
            False,
            id=RECONCILIATION,
            task_queue=task_queue,
            static_summary="Our books beside the payment provider's",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=RECONCILE_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(RECONCILIATION, schedule)
    except ScheduleAlreadyRunningError:
        return


async def reconcile_now(client: Client, task_queue: str) -> dict[str, int]:
    """Run it beside the schedule, or join who does, and wait for its answer: drifts by tenant."""
    return await client.execute_workflow(
        ReconciliationWorkflow.run,
        True,
        id=f"{RECONCILIATION}-now",
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        task_queue=task_queue,
        static_summary="Asked for by hand",
    )
