"""A child process: its health, its end, its last words, and that the reaper misses none."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.ports import FRIENDLY, choose, is_free
from sandbox.processes import Aborted, PortTaken, Process, ProcessDied, Spec, answers
from sandbox.reaper import Reaper, is_gone, tree

Make = Callable[..., Process]

NEVER = threading.Event()
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);print('up', flush=True); time.sleep(60)"
PARENT = (
    "import subprocess, sys, time;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True);"
    "print('up', flush=True); time.sleep(60)"
)


@pytest.fixture
def reaper(tmp_path: Path) -> Iterator[Reaper]:
    with (tmp_path / "lock").open("w") as lock:
        made = Reaper(lock=lock.fileno(), log=tmp_path / "reaper.log", env={}, temporary=None)
        yield made
        if made.poll() is None:
            made.close()


@pytest.fixture
def make(reaper: Reaper, tmp_path: Path) -> Iterator[Make]:
    made: list[Process] = []

    def of(code: str, *, says: str | None = None, **more: object) -> Process:
        log = tmp_path / "child.log"
        ready = (lambda: says in log.read_text()) if says else None
        spec = Spec("child", (sys.executable, "-c", code), {}, log, ready=ready, **more)  # type: ignore[arg-type]
        made.append(Process(spec, reaper))
        return made[-1]

    yield of
    for process in made:
        process.kill()


def gone(processes: list[psutil.Process], within: float = 5.0) -> bool:
    """Whether all end within so many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if all(is_gone(process) for process in processes):
            return True
        time.sleep(0.02)
    return False


def test_it_is_the_process_itself_and_no_shell_around_it(make: Make) -> None:
    process = make("import os, time; print(os.getpid(), os.getsid(0), flush=True); time.sleep(60)", says="\n")
    process.start(NEVER)
    pid, session = process.spec.log.read_text().split()
    assert int(pid) == process.pid == int(session)


def test_an_early_death_names_the_exit_code_and_the_last_words(make: Make) -> None:
    process = make("import sys; print('no such database'); sys.exit(3)", says="never said")
    with pytest.raises(ProcessDied, match=r"child died with exit code 3; the end of .*child.log:\nno such database"):
        process.start(NEVER)


def test_a_taken_port_is_told_apart(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = make(f"import socket; socket.create_server(('127.0.0.1', {port}))", says="never said", port=port)
        with pytest.raises(PortTaken):
            process.start(NEVER)


def test_another_server_on_the_port_is_not_taken_for_ours(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        process = make("import time; print('up', flush=True); time.sleep(60)", says="up",
                       port=other.getsockname()[1], ready_within=0.5)  # fmt: skip
        with pytest.raises(ProcessDied, match=r"did not answer within 0.5 s"):
            process.start(NEVER)


def test_a_start_can_be_given_up(make: Make) -> None:
    abort = threading.Event()
    abort.set()
    with pytest.raises(Aborted):
        make("import time; time.sleep(60)", says="never said").start(abort)


def test_a_command_that_fails_says_so(make: Make) -> None:
    make("print('fine')").run(NEVER)
    with pytest.raises(ProcessDied, match=r"exit code 1"):
        make("raise SystemExit('no')").run(NEVER)


def test_a_stubborn_process_ends_by_force(make: Make) -> None:
    process = make(STUBBORN, says="up", stop=((signal.SIGTERM, 0.2),))
    process.start(NEVER)
    process.stop(threading.Event())
    assert process.exit_code() == -signal.SIGKILL
    process.raise_if_dead()  # it was asked to


def test_a_frozen_process_can_be_stopped(make: Make) -> None:
    process = make("import time; print('up', flush=True); time.sleep(60)", says="up")
    process.start(NEVER)
    process.freeze()
    process.stop(threading.Event())
    assert process.exit_code() == -signal.SIGTERM


def test_kill_reaches_descendants_in_other_sessions(make: Make) -> None:
    process = make(PARENT, says="up")
    process.start(NEVER)
    family = tree(psutil.Process(process.pid))
    assert len(family) == 2
    process.kill()
    assert all(is_gone(member) for member in family)


def test_a_death_nobody_asked_for_is_noticed_and_named_by_its_signal(make: Make) -> None:
    process = make("import time; print('up', flush=True); time.sleep(60)", says="up")
    process.start(NEVER)
    psutil.Process(process.pid).kill()
    while process.pid is not None:
        time.sleep(0.01)
    with pytest.raises(ProcessDied, match=r"exit code -9 \(SIGKILL\)"):
        process.raise_if_dead()


def test_the_reaper_ends_whatever_is_left_frozen_and_stubborn_alike(reaper: Reaper, make: Make) -> None:
    parent, frozen, stubborn = make(PARENT, says="up"), make(PARENT, says="up"), make(
        STUBBORN, says="up", stop=((signal.SIGTERM, 0.3),)
    )  # fmt: skip
    for process in (parent, frozen, stubborn):
        process.spec.log.unlink(missing_ok=True)
        process.start(NEVER)
    left = [member for process in (parent, frozen, stubborn) for member in tree(psutil.Process(process.pid))]
    assert len(left) == 5
    frozen.freeze()
    reaper.close()  # the same end of the pipe that the supervisor's death makes
    assert gone(left, within=0.5)


def test_the_reaper_ignores_what_the_terminal_sends(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        reaper = Reaper(lock=lock.fileno(), log=tmp_path / "log", env={}, temporary=None)
        child = psutil.Process(reaper.pid)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        assert reaper.poll() is None
        reaper.close()
        assert reaper.poll() == 0


def test_ports_are_free_and_different() -> None:
    chosen = choose(("api-1", "api-2", "stripe"), prefer_friendly=False)
    assert len(set(chosen.values())) == 3
    assert all(map(is_free, chosen.values()))


def test_the_expected_port_is_used_unless_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = choose(("stripe",), prefer_friendly=False)["stripe"]
    monkeypatch.setitem(FRIENDLY, "stripe", expected)
    assert choose(("stripe",), prefer_friendly=True) == {"stripe": expected}
    with socket.create_server(("127.0.0.1", expected)):
        assert choose(("stripe",), prefer_friendly=True)["stripe"] != expected


def test_a_health_check_goes_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with subprocess.Popen(
        (sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"),
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().split("port ")[1].split()[0]
        assert answers(f"http://127.0.0.1:{port}/") is not None
        assert answers(f"http://127.0.0.1:{port}/nothing-here") is None
        server.kill()
    assert answers(f"http://127.0.0.1:{port}/") is None
