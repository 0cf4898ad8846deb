"""A small workflow around `Saga` that does what a plan says, so that each test can make another step go wrong."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from workflows.saga import Saga


@dataclass(frozen=True)
class Step:
    """An act. `how`: works, refused, times_out or hangs; `undo`: at_once or waits until it is let."""

    name: str
    how: str = "works"
    undo: str = "at_once"


@dataclass(frozen=True)
class Plan:
    """What a workflow does. `end`: well, refused, sleeps or bug; with `keep` the line is passed before that end."""

    steps: tuple[Step, ...]
    end: str = "well"
    keep: bool = False
    local_undo: bool = False


class Acts:
    """The activities, and what they did in this process."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.reasons: list[str] = []
        self.undo_fails = Counter[str]()
        """So many times an undo fails before it works."""
        self.let = asyncio.Event()

    @activity.defn(name="plan.act")
    async def act(self, step: Step) -> None:
        """Do it, or fail as the step says; either way something has happened outside."""
        self.log.append(f"do {step.name}")
        if step.how == "refused":
            raise ApplicationError("refused", type="Refused", non_retryable=True)
        if step.how in ("times_out", "hangs"):
            await asyncio.sleep(3600)

    @activity.defn(name="plan.undo")
    async def undo(self, step: Step) -> None:
        """Undo it."""
        if step.undo == "waits":
            self.log.append(f"undoing {step.name}")
            await self.let.wait()
        if self.undo_fails[step.name]:
            self.undo_fails[step.name] -= 1
            raise ConnectionError("away")
        self.log.append(f"undo {step.name}")

    @activity.defn(name="plan.reason")
    async def reason(self, kind: str) -> None:
        """What an undo was told."""
        self.reasons.append(kind)


@workflow.defn(name="Plan")
class PlanWorkflow:
    """Each step with its undo registered before it, as ours do."""

    @workflow.run
    async def run(self, plan: Plan) -> str:
        """The steps, the line, the end."""
        self._plan = plan
        async with Saga() as saga:
            for step in plan.steps:
                saga.on_failure(partial(self._undo, step))
                await self._do(step)
            if plan.keep:
                saga.keep()
            if plan.end == "refused":
                raise ApplicationError("refused", type="Refused", non_retryable=True)
            if plan.end == "bug":
                raise RuntimeError("a bug in our own code")
            if plan.end == "sleeps":
                await workflow.sleep(timedelta(hours=1))
        return "done"

    async def _do(self, step: Step) -> None:
        await workflow.execute_activity_method(
            Acts.act,
            step,
            start_to_close_timeout=timedelta(milliseconds=300) if step.how == "times_out" else timedelta(hours=1),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )

    async def _undo(self, step: Step, error: BaseException) -> None:
        patient = RetryPolicy(initial_interval=timedelta(milliseconds=20), backoff_coefficient=1)
        minute = timedelta(minutes=1)
        if self._plan.local_undo:
            await workflow.execute_local_activity_method(
                Acts.undo, step, start_to_close_timeout=minute, retry_policy=patient
            )
        else:
            await workflow.execute_activity_method(Acts.undo, step, start_to_close_timeout=minute, retry_policy=patient)
        kind = type(error).__name__
        await workflow.execute_local_activity_method(Acts.reason, kind, start_to_close_timeout=minute)
