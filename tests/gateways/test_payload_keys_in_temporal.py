"""Keys change while workflows run: rotation goes unnoticed, and a key that is missing loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from sandbox.stack import Stack, StackOptions
from tests.flow.kit import until
from tests.gateways.payload_kit import keyed

pytestmark = pytest.mark.stack

QUEUE = "letters"


@activity.defn(name="letters.stamp")
async def stamp(text: str) -> str:
    """Answers with a stamped letter."""
    return f"{text}, stamped"


@workflow.defn(name="Letter")
class Letter:
    """Stamps what it was given, waits to be sent, and stamps once more."""

    def __init__(self) -> None:
        self._sent = False

    @workflow.run
    async def run(self, text: str) -> str:
        """The letter with its stamps."""
        once = await workflow.execute_local_activity(stamp, text, start_to_close_timeout=timedelta(seconds=5))
        await workflow.wait_condition(lambda: self._sent)
        return await workflow.execute_activity(stamp, once, start_to_close_timeout=timedelta(seconds=5))

    @workflow.signal(name="send")
    async def send(self, to: str) -> None:
        """Let it go."""
        self._sent = bool(to)


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    """Of a Temporal of its own."""
    with Stack(StackOptions(processes=frozenset({"temporal"}), setup=())) as stack:
        yield stack.links.temporal_address


async def client(address: str, *names: str) -> Client:
    return await Client.connect(address, data_converter=keyed(*names))


def worker(client: Client) -> Worker:
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=[Letter],
        activities=[stamp],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=0,  # each task reads the history anew, as a worker does that has just started
    )


async def events(handle: WorkflowHandle[Letter, str], kind: "EventType.ValueType") -> list[str]:
    """Those of a kind, raw, as text."""
    return [str(event) for event in (await handle.fetch_history()).events if event.event_type == kind]


async def begun(on: Client, name: str) -> WorkflowHandle[Letter, str]:
    """A letter that has its first stamp."""
    handle = await on.start_workflow(Letter.run, "Dear Ada", id=name, task_queue=QUEUE, static_summary="to Ada")
    await until(lambda: events(handle, EventType.EVENT_TYPE_MARKER_RECORDED))
    return handle


async def test_a_running_workflow_does_not_notice_that_keys_are_rotated(address: str) -> None:
    before, after = await client(address, "old"), await client(address, "new", "old")
    async with worker(before):
        handle = await begun(before, "rotated")
    async with worker(after):
        await handle.signal(Letter.send, "Ada")  # a process that is not yet restarted
        assert await after.get_workflow_handle("rotated", result_type=str).result() == "Dear Ada, stamped, stamped"
    history = await handle.fetch_history()
    raw = "".join(str(event) for event in history.events)
    assert {f'value: "{name}"' in raw for name in ("old", "new")} == {True}
    assert "Ada" not in raw
    await Replayer(
        workflows=[Letter], data_converter=keyed("new", "old"), workflow_runner=UnsandboxedWorkflowRunner()
    ).replay_workflow(history)


async def test_a_missing_key_parks_the_workflow_and_says_which_it_was(address: str) -> None:
    good, bad = await client(address, "a"), await client(address, "b")
    async with worker(good):
        handle = await begun(good, "parked")
    async with worker(bad):
        await handle.signal(Letter.send, "Ada")
        failed = await until(lambda: events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED))
    assert "Ada" not in failed[0]
    seen = await handle.describe()
    assert seen.status is not None
    assert seen.status.name == "RUNNING"
    async with worker(good):
        async with asyncio.timeout(30):
            assert await handle.result() == "Dear Ada, stamped, stamped"
