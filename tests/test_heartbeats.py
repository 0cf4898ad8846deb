"""A call that takes long says that its worker lives; what comes of it is what came before."""

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failures import FailureInterceptor
from domain.carriage import NoRate
from gateways.stripe import StripeUnavailable
from workflows.policies import DEAD_AFTER, is_final

SOON = timedelta(milliseconds=20)


class Call(ActivityInboundInterceptor):
    """Ends when it was told so, or raises."""

    def __init__(self, done: asyncio.Event, fault: Exception | None = None) -> None:
        self._done, self._fault = done, fault

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        await self._done.wait()
        if self._fault:
            raise self._fault
        return "done"


def environment(timeout: timedelta | None) -> ActivityEnvironment:
    """Of an activity with that heartbeat timeout."""
    made = ActivityEnvironment()
    made.info = dataclasses.replace(made.info, heartbeat_timeout=timeout)
    return made


async def run(call: Call) -> Any:
    """As a worker runs it."""
    asked = ExecuteActivityInput(fn=run, args=[], executor=None, headers={})
    return await FailureInterceptor().intercept_activity(call).execute_activity(asked)


async def test_it_beats_until_it_is_done_and_not_after() -> None:
    made, done, beats = environment(SOON), asyncio.Event(), list[object]()

    def heard(*_: object) -> None:
        beats.append(None)
        if len(beats) == 3:
            done.set()

    made.on_heartbeat = heard
    async with asyncio.timeout(10):
        assert await made.run(run, Call(done)) == "done"
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    async with asyncio.timeout(10):  # the beating has ended, or ends; or this never does
        await asyncio.gather(*others, return_exceptions=True)
    assert len(beats) == 3


async def test_one_without_a_limit_is_silent_and_a_fault_is_translated_as_ever() -> None:
    done = asyncio.Event()
    done.set()
    assert await environment(None).run(run, Call(done)) == "done"
    with pytest.raises(ApplicationError) as raised:
        await environment(SOON).run(run, Call(done, StripeUnavailable("away")))
    assert raised.value.type == "StripeUnavailable"


def test_a_dead_worker_is_noticed_before_a_try_is_over() -> None:
    assert timedelta(seconds=2) < DEAD_AFTER < timedelta(seconds=30)


async def test_what_the_carrier_does_not_sell_is_named_in_the_failure() -> None:
    """So that another parcel is created in its place, and this one is not found again under our reference."""
    done = asyncio.Event()
    done.set()
    call = Call(done, NoRate("it offers nothing that arrives within 2 days", "shp_at_carrier"))
    with pytest.raises(ApplicationError) as failed:
        await environment(None).run(run, call)
    assert failed.value.details == ("shp_at_carrier",)
    assert (failed.value.type, failed.value.non_retryable) == ("NoRate", True)
    assert is_final(_as_told(failed.value))


def _as_told(cause: ApplicationError) -> ActivityError:
    """As the workflow gets it."""
    error = ActivityError(
        "failed", scheduled_event_id=1, started_event_id=2, identity="", activity_type="labels.buy", activity_id="1",
        retry_state=None,
    )  # fmt: skip
    error.__cause__ = cause
    return error
