"""One timer for several waits: what ends early leaves it set, and the next wait uses it, or sets an earlier one."""

import uuid
from collections import Counter
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.flow.kit import until
from workflows.alarm import Alarm

pytestmark = [pytest.mark.stack]

_T = EventType
TIMERS = (_T.EVENT_TYPE_TIMER_STARTED, _T.EVENT_TYPE_TIMER_FIRED, _T.EVENT_TYPE_TIMER_CANCELED)


@workflow.defn(name="Waits")
class WaitsWorkflow:
    """Waits one after another: each for so many milliseconds, or until a signal."""

    def __init__(self) -> None:
        self._rung = self._wait = 0

    @workflow.run
    async def run(self, waits: list[int | None]) -> list[str]:
        """How each wait ended."""
        alarm, ended = Alarm(), list[str]()
        for number, patience in enumerate(waits, start=1):
            self._wait = number
            try:
                within = None if patience is None else timedelta(milliseconds=patience)
                await alarm.wait(lambda number=number: self._rung >= number, within, "wait")  # type: ignore[misc]
                ended.append("heard")
            except TimeoutError:
                ended.append("late")
                self._rung = max(self._rung, number)
        return ended

    @workflow.query
    def waits(self) -> int:
        """Which wait it is in."""
        return self._wait

    @workflow.signal
    def ring(self) -> None:
        """The wait of this moment is over."""
        self._rung += 1


async def play(client: Client, waits: list[int | None], rings: int) -> tuple[list[str], Counter[int]]:
    """How each wait ended, and the timers of the history."""
    queue = f"alarm-{uuid.uuid4().hex}"
    async with Worker(client, task_queue=queue, workflows=[WaitsWorkflow], workflow_runner=UnsandboxedWorkflowRunner()):
        handle = await client.start_workflow(WaitsWorkflow.run, waits, id=queue, task_queue=queue)
        for number in range(1, rings + 1):
            await until(lambda: handle.query(WaitsWorkflow.waits), lambda seen, number=number: seen == number)  # type: ignore[misc]
            await handle.signal(WaitsWorkflow.ring)
        ended = await handle.result()
    kinds = Counter(event.event_type for event in (await handle.fetch_history()).events)
    return ended, Counter({kind: kinds[kind] for kind in TIMERS})


@pytest.mark.parametrize(
    ("waits", "rings", "ended", "timers"),
    [
        ([60_000, 90_000], 2, ["heard", "heard"], (1, 0, 0)),
        ([90_000, 60_000], 2, ["heard", "heard"], (2, 0, 1)),
        ([2_000, 4_000], 1, ["heard", "late"], (2, 2, 0)),
        ([None, 200], 1, ["heard", "late"], (1, 1, 0)),
        ([0], 0, ["late"], (0, 0, 0)),
    ],
    ids=["a later wait uses it", "an earlier one sets it anew", "it rings too early", "for ever", "no time"],
)
async def test_waits_share_a_timer(
    temporal: Client, waits: list[int | None], rings: int, ended: list[str], timers: tuple[int, int, int]
) -> None:
    found, counted = await play(temporal, waits, rings)
    assert found == ended
    assert tuple(counted[kind] for kind in TIMERS) == timers
