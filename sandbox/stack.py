"""The embedded stack: PostgreSQL, Temporal, the stand-ins, the API and the workers, each its own process.

    with Stack(StackOptions(prefer_ports=True)) as stack:
        print(stack.links.api)
        stack.wait()

No Docker, no account, no root, and nothing left behind: whatever ends this process, its children end as well.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from shutil import rmtree
from types import FrameType, TracebackType
from typing import Literal, Self

from temporalio.client import Client

from gateways.temporal import converter_of
from sandbox import blueprint, ports, postgres
from sandbox.blueprint import ALL, Links, StackOptions
from sandbox.data import DataDirectory, DataInUse
from sandbox.processes import Aborted, PortTaken, Process, ProcessDied
from sandbox.reaper import Reaper
from settings import PayloadKey

__all__ = ["ALL", "DataInUse", "Links", "ProcessDied", "Stack", "StackOptions", "State"]

State = Literal["starting", "ready", "running", "done", "stopping", "stopped", "killed"]

# Who asks stops before who answers: first the door, then the work, then what the work needs.
STOP_ORDER = (("codec", "api"), ("worker",), ("stripe", "carrier", "mail", "temporal"), ("postgres",))

POLL = 0.1


class _Terminated(SystemExit):
    """SIGTERM or SIGHUP reached the supervisor."""


class Stack:
    """Starts on entering, ends on leaving. From one thread, the main one if signals shall end it cleanly.

    Entering raises `ProcessDied` when a process does not come up, `DataInUse` when another stack runs on the
    directory, `RuntimeError` when a server's wheel is missing. `on_progress(name, state)` may be called from
    another thread, but never twice at a time.
    """

    links: Links

    def __init__(
        self, options: StackOptions | None = None, on_progress: Callable[[str, State], None] | None = None
    ) -> None:
        self.options = options or StackOptions()
        self._on_progress = on_progress
        self._telling = threading.Lock()
        self._abort = threading.Event()
        self._hurry = threading.Event()
        self._processes: dict[str, Process] = {}
        self._handlers: dict[signal.Signals, signal._HANDLER] = {}
        self._data: DataDirectory
        self._reaper: Reaper

    def __enter__(self) -> Self:
        self._data = DataDirectory(self.options.data)
        try:
            self._handle_signals()
            self._reaper = Reaper(
                lock=self._data.lock,
                log=self._data.logs / "reaper.log",
                env=blueprint.outside_environment(),
                temporary=self._data.path if self._data.temporary else None,
            )
        except BaseException:
            self._leave(keep=False)
            raise
        try:
            try:
                self._boot()
            except PortTaken:
                # Somebody took a port between our look at it and the server's: once more, with others.
                self._stop_all()
                self._boot()
        except BaseException as error:
            crashed = isinstance(error, Exception)
            self._shut_down(keep=crashed)
            if crashed and self._data.temporary:
                error.add_note(f"The stack's data and logs are kept in {self._data.path}")
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        died = error if isinstance(error, ProcessDied) else self._first_death()
        self._shut_down(keep=died is not None)
        if died is not None and error is None:
            raise died
        if died is not None and error is not None and error is not died:
            error.add_note(f"A process of the stack had died: {died}")

    @property
    def names(self) -> tuple[str, ...]:
        """The processes that `kill`, `stop`, `start`, `restart`, `freeze` and `thaw` take."""
        return tuple(self._processes)

    def environment(self) -> dict[str, str]:
        """What the API and the workers see, whole; secrets included."""
        return blueprint.environment(self.options, self.links)

    def owner_environment(self) -> dict[str, str]:
        """What `milepost migrate` and `seed` see: `environment()`, and what only they need."""
        return blueprint.owner_environment(self.options, self.links)

    async def temporal(self, *, lazy: bool = False) -> Client:
        """A client that speaks as the stack's processes do: encrypted, unless `options.env` takes the keys away."""
        keys = PayloadKey.read_all(self.environment()["MILEPOST_PAYLOAD_KEYS"])
        return await Client.connect(self.links.temporal_address, data_converter=converter_of(keys), lazy=lazy)

    def pid(self, name: str) -> int | None:
        """The process id of the server itself, `None` when it does not run."""
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """SIGKILL the process and its descendants; nobody counts it as a crash. `start` brings it back."""
        self._processes[name].kill()
        self._tell(name, "killed")

    def stop(self, name: str) -> None:
        """End the process gracefully, by force after its time."""
        self._tell(name, "stopping")
        self._processes[name].stop(self._hurry)
        self._tell(name, "stopped")

    def start(self, name: str) -> None:
        """Start a stopped or killed process on its old port and wait for its health. Raises `ProcessDied`."""
        self._tell(name, "starting")
        self._processes[name].start(self._abort)
        self._tell(name, "ready")

    def restart(self, name: str) -> None:
        """`stop`, then `start`."""
        self.stop(name)
        self.start(name)

    def freeze(self, name: str) -> None:
        """SIGSTOP: it lives, holds its connections and does nothing, like a machine that hangs."""
        self._processes[name].freeze()

    def thaw(self, name: str) -> None:
        """SIGCONT after `freeze`."""
        self._processes[name].thaw()

    def check(self) -> None:
        """Raises `ProcessDied`, with exit code and the end of the log, if a process died by itself."""
        if (died := self._first_death()) is not None:
            raise died

    def wait(self) -> None:
        """Block until Ctrl-C, SIGTERM or SIGHUP, then return. Raises `ProcessDied` if one dies first."""
        with suppress(KeyboardInterrupt, _Terminated):
            while True:
                self.check()
                time.sleep(POLL)

    def _boot(self) -> None:
        data, options = self._data, self.options
        numbers = ports.choose(options.port_names(), prefer_friendly=options.prefer_ports)
        self._abort = threading.Event()
        self.links = blueprint.links(options, data, numbers)
        cluster = postgres.Cluster(data.path)
        specs = blueprint.servers(options, data, self.links, numbers, cluster)
        self._processes = {name: Process(spec, self._reaper) for name, spec in specs.items()}

        def database() -> None:
            if not cluster.exists():
                self._tell("initdb", "running")
                Process(blueprint.initdb(data, cluster), self._reaper).run(self._abort)
                cluster.adopt()
                self._tell("initdb", "done")
            self.start("postgres")
            postgres.provide(numbers["postgres"], data.secrets)
            for line in options.setup:
                self._tell(line, "running")
                Process(blueprint.command(options, self.links, line), self._reaper).run(self._abort)
                self._tell(line, "done")

        later = {name for kind in ("api", "worker") for name in options.names(kind)}
        steps = {name: database if name == "postgres" else self._starter(name) for name in self._processes}
        self._together(step for name, step in steps.items() if name not in later)
        self._together(step for name, step in steps.items() if name in later)

    def _starter(self, name: str) -> Callable[[], None]:
        return lambda: self.start(name)

    def _together(self, steps: Iterable[Callable[[], None]]) -> None:
        """Run the steps side by side; a failure or Ctrl-C makes the others give up, and is raised."""
        with ThreadPoolExecutor(max_workers=16) as pool:
            futures = [pool.submit(step) for step in steps]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                if any(future.done() and future.exception() for future in futures) or not all(
                    future.done() for future in futures
                ):
                    self._abort.set()
        errors = [error for future in futures if (error := future.exception()) is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, Aborted)):
            raise error

    def _first_death(self) -> ProcessDied | None:
        for process in self._processes.values():
            try:
                process.raise_if_dead()
            except ProcessDied as died:
                return died
        if (code := self._reaper.poll()) is not None:
            log = self._data.logs / "reaper.log"
            return ProcessDied("reaper", code, log, log.read_text())
        return None

    def _stop_all(self) -> None:
        self._abort.set()
        for kinds in STOP_ORDER:
            running = [
                name
                for kind in kinds
                for name in self.options.names(kind)
                if name in self._processes and self._processes[name].pid is not None
            ]
            with ThreadPoolExecutor(max_workers=16) as pool:
                list(pool.map(self.stop, running))

    def _shut_down(self, *, keep: bool) -> None:
        self._hurry_on_signals()
        try:
            self._stop_all()
        finally:
            self._reaper.close()
            self._leave(keep=keep)

    def _leave(self, *, keep: bool) -> None:
        self._data.close()
        if self._data.temporary and not keep:
            rmtree(self._data.path, ignore_errors=True)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def _handle_signals(self) -> None:
        """SIGTERM and SIGHUP unwind the stack as Ctrl-C does."""

        def terminate(number: int, _frame: FrameType | None) -> None:
            raise _Terminated(128 + number)

        self._set_handlers({signal.SIGTERM: terminate, signal.SIGHUP: terminate})

    def _hurry_on_signals(self) -> None:
        """On the way out a further signal does not stop the stopping; it makes it short."""

        def hurry(_number: int, _frame: FrameType | None) -> None:
            self._hurry.set()

        self._set_handlers(dict.fromkeys((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), hurry))

    def _set_handlers(self, wanted: dict[signal.Signals, Callable[[int, FrameType | None], None]]) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in wanted.items():
                before = signal.signal(number, handler)
                self._handlers.setdefault(number, before if before is not None else signal.SIG_DFL)

    def _tell(self, name: str, state: State) -> None:
        if self._on_progress is not None:
            with self._telling:
                self._on_progress(name, state)
