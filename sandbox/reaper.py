"""Leaves no orphan: a process of its own that ends what a dead supervisor left running.

The supervisor holds the writing end of a pipe, the reaper reads the other. A child writes its own process id
into the pipe before it becomes the server it is to be, so there is no moment at which a server runs and the
reaper does not know. When the pipe ends, because the supervisor has gone in whatever way, everything still
listed is stopped. The reaper also holds the lock of the data directory: the next stack may have it when
nothing of this one is left.

Lines of the pipe: `+ PID SIGNAL:SECONDS[,SIGNAL:SECONDS…] NAME`, `- PID`, `temporary PATH`.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent

Steps = tuple[tuple[signal.Signals, float], ...]
"""How to ask a process to end: signals, each with the seconds before the next; SIGKILL comes after them."""

PATIENCE = 3.0
"""Seconds the reaper gives a step at most: nobody is left whom a slow ending would serve."""

DEAF = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""What a terminal or a service manager sends to all processes at once."""

# The shell becomes the server, which keeps its process id; standard input is the reaper's pipe until then.
REGISTER = ("/bin/sh", "-c", 'echo "+ $$ $0" >&0 && exec "$@" </dev/null')


def line_of(steps: Steps, name: str) -> str:
    """What a child says of itself behind its process id."""
    return ",".join(f"{int(number)}:{seconds}" for number, seconds in steps) + f" {name}"


def tree(process: psutil.Process) -> list[psutil.Process]:
    """The process and its descendants. A group is not enough: PostgreSQL's children have their own."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def is_gone(process: psutil.Process) -> bool:
    """Whether the process has ended; one that only waits for its parent to ask for its exit code has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def signal_all(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each that still is what it was; a reused process id is left alone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


class Reaper:
    """The supervisor's end. Raises `OSError` where no process can be started."""

    def __init__(self, *, lock: int, log: Path, env: Mapping[str, str], temporary: Path | None) -> None:
        self._closed = False
        reading, self.pipe = os.pipe()
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, DEAF)  # inherited: the reaper is deaf before it runs
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    (sys.executable, "-m", "sandbox.reaper"),
                    stdin=reading, stdout=output, stderr=output, pass_fds=(lock,),
                    cwd=ROOT, env=dict(env), start_new_session=True,
                )  # fmt: skip
        except OSError:
            os.close(self.pipe)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
            os.close(reading)
        if temporary is not None:
            self._write(f"temporary {temporary}\n")

    def forget(self, pid: int) -> None:
        """The process has ended and its id may soon be another's."""
        self._write(f"- {pid}\n")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """The reaper's own exit code, `None` while it watches."""
        return self._process.poll()

    def close(self, within: float = 20.0) -> None:
        """Let it end what is left and go; waits `within` seconds for that."""
        if not self._closed:
            self._closed = True
            os.close(self.pipe)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)

    def _write(self, line: str) -> None:
        if not self._closed:
            with suppress(BrokenPipeError):
                os.write(self.pipe, line.encode())


def watch(lines: Iterable[str]) -> None:
    """Keep the list until the lines end, then stop everything on it and remove a temporary directory."""
    listed: dict[int, tuple[psutil.Process, Steps]] = {}
    temporary: str | None = None
    for line in lines:
        match line.rstrip("\n").split(" ", 3):
            case ["+", pid, steps, _]:
                with suppress(psutil.NoSuchProcess):
                    listed[int(pid)] = (psutil.Process(int(pid)), _steps(steps))
            case ["-", pid]:
                listed.pop(int(pid), None)
            case ["temporary", *path]:
                temporary = " ".join(path)
    if not listed:
        return
    _end(list(listed.values()))
    if temporary is not None:
        shutil.rmtree(temporary, ignore_errors=True)


def _steps(text: str) -> Steps:
    pairs = (pair.split(":") for pair in text.split(","))
    return tuple((signal.Signals(int(number)), float(seconds)) for number, seconds in pairs)


def _end(left: list[tuple[psutil.Process, Steps]]) -> None:
    everything = [member for process, _ in left for member in tree(process)]
    for turn in range(max(len(steps) for _, steps in left)):
        running = [(process, steps[turn]) for process, steps in left if turn < len(steps)]
        running = [(process, step) for process, step in running if not is_gone(process)]
        for process, (number, _) in running:
            signal_all([process], number)
        signal_all(everything, signal.SIGCONT)  # a frozen process hears nothing else
        begun = time.monotonic()
        while any(
            time.monotonic() < begun + min(PATIENCE, seconds) and not is_gone(process)
            for process, (_, seconds) in running
        ):
            time.sleep(0.02)
    signal_all((process for process in everything if not is_gone(process)), signal.SIGKILL)


if __name__ == "__main__":
    watch(sys.stdin)
