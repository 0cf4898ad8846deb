"""Compensation on the real server: what is undone, in which order, and that nothing stops it half-way."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError
from temporalio.exceptions import TimeoutError as TimedOut
from temporalio.worker import Worker

from tests.flow.kit import until
from tests.workflows.plans import Acts, Plan, PlanWorkflow, Step
from worker import workflow_runner

pytestmark = pytest.mark.stack

QUEUE = "plans"
A, B, C = Step("a"), Step("b"), Step("c")
ALL_DONE = ["do a", "do b", "do c"]
ALL_UNDONE = ["undo c", "undo b", "undo a"]

local_or_not = pytest.mark.parametrize("local_undo", [True, False], ids=["local undo", "ordinary undo"])


@pytest.fixture
async def acts(temporal: Client) -> AsyncIterator[Acts]:
    """What was done outside; a worker in the same sandbox as production's does it."""
    done = Acts()
    worker = Worker(
        temporal,
        task_queue=QUEUE,
        workflows=[PlanWorkflow],
        activities=[done.act, done.undo, done.reason],
        workflow_runner=workflow_runner(),
    )
    async with worker:
        yield done


@pytest.fixture
def begin(temporal: Client, acts: Acts) -> Callable[[Plan], Any]:
    """Start a plan."""

    async def start(plan: Plan) -> WorkflowHandle[PlanWorkflow, str]:
        return await temporal.start_workflow(PlanWorkflow.run, plan, id=f"plan/{uuid.uuid4()}", task_queue=QUEUE)

    return start


async def failure(handle: WorkflowHandle[PlanWorkflow, str]) -> BaseException | None:
    """Why it ended."""
    async with asyncio.timeout(60):
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    return caught.value.cause


async def seen(acts: Acts, line: str) -> None:
    """Wait until something was done."""

    async def log() -> list[str]:
        return acts.log

    await until(log, lambda lines: line in lines)


async def test_when_all_goes_well_nothing_is_undone(acts: Acts, begin: Callable[[Plan], Any]) -> None:
    assert await (await begin(Plan((A, B, C)))).result() == "done"
    assert acts.log == ALL_DONE


@local_or_not
async def test_a_refusal_undoes_all_newest_first(acts: Acts, begin: Callable[[Plan], Any], local_undo: bool) -> None:
    cause = await failure(await begin(Plan((A, B, C), end="refused", local_undo=local_undo)))
    assert isinstance(cause, ApplicationError)
    assert cause.type == "Refused"
    assert acts.log == ALL_DONE + ALL_UNDONE
    assert acts.reasons == ["ApplicationError"] * 3


@pytest.mark.parametrize(("how", "why"), [("refused", ApplicationError), ("times_out", TimedOut)])
async def test_the_step_that_failed_is_undone_as_well(
    acts: Acts, begin: Callable[[Plan], Any], how: str, why: type[BaseException]
) -> None:
    """It may have happened all the same: its undo was registered before it ran."""
    cause = await failure(await begin(Plan((A, Step("b", how), C))))
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, why)
    assert acts.log == ["do a", "do b", "undo b", "undo a"]
    assert acts.reasons == ["ActivityError"] * 2


async def test_past_the_line_nothing_is_undone(acts: Acts, begin: Callable[[Plan], Any]) -> None:
    cause = await failure(await begin(Plan((A, B, C), keep=True, end="refused")))
    assert isinstance(cause, ApplicationError)
    assert acts.log == ALL_DONE


@local_or_not
async def test_cancelled_at_a_timer(acts: Acts, begin: Callable[[Plan], Any], local_undo: bool) -> None:
    """The SDK raises asyncio's error there, which is no `Exception`."""
    handle = await begin(Plan((A, B, C), end="sleeps", local_undo=local_undo))
    await seen(acts, "do c")
    await handle.cancel()
    assert isinstance(await failure(handle), CancelledError)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert acts.log == ALL_DONE + ALL_UNDONE


@local_or_not
async def test_cancelled_during_a_step(acts: Acts, begin: Callable[[Plan], Any], local_undo: bool) -> None:
    handle = await begin(Plan((A, Step("b", "hangs"), C), local_undo=local_undo))
    await seen(acts, "do b")
    await handle.cancel()
    assert isinstance(await failure(handle), CancelledError)
    assert acts.log == ["do a", "do b", "undo b", "undo a"]


async def test_cancelled_while_it_is_being_undone(acts: Acts, begin: Callable[[Plan], Any]) -> None:
    """The undo under way ends, the older ones follow, and the first reason stands."""
    handle = await begin(Plan((A, Step("b", undo="waits"), C), end="refused"))
    await seen(acts, "undoing b")
    await handle.cancel()
    await asyncio.sleep(0.3)
    assert acts.log[-1] == "undoing b"
    acts.let.set()
    cause = await failure(handle)
    assert isinstance(cause, ApplicationError)
    assert cause.type == "Refused"
    assert acts.log == [*ALL_DONE, "undo c", "undoing b", "undo b", "undo a"]


async def test_cancelled_in_the_workflow_task_that_undoes_it(acts: Acts, begin: Callable[[Plan], Any]) -> None:
    """Temporal runs that whole task again, local undo steps and all; they are harmless twice, and none is left out."""
    handle = await begin(Plan((A, Step("b", undo="waits"), C), end="refused", local_undo=True))
    await seen(acts, "undoing b")
    await handle.cancel()
    acts.let.set()
    await failure(handle)
    undone = [line for line in acts.log if line in ALL_UNDONE]
    assert acts.log[:3] == ALL_DONE
    assert undone in (ALL_UNDONE, ALL_UNDONE * 2)


@local_or_not
async def test_an_undo_is_tried_for_as_long_as_it_takes(
    acts: Acts, begin: Callable[[Plan], Any], local_undo: bool
) -> None:
    acts.undo_fails["b"] = 3
    await failure(await begin(Plan((A, B, C), end="refused", local_undo=local_undo)))
    assert acts.undo_fails["b"] == 0
    assert acts.log == ALL_DONE + ALL_UNDONE


async def test_a_bug_undoes_nothing_and_parks_the_workflow(acts: Acts, begin: Callable[[Plan], Any]) -> None:
    """It is tried again until mended code goes on from there; nothing is lost, nothing is half undone."""
    handle = await begin(Plan((A, B, C), end="bug"))

    async def kinds() -> set[int]:
        return {event.event_type for event in (await handle.fetch_history()).events}

    await until(kinds, lambda found: EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED in found)
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    assert acts.log == ALL_DONE
    await handle.terminate()
