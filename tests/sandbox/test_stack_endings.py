"""However the supervisor or a child ends, no process of the stack is left."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sandbox.reaper import ROOT, is_gone

pytestmark = pytest.mark.stack


@pytest.fixture
def data() -> Iterator[Path]:
    """Not `tmp_path`: every pytest session closes its parent to other users, such as PostgreSQL's."""
    with tempfile.TemporaryDirectory(prefix="milepost-test-", ignore_cleanup_errors=True) as path:
        yield Path(path)


SUPERVISOR = """
import json, signal, sys
from pathlib import Path
from sandbox.stack import Stack, StackOptions
# Where these tests are run in a shell's background, Ctrl-C is ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
with Stack(StackOptions(data=data, setup=(), processes=frozenset({"postgres", "temporal"}))) as stack:
    pids = {name: stack.pid(name) for name in stack.names}
    print(json.dumps(pids | {"data": str(stack.links.data)}), flush=True)
    stack.wait()
print("left in order", flush=True)
"""


@contextmanager
def supervisor(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A supervisor of its own, in a session of its own, that waits; killed at the end if it still lives."""
    with subprocess.Popen(
        (sys.executable, "-c", SUPERVISOR, *arguments), cwd=ROOT, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def first_words(process: subprocess.Popen[str]) -> dict[str, str | int]:
    """What it says when everything runs."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    words: dict[str, str | int] = json.loads(line) if line else pytest.fail(process.stderr.read())
    return words


def left(family: list[psutil.Process], within: float) -> list[psutil.Process]:
    """Who of the family still lives after so many seconds."""
    deadline = time.monotonic() + within
    while (living := [each for each in family if not is_gone(each)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return living


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(number: signal.Signals, data: Path) -> None:
    with supervisor(str(data)) as process:
        first_words(process)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 5  # the reaper, Temporal, PostgreSQL and its own
        time.sleep(0.3)  # from its first words to `wait()`
        os.killpg(process.pid, number)  # as a terminal does: to the whole foreground group
        output, errors = process.communicate(timeout=15)
        assert (process.returncode, output, errors) == (0, "left in order\n", "")
        assert left(family, within=0.5) == []
    assert "database system is shut down" in (data / "logs" / "postgres.log").read_text()


def test_a_killed_supervisor_leaves_no_process_and_no_temporary_directory() -> None:
    with supervisor() as process:
        data = Path(str(first_words(process)["data"]))
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        assert left(family, within=8) == []
        assert not data.exists()


@pytest.mark.parametrize("after", [0.25, 0.45, 0.7])
def test_a_supervisor_killed_while_it_starts_leaves_no_process(after: float, data: Path) -> None:
    with supervisor(str(data)) as process:
        time.sleep(after)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        assert left(family, within=8) == []
    named = [each for each in psutil.process_iter(["cmdline"]) if str(data) in str(each.info["cmdline"])]
    assert left(named, within=2) == []


def test_a_directory_can_be_used_at_once_after_its_supervisor_was_killed(data: Path) -> None:
    with supervisor(str(data)) as process:
        first_words(process)
        process.kill()
        with supervisor(str(data)) as another:
            assert first_words(another)["postgres"]
            time.sleep(0.3)  # from its first words to `wait()`
            another.send_signal(signal.SIGTERM)
            assert another.wait(15) == 0


@pytest.mark.parametrize("victim", ["temporal", "postgres"])
def test_a_killed_child_brings_the_stack_down_and_is_named(victim: str, data: Path) -> None:
    with supervisor(str(data)) as process:
        words = first_words(process)
        family = psutil.Process(process.pid).children(recursive=True)
        os.kill(int(words[victim]), signal.SIGKILL)
        _, errors = process.communicate(timeout=15)
        assert process.returncode == 1
        assert f"{victim} died with exit code -9 (SIGKILL)" in errors
        assert left(family, within=2) == []


def test_ctrl_c_while_it_starts_ends_it_cleanly(data: Path) -> None:
    with supervisor(str(data)) as process:
        time.sleep(0.6)
        deadline = time.monotonic() + 20
        while not (family := psutil.Process(process.pid).children(recursive=True)):
            assert time.monotonic() < deadline  # a slow machine is still importing
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode in {0, -signal.SIGINT}  # 0 if it was quick enough to wait already
        assert "ProcessDied" not in errors
        assert left(family, within=5) == []


def test_a_second_ctrl_c_makes_the_ending_short(data: Path) -> None:
    with supervisor(str(data)) as process:
        first_words(process)
        family = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.3)  # from its first words to `wait()`
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=5) == ("left in order\n", "")
        assert left(family, within=0.5) == []
