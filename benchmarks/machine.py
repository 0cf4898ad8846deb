"""What saved figures belong to: the machine, and the commit; and what processes took of it."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil


def about() -> dict[str, Any]:
    """The machine and the commit. Asked before anything is started: `load_before` is the load of one minute."""
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    asked = ("git", "describe", "--always", "--dirty")
    commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "commit": commit or "?",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} x {cpu}, {platform.machine()}",
        "load_before": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def processor_seconds(whole: psutil.Process) -> float:
    """What a process and its children have taken so far; PostgreSQL's ended sessions count with their parent."""
    spent = whole.cpu_times()
    own = spent.user + spent.system + spent.children_user + spent.children_system
    for one in whole.children(recursive=True):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        own += times.user + times.system
    return own
