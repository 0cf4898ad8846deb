"""What runs by the clock. A worker sees to it at its start that the schedules are there, as they are written here."""

from contextlib import suppress
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleAction,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import WorkflowIDConflictPolicy

from workflows.housekeeping import HousekeepingWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.sweeper import SweeperWorkflow

RECONCILIATION = "reconciliation"
RECONCILE_EVERY = timedelta(hours=1)

SWEEPER = "sweeper"
SWEEP_EVERY = timedelta(minutes=5)

HOUSEKEEPING = "housekeeping"
KEEP_HOUSE_EVERY = timedelta(hours=1)


async def ensure(client: Client, task_queue: str) -> None:
    """Make what is not there yet. One that support has paused or changed is left as it is."""
    reconcile = ScheduleActionStartWorkflow(
        ReconciliationWorkflow.run,
        False,
        id=RECONCILIATION,
        task_queue=task_queue,
        static_summary="Our books beside the payment provider's",
    )
    sweep = ScheduleActionStartWorkflow(
        SweeperWorkflow.run, id=SWEEPER, task_queue=task_queue, static_summary="Checkouts that were left behind"
    )
    await _ensure(client, RECONCILIATION, reconcile, RECONCILE_EVERY)
    forget = ScheduleActionStartWorkflow(
        HousekeepingWorkflow.run, id=HOUSEKEEPING, task_queue=task_queue, static_summary="What is kept for a day only"
    )
    await _ensure(client, SWEEPER, sweep, SWEEP_EVERY)
    await _ensure(client, HOUSEKEEPING, forget, KEEP_HOUSE_EVERY)


async def _ensure(client: Client, name: str, action: ScheduleAction, every: timedelta) -> None:
    """One at a time: what is due while the last one still runs is left out."""
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(name, schedule)


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
