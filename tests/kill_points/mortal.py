"""`python -m tests.kill_points.mortal`: the real worker, which dies at one point, as by SIGKILL from outside.

`KILL_POINT=name/point`: `name` is an activity's (`payments.authorize`) or a step of a workflow (`Checkout run`,
`Order signal shipment_news`). The points:

- `before`: the step has not begun;
- `between`: its effect has happened (Stripe has answered, the transaction is committed), and Temporal does not know;
- `after`: Temporal has just been told.

It dies once: `KILL_MARK` is a file that it makes before, and where it is, nobody dies. `KILL_TRACE` is a file to which
each step's name is written instead.
"""

import asyncio
import functools
import os
import signal
from pathlib import Path
from typing import Any

import uvloop
from temporalio import activity, workflow
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

import worker
from activities.carriers import CarrierActivities, TrackingActivities
from activities.journal import JournalActivities
from activities.payments import PaymentActivities
from activities.shipping import ShippingActivities

REPORTED_AFTER_SECONDS = 0.05
"""A completion that was handed to the SDK has reached the server by then."""

_POINT = os.environ.get("KILL_POINT", "")
_MARK, _TRACE = os.environ.get("KILL_MARK", ""), os.environ.get("KILL_TRACE", "")


def die() -> None:
    """At once, with no chance to say anything; only the first time."""
    try:
        os.close(os.open(_MARK, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def step(name: str, point: str) -> bool:
    """Whether the worker is to die here."""
    if _TRACE and point == "before":
        with Path(_TRACE).open("a") as trace:
            trace.write(name + "\n")
    return f"{name}/{point}" == _POINT


INNER = (
    (CarrierActivities, ("create", "buy", "void")),
    (TrackingActivities, ("record_created",)),
    (ShippingActivities, ("record_label", "record_handover")),
    (JournalActivities, ("begin_capture",)),
    (PaymentActivities, ("capture",)),
)
"""What `labels.buy` and `shipping.leave` are made of: each step of theirs has the points of an activity of its own."""


def put_points_inside() -> None:
    """Around each of `INNER`, whoever calls it."""
    for owner, names in INNER:
        for name in names:
            setattr(owner, name, _with_points(getattr(owner, name)))


def _with_points(method: Any) -> Any:
    name = activity._Definition.must_from_callable(method).name  # as tests/test_worker.py

    @functools.wraps(method)
    async def wrapped(self: Any, asked: Any) -> Any:
        if step(str(name), "before"):
            die()
        result = await method(self, asked)
        if step(str(name), "between"):
            die()
        if step(str(name), "after"):
            asyncio.get_running_loop().call_later(REPORTED_AFTER_SECONDS, die)
        return result

    return wrapped


class Mortality(Interceptor):
    """Puts the points around every activity, and before every step of a workflow."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """As the SDK asks."""
        return _Activities(next)

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002
    ) -> type[WorkflowInboundInterceptor]:
        """As the SDK asks."""
        return _Workflows


class _Activities(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        name = activity.info().activity_type
        if step(name, "before"):
            die()
        result = await super().execute_activity(input)
        if step(name, "between"):
            die()
        if step(name, "after"):
            asyncio.get_running_loop().call_later(REPORTED_AFTER_SECONDS, die)
        return result


class _Workflows(WorkflowInboundInterceptor):
    """A workflow's step has one point: it begins. What follows it in the same task is lost with it."""

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002
        self._reach("run")
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002
        self._reach(f"signal {input.signal}")
        await super().handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002
        self._reach(f"update {input.update}")
        return await super().handle_update_handler(input)

    def _reach(self, what: str) -> None:
        if not workflow.unsafe.is_replaying() and step(f"{workflow.info().workflow_type} {what}", "before"):
            die()


if __name__ == "__main__":
    put_points_inside()
    uvloop.run(worker.main(Mortality()))
