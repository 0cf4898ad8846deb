"""The worker: everything that the rooms define is in it, under pinned names, and it lets work end before it stops."""

import ast
import dataclasses
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

import activities
import workflows
from activities.failures import FINAL, FailureInterceptor
from gateways.accounts import carriers_of, stripe_of
from gateways.temporal import data_converter
from models.database import Database
from sandbox.stack import Stack, StackOptions
from settings import Serves, Settings
from worker import ORDER_TASKS, WORKFLOW_TASKS, WORKFLOWS, build, queues_of, workflow_runner, workflows_of
from workflows.by_hand import ByHandInterceptor
from workflows.checkout import CheckoutWorkflow
from workflows.pinned import PinnedCheckoutWorkflow
from workflows.policies import FINAL_FAILURES

pytestmark = pytest.mark.stack

SETTINGS = {
    "database_url": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
    "stripe_api_key": "sk_test_none",
    "carrier_api_base": "http://127.0.0.1:1",
    "carrier_api_key": "none",
}


@pytest.fixture(scope="module")
async def worker() -> AsyncIterator[Worker]:
    """The one of production, with default settings, before it runs."""
    settings = Settings.model_validate(SETTINGS)
    database, stripe, carriers = Database(SETTINGS["database_url"]), stripe_of(settings), carriers_of(settings)
    with Stack(StackOptions(processes=frozenset({"temporal"}), setup=())) as stack:
        client = await Client.connect(stack.links.temporal_address, data_converter=data_converter)
        yield build(client, settings, database, stripe, carriers)[0]
    await stripe.close()
    await carriers.close()
    await database.close()


def modules(room: ModuleType) -> Iterator[ModuleType]:
    """Every file of a room."""
    for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        yield importlib.import_module(found.name)


def defined_activities() -> dict[str, Callable[..., Any]]:
    """Every activity of the room, by its qualified name."""
    return {
        f"{module.__name__}.{method.__qualname__}": method
        for module in modules(activities)
        for owner in (module, *vars(module).values())
        if owner is module or (inspect.isclass(owner) and owner.__module__ == module.__name__)
        for method in vars(owner).values()
        if inspect.isfunction(method)
        and method.__module__ == module.__name__
        and hasattr(method, "__temporal_activity_definition")
    }


def defined_workflows() -> set[type]:
    """Every workflow of the room."""
    return {
        one
        for module in modules(workflows)
        for one in vars(module).values()
        if inspect.isclass(one) and hasattr(one, "__temporal_workflow_definition")
    }


def name_of(method: Callable[..., Any]) -> str:
    """As Temporal knows it."""
    return str(getattr(method, "__temporal_activity_definition").name)  # else the class mangles it


DEFINED = defined_activities()
TOLD_NOTHING = {"reconciliation.tenants"}
"""Activities that ask for all there is."""

every_activity = pytest.mark.parametrize("method", DEFINED.values(), ids=name_of)


def test_work_under_way_may_end(worker: Worker) -> None:
    assert worker.config()["graceful_shutdown_timeout"] > timedelta(0)


def test_a_killed_worker_has_little_in_hand(worker: Worker) -> None:
    assert 2 <= (worker.config()["max_concurrent_workflow_tasks"] or 100) <= 16


def test_a_process_serves_both_queues_or_one() -> None:
    everything = Settings.model_validate(SETTINGS | {"MILEPOST_TASK_QUEUE": "shop"})
    assert queues_of(everything) == {"shop": WORKFLOW_TASKS, "shop-orders": ORDER_TASKS}
    assert 2 <= ORDER_TASKS < WORKFLOW_TASKS, "Temporal keeps no workflow in memory with less than two"
    one = {kind: queues_of(everything.model_copy(update={"worker_serves": kind})) for kind in Serves}
    assert one[Serves.CHECKOUTS] == {"shop": WORKFLOW_TASKS}
    assert one[Serves.ORDERS] == {"shop-orders": WORKFLOW_TASKS}


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel compares processes, not sessions")
@pytest.mark.parametrize("alone", [True, False], ids=["a session of its own", "its starter's session"])
def test_a_process_gives_way_as_a_whole_where_it_is_alone(alone: bool) -> None:
    seen = "print(os.nice(0), *open('/proc/self/autogroup').read().split()[-1:])"
    command = [sys.executable, "-c", f"import os, worker; worker.give_way(7); {seen}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=alone).stdout.split()
    ours = Path("/proc/self/autogroup").read_text().split()[-1:]  # empty for a service, which is in no autogroup
    assert said == [str(os.nice(0) + 7), *(["7"] if alone else ours)]


async def test_every_activity_of_the_room_is_registered(worker: Worker) -> None:
    registered = [one.__func__ for one in worker.config()["activities"]]  # type: ignore[attr-defined]
    assert len(DEFINED) >= 20
    assert set(registered) == set(DEFINED.values())
    assert len(registered) == len(set(registered))


async def test_every_workflow_of_the_room_is_registered(worker: Worker) -> None:
    assert set(worker.config()["workflows"]) == set(WORKFLOWS) == defined_workflows() - {PinnedCheckoutWorkflow}
    versioned = workflows_of(Settings.model_validate(SETTINGS).model_copy(update={"worker_build": "1"}))
    assert set(WORKFLOWS) ^ set(versioned) == {CheckoutWorkflow, PinnedCheckoutWorkflow}


async def test_it_runs_as_replay_does(worker: Worker) -> None:
    config = worker.config()
    assert [type(one) for one in config["interceptors"]] == [FailureInterceptor, ByHandInterceptor]
    assert isinstance(config["workflow_task_poller_behavior"], PollerBehaviorAutoscaling)
    assert isinstance(config["activity_task_poller_behavior"], PollerBehaviorAutoscaling)
    assert config["client"].data_converter is data_converter
    assert type(config["workflow_runner"]) is type(workflow_runner())


def test_names_are_pinned_plain_and_used_once() -> None:
    names = [name_of(method) for method in DEFINED.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", name) for name in names)
    workflow_names = [str(vars(one)["__temporal_workflow_definition"].name) for one in WORKFLOWS]
    assert sorted(workflow_names) == [
        "AbandonedCheckout", "Checkout", "Dispute", "DropLine", "Erasure", "Housekeeping", "Membership", "Order",
        "Reconciliation", "Refund", "Return", "Shipment", "Sweeper",
    ]  # fmt: skip


def test_a_pinned_name_stands_in_the_decorator() -> None:
    """A name that follows the function's would change with it, under running workflows."""
    for room, kind in ((activities, "activity"), (workflows, "workflow")):
        for module in modules(room):
            tree = ast.parse(Path(str(module.__file__)).read_text())
            for node in ast.walk(tree):
                for decorator in getattr(node, "decorator_list", []):
                    text = ast.unparse(decorator)
                    if text.startswith((f"{kind}.defn", f"{kind}.signal")):
                        assert "name=" in text, f"{module.__name__}: {text}"


@every_activity
def test_an_activity_takes_one_frozen_message(method: Callable[..., Any]) -> None:
    """So that a field can be added without another signature."""
    assert inspect.iscoroutinefunction(method)
    assert (method.__doc__ or "").strip()
    _, *asked = inspect.signature(method).parameters
    if name_of(method) in TOLD_NOTHING:
        assert asked == []
        return
    assert len(asked) == 1
    message = get_type_hints(method)[asked[0]]
    assert dataclasses.is_dataclass(message)
    assert message.__dataclass_params__.frozen  # type: ignore[union-attr]  # what @dataclass leaves behind
    assert message.__module__.startswith("domain.")


def test_final_failures_are_one_list() -> None:
    """What the interceptor ends, the retry policies do not try again."""
    assert {kind.__name__ for kind in FINAL} == set(FINAL_FAILURES)
