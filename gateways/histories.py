"""Reads a workflow's history: who, as Temporal knows them, sent it an update or a signal."""

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client

from domain.acts import MARK, ActByHand

_PAGE = 200


async def sender_of(client: Client, act: ActByHand) -> str | None:
    """The identity that came with it, newest event first; None when there is none, or the event is not found.

    Raises `RPCError` when Temporal cannot be asked.
    """
    asked = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=act.workflow_id, run_id=act.run_id),
        maximum_page_size=_PAGE,
    )
    while True:
        page = await client.workflow_service.get_workflow_execution_history_reverse(asked, retry=True)
        for event in page.history.events:
            if (identity := _identity(event, act)) is not None:
                return identity or None
        if not page.next_page_token:
            return None
        asked.next_page_token = page.next_page_token


def _identity(event: HistoryEvent, act: ActByHand) -> str | None:
    if act.update_id is not None:
        meta = event.workflow_execution_update_accepted_event_attributes.accepted_request.meta
        return meta.identity if meta.update_id == act.update_id else None
    signal = event.workflow_execution_signaled_event_attributes
    return signal.identity if signal.signal_name == act.name and MARK not in signal.header.fields else None
