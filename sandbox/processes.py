"""One child process of the embedded stack: started, watched until healthy, signalled, its last words read."""

import http.client
import os
import pwd
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from sandbox.reaper import REGISTER, ROOT, Reaper, Steps, is_gone, line_of, signal_all, tree

TAIL_LINES = 20
PORT_TAKEN = "address already in use"
PAUSE = 0.02


class ProcessDied(RuntimeError):  # the fact, as `check()` reports it
    """A process of the stack ended, or never became healthy, when it should have lived.

    `exit_code` is negative for a signal, as in `subprocess`, and `None` when it runs but does not answer.
    """

    def __init__(self, name: str, exit_code: int | None, log: Path, tail: str, why: str | None = None) -> None:
        self.name, self.exit_code, self.log, self.tail = name, exit_code, log, tail
        what = why or f"died with {_exit_words(exit_code)}"
        end = f"; the end of {log}:\n{tail}" if tail else f"; its log is empty ({log})"
        super().__init__(f"{name} {what}{end}")


class PortTaken(ProcessDied):
    """It died because somebody else has its port; another port would do."""


class Aborted(Exception):  # nothing went wrong here: something else did, or Ctrl-C
    """The start was given up because the whole stack comes down."""


@dataclass(frozen=True)
class Spec:
    """How to start a process and how to tell that it is well. Durations are seconds."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    ready: Callable[[], bool] | None = None
    """Asked again and again; `None` for a command that runs to its end."""
    port: int | None = None
    """The process itself must listen here before `ready` counts: another server on the port might answer."""
    ready_within: float = 45.0
    stop: Steps = ((signal.SIGTERM, 10.0),)
    user: str | None = None
    """The system user to run as; only root may name one."""
    cwd: Path = ROOT
    before: Callable[[], None] | None = None
    """Done before every start."""


class Process:
    """A spec and the child that runs it now, if one does. `start` and `stop` may be repeated."""

    def __init__(self, spec: Spec, reaper: Reaper) -> None:
        self.spec = spec
        self.expected_to_run = False
        self._reaper = reaper
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the server itself, no shell or wrapper between; `None` when it does not run."""
        return self._child.pid if self._child is not None and self.exit_code() is None else None

    def exit_code(self) -> int | None:
        """Of the last child, `None` while it runs or when none was started."""
        child = self._child
        if child is None or child.returncode is not None:
            return None if child is None else child.returncode
        code = child.poll()
        if code is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)  # what it may have left in its group
            self._reaper.forget(child.pid)
        return code

    def start(self, abort: threading.Event) -> None:
        """Start it and wait until it is healthy. Raises `ProcessDied`, `PortTaken`, or `Aborted`."""
        if self.pid is not None:
            return
        self._spawn()
        self.expected_to_run = True
        deadline = time.monotonic() + self.spec.ready_within
        while not self._is_ready():
            self.raise_if_dead()
            if abort.is_set():
                raise Aborted
            if time.monotonic() > deadline:
                raise self._died(None, f"did not answer within {self.spec.ready_within:g} s")
            time.sleep(PAUSE)
        self.raise_if_dead()

    def run(self, abort: threading.Event, within: float = 120.0) -> None:
        """Run it to its end. Raises `ProcessDied` unless that is 0 within `within` seconds, or `Aborted`."""
        self._spawn()
        deadline = time.monotonic() + within
        try:
            while (code := self.exit_code()) is None:
                if abort.is_set():
                    raise Aborted
                if time.monotonic() > deadline:
                    raise self._died(None, f"did not end within {within:g} s")
                time.sleep(PAUSE)
        finally:
            self.kill()
        if code != 0:
            raise self._died(code)

    def stop(self, hurry: threading.Event) -> None:
        """End it as it likes to be ended, and by force when it takes too long or `hurry` is set."""
        self.expected_to_run = False
        family = self._family()
        for number, seconds in self.spec.stop:
            if hurry.is_set() or self.exit_code() is not None or self._child is None:
                break
            signal_all(family[:1], number)
            signal_all(family, signal.SIGCONT)  # a frozen process hears nothing else
            self._wait_end(seconds, hurry)
        self._kill(family)

    def kill(self) -> None:
        """SIGKILL to the process and to all its descendants, at once, as a lost machine would."""
        self.expected_to_run = False
        self._kill(self._family())

    def freeze(self) -> None:
        """SIGSTOP the process and its descendants, and wait until they stand still."""
        family = self._family()
        signal_all(family, signal.SIGSTOP)
        deadline = time.monotonic() + 2.0
        while not all(map(_stands_still, family)) and time.monotonic() < deadline:
            time.sleep(PAUSE)

    def thaw(self) -> None:
        """SIGCONT after `freeze`."""
        signal_all(self._family(), signal.SIGCONT)

    def raise_if_dead(self) -> None:
        """Raises `ProcessDied` when it should run and does not."""
        if self.expected_to_run and (code := self.exit_code()) is not None:
            raise self._died(code)

    def _spawn(self) -> None:
        spec = self.spec
        if spec.before is not None:
            spec.before()
        account = pwd.getpwnam(spec.user) if spec.user is not None else None
        with spec.log.open("ab") as log:
            self._child = subprocess.Popen(
                (*REGISTER, line_of(spec.stop, spec.name), *spec.argv),
                stdin=self._reaper.pipe, stdout=log, stderr=log, cwd=spec.cwd, env=dict(spec.env),
                start_new_session=True,
                umask=0o077,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=() if account else None,
            )  # fmt: skip

    def _is_ready(self) -> bool:
        pid = self.pid
        if self.spec.ready is None or pid is None:
            return pid is not None
        if self.spec.port is not None and not _listens(pid, self.spec.port):
            return False
        return self.spec.ready()

    def _family(self) -> list[psutil.Process]:
        try:
            return tree(psutil.Process(self.pid)) if self.pid is not None else []
        except psutil.NoSuchProcess:
            return []

    def _kill(self, family: list[psutil.Process]) -> None:
        signal_all((member for member in family if not is_gone(member)), signal.SIGKILL)
        self._wait_end(10.0, threading.Event())
        deadline = time.monotonic() + 5.0
        while not all(is_gone(member) for member in family) and time.monotonic() < deadline:
            time.sleep(PAUSE)

    def _wait_end(self, seconds: float, hurry: threading.Event) -> None:
        deadline = time.monotonic() + seconds
        while self._child is not None and self.exit_code() is None and time.monotonic() < deadline:
            if hurry.wait(PAUSE):
                return

    def _died(self, code: int | None, why: str | None = None) -> ProcessDied:
        tail = _tail(self.spec.log)
        taken = code is not None and PORT_TAKEN in tail.lower()
        kind = PortTaken if taken else ProcessDied
        return kind(self.spec.name, code, self.spec.log, tail, why=why)


def answers(url: str, within: float = 2.0) -> bytes | None:
    """The body of a 200 answer to GET, else `None`. Straight to the server, whatever proxy is set."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=within)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path or "/")
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == 200 else None


def _listens(pid: int, port: int) -> bool:
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # not ours to see; the health check alone has to do
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)


def _stands_still(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_STOPPED or is_gone(process)
    except psutil.NoSuchProcess:
        return True


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"exit code {code} ({signal.Signals(-code).name})"
    return f"exit code {code}"


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-TAIL_LINES:])
