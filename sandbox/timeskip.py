"""Moves the time of one workflow on the development server, so that nobody waits for a reservation to expire."""

from temporalio.api.common.v1 import TimeSkippingConfig, WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client


async def skip_time(client: Client, workflow_id: str) -> None:
    """Let a running workflow's timers fire at once. Its own clock goes through every second it skips."""
    request = UpdateWorkflowExecutionOptionsRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=TimeSkippingConfig(enabled=True)),
    )
    request.update_mask.paths.append("time_skipping_config")
    await client.workflow_service.update_workflow_execution_options(request)
