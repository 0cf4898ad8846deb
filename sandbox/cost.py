"""Counts exactly what an order costs Temporal, from the histories of its workflows."""

from collections import Counter
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

_LOCAL = "local activities"
_LOCAL_MARKER = "core_local_activity"
_COUNTED = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: "workflow tasks",
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "activities",
    EventType.EVENT_TYPE_MARKER_RECORDED: _LOCAL,
    EventType.EVENT_TYPE_TIMER_STARTED: "timers",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "signals",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "updates",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search-attribute upserts",
}
_BILLED_EACH = ("activities", "timers", "signals", "updates", "search-attribute upserts")
BILLABLE = "billable actions"
BYTES = "history bytes"
KINDS = ("history events", *_COUNTED.values(), BILLABLE, BYTES)


@dataclass(frozen=True)
class Cost:
    """What one workflow has cost so far. `counts` has a number for each of `KINDS`.

    Billable as Temporal Cloud counts its actions (docs.temporal.io/cloud/actions): a start is one, a child's start two,
    each activity, timer, signal received, update and upsert one, all local activities of one workflow task one.
    """

    workflow_id: str
    counts: dict[str, int]


async def cost_of(client: Client, workflow_id: str) -> Cost:
    """Count a workflow's history, event by event."""
    counts: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    handle = client.get_workflow_handle(workflow_id)
    local_tasks = set[int]()
    async for event in handle.fetch_history_events():
        counts["history events"] += 1
        kind = _COUNTED.get(event.event_type)
        if kind == _LOCAL and event.marker_recorded_event_attributes.marker_name != _LOCAL_MARKER:
            kind = None
        if kind is not None:
            counts[kind] += 1
            counts[BILLABLE] += kind in _BILLED_EACH
        if kind == _LOCAL:
            local_tasks.add(event.marker_recorded_event_attributes.workflow_task_completed_event_id)
        counts[BILLABLE] += _of_start(event)
    counts[BILLABLE] += len(local_tasks)
    seen = await handle.describe()
    counts[BYTES] = seen.raw_description.workflow_execution_info.history_size_bytes
    return Cost(workflow_id, dict(counts))


def _of_start(event: HistoryEvent) -> int:
    if event.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        return 0
    started = event.workflow_execution_started_event_attributes
    return 2 if started.parent_workflow_execution.workflow_id else 1
