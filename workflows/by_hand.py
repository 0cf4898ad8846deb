"""Acts that come past our API land in the audit log: around every handler of every workflow, whoever writes the next.

What Milepost sends carries a mark (`domain.acts.MARK`); the API writes its own acts down itself. An update or a signal
without the mark came by hand: it is carried out, and then one activity looks up who sent it and writes the row.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import (
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    SignalChildWorkflowInput,
    SignalExternalWorkflowInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from activities.trail import TrailActivities
from domain.acts import MARK, ActByHand, said, tenant_of
from workflows.policies import DEAD_AFTER

_PATCH = "acts-by-hand"
_MARKED = {MARK: Payload(metadata={"encoding": b"binary/null"})}


class ByHandInterceptor(Interceptor):
    """Goes into every worker, and into whatever replays its histories."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002  # as the SDK asks
    ) -> type[WorkflowInboundInterceptor]:
        """As the SDK asks."""
        return _Watch


class _Mark(WorkflowOutboundInterceptor):
    """What one of our workflows tells another is not done by hand."""

    async def signal_child_workflow(self, input: SignalChildWorkflowInput) -> None:  # noqa: A002
        input.headers = {**input.headers, **_MARKED}
        await super().signal_child_workflow(input)

    async def signal_external_workflow(self, input: SignalExternalWorkflowInput) -> None:  # noqa: A002
        input.headers = {**input.headers, **_MARKED}
        await super().signal_external_workflow(input)


class _Watch(WorkflowInboundInterceptor):
    _acts = 0

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Mark(outbound))

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002
        if not self._by_hand(input.headers):
            return await super().handle_update_handler(input)
        at = workflow.now()
        try:
            answer = await super().handle_update_handler(input)
        except FailureError as failed:
            refused = isinstance(failed, ApplicationError)
            code = failed.type if isinstance(failed, ApplicationError) else None
            await self._write("update", input.update, input.args, input.id, at, 409 if refused else 500, code)
            raise
        await self._write("update", input.update, input.args, input.id, at, 200, None)
        return answer

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002
        at = workflow.now()
        await super().handle_signal(input)
        if self._by_hand(input.headers):
            await self._write("signal", input.signal, input.args, None, at, 200, None)

    @staticmethod
    def _by_hand(headers: Any) -> bool:
        return MARK not in headers and workflow.patched(_PATCH)

    async def _write(
        self, kind: str, name: str, args: Sequence[Any], update: str | None, at: Any, status: int, code: str | None
    ) -> None:
        here, message = workflow.info(), args[0] if args else None
        tenant = tenant_of(here.workflow_id)
        if tenant is None:
            return
        self._acts += 1
        act = ActByHand(
            tenant, here.workflow_id, here.run_id, self._acts, kind, name, at, status, code, update,
            said(message, "actor"), said(message, "reason"),
        )  # fmt: skip
        await workflow.execute_activity_method(
            TrailActivities.write,
            act,
            summary="Write down who did it",
            start_to_close_timeout=timedelta(seconds=30),
            heartbeat_timeout=DEAD_AFTER,
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
        )
