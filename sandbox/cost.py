"""Counts exactly what an order costs Temporal, from the histories of its workflows."""

from collections import Counter
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

_COUNTED = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: "workflow tasks",
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "activities",
    EventType.EVENT_TYPE_MARKER_RECORDED: "local activities",
    EventType.EVENT_TYPE_TIMER_STARTED: "timers",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "signals",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "updates",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search-attribute upserts",
}
KINDS = ("history events", *_COUNTED.values())


@dataclass(frozen=True)
class Cost:
    """What one workflow has cost so far."""

    workflow_id: str
    counts: dict[str, int]


async def cost_of(client: Client, workflow_id: str) -> Cost:
    """Count a workflow's history, event by event."""
    counts: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        counts["history events"] += 1
        if kind := _COUNTED.get(event.event_type):
            counts[kind] += 1
    return Cost(workflow_id, dict(counts))
