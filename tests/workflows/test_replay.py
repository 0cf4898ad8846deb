"""Replays kept histories on today's workflows: a change that would break a running order fails here, before it ships.

`python -m tests.workflows.record` records them anew; see there for when that is right.
"""

import base64
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from activities.failures import FailureInterceptor
from gateways.temporal import data_converter
from tests.workflows.changed import CHANGED
from tests.workflows.record import HISTORIES
from worker import WORKFLOWS, workflow_runner
from workflows.by_hand import ByHandInterceptor

FILES = sorted(HISTORIES.glob("*.json"))

every_history = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def replayer(workflows: Sequence[type]) -> Replayer:
    """As the worker runs them."""
    return Replayer(
        workflows=workflows,
        data_converter=data_converter,
        interceptors=[FailureInterceptor(), ByHandInterceptor()],
        workflow_runner=workflow_runner(),
    )


def history(file: Path) -> WorkflowHistory:
    """As it was kept, under the id it had."""
    events = json.loads(file.read_text())
    started = events["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], events)


def scenes(file: Path) -> dict[str, Any]:
    """What kind of workflow it was, and how it ended."""
    events = json.loads(file.read_text())["events"]
    return {
        "type": events[0]["workflowExecutionStartedEventAttributes"]["workflowType"]["name"],
        "end": events[-1]["eventType"],
    }


def readable(file: Path) -> str:
    """The file with its payloads as text."""
    text = file.read_text()
    payloads = re.findall(r'"data": "([A-Za-z0-9+/=]+)"', text)
    return text + "\n".join(base64.b64decode(payload).decode(errors="replace") for payload in payloads)


@every_history
async def test_today_it_would_go_the_same_way(file: Path) -> None:
    await replayer(WORKFLOWS).replay_workflow(history(file))


@every_history
async def test_a_timer_more_is_noticed(file: Path) -> None:
    """So that the test above is known to be able to fail."""
    with pytest.raises(NondeterminismError):
        await replayer(CHANGED).replay_workflow(history(file))


def test_every_workflow_has_histories_of_its_ends() -> None:
    kinds = [scenes(file)["type"] for file in FILES]
    assert set(kinds) == {"Checkout", "DropLine", "Membership", "Order", "Refund", "Return", "Shipment"}
    assert kinds.count("Checkout") >= 5
    ends = {file.stem: scenes(file)["end"] for file in FILES}
    assert ends.pop("membership_goes_on_in_a_new_run") == "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
    assert set(ends.values()) == {"EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"}


@every_history
def test_a_history_tells_nothing_of_a_person_or_a_machine(file: Path) -> None:
    text = readable(file)
    assert not re.search(r"(?<![\w.:/])/(home|root|tmp|usr|work|Users|opt|private|var)/", text)
    assert set(re.findall(r"[\w.+-]+@(?!recorded\b)[\w.-]+", text)) <= {"shopper@example.com"}
    assert set(re.findall(r"\"line1\":\"([^\"]+)", text)) <= {"1 Example Street", "4 Via Tornabuoni"}
    assert set(re.findall(r"https?://([\w.-]+)", text)) <= {"127.0.0.1"}
    assert file.stat().st_size < 160_000
