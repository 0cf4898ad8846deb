"""Counts the SQL statements and transactions of the application's role, from the server's own log.

    with Statements(stack) as counting:      # nothing else may be under way
        background = counting.idle(seconds=3)
        ...
        found = counting.since()

What also runs when nothing happens (polls of the inbox, of mails, of locks) is left out, by its text.
"""

import re
import time
from collections import defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psycopg

from sandbox.postgres import APP
from sandbox.stack import Stack

_LINE = re.compile(r"^\[(?P<pid>\d+)\](?P<user>[^|]*)\|.*?LOG:  (?:statement|execute [^:]*): (?P<text>.*)$")
_CONTROL = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|DEALLOCATE|SET |SELECT set_config\()", re.IGNORECASE)
_SETTINGS = (
    "ALTER SYSTEM SET log_statement = '{}'",
    "ALTER SYSTEM SET log_line_prefix = '[%p]%u|'",
    "SELECT pg_reload_conf()",
)


@dataclass(frozen=True)
class Found:
    """What was run. A statement outside a transaction is one of its own; BEGIN and COMMIT count as statements."""

    statements: int
    transactions: int
    texts: tuple[str, ...]
    """The first line of each statement that is not control, in the order of the log."""


class Statements:
    """`with Statements(stack)`: PostgreSQL writes down every statement meanwhile."""

    def __init__(self, stack: Stack) -> None:
        self._admin, self._log = stack.links.database_admin_url, stack.links.logs / "postgres.log"
        self._from = 0
        self._background = set[str]()

    def __enter__(self) -> Self:
        self._set("all")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._set("none")

    def idle(self, seconds: float) -> None:
        """Learn what runs by itself; begin to count."""
        self.begin()
        time.sleep(seconds)
        self._background |= {text for one in self._transactions() for text in one if not _CONTROL.match(text)}
        self.begin()

    def begin(self) -> None:
        """Count from here on."""
        self._from = self._log.stat().st_size

    def since(self) -> Found:
        """What ran since `idle` or `begin` that does not run by itself."""
        ours = [one for one in self._transactions() if not self._runs_by_itself(one)]
        texts = tuple(text for one in ours for text in one if not _CONTROL.match(text))
        return Found(sum(map(len, ours)), len(ours), texts)

    def _runs_by_itself(self, transaction: list[str]) -> bool:
        return all(text in self._background for text in transaction if not _CONTROL.match(text))

    def _transactions(self) -> list[list[str]]:
        """Of each session of the application: what stands from BEGIN to its end, or alone."""
        ended, open_ones = list[list[str]](), defaultdict[str, list[str]](list)
        for pid, text in self._lines():
            open_ones[pid].append(text)
            first = open_ones[pid][0].upper().startswith("BEGIN")
            if not first or text.upper().startswith(("COMMIT", "ROLLBACK")):
                ended.append(open_ones.pop(pid))
        return ended

    def _lines(self) -> list[tuple[str, str]]:
        with self._log.open(errors="replace") as log:
            log.seek(self._from)
            found = (_LINE.match(line.rstrip("\n")) for line in log)
            return [(one["pid"], one["text"]) for one in found if one and one["user"] == APP]

    def _set(self, which: str) -> None:
        with psycopg.connect(self._admin.replace("+psycopg", ""), autocommit=True) as connection:
            for statement in _SETTINGS:
                connection.execute(statement.format(which).encode())
