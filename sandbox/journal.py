"""Keeps the stand-in's objects in one SQLite file, a transaction a request, so that it survives its SIGKILL.

A file rewritten whole after every change would cost more with every order; SQLite writes the changed rows
only, and as atomically.
"""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = tuple[str, str, dict[str, Any] | None]


class Journal:
    """Rows of (kind, id, JSON) in the order of their first writing. Without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._db: sqlite3.Connection | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            # WAL without fsync: whole after the death of the process, which is what a stand-in promises.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS rows"
                " (seq INTEGER PRIMARY KEY, kind TEXT, id TEXT, body TEXT, UNIQUE (kind, id))"
            )

    def load(self) -> Iterable[tuple[str, str, dict[str, Any]]]:
        """Everything kept, oldest first."""
        if self._db is None:
            return
        for kind, key, body in self._db.execute("SELECT kind, id, body FROM rows ORDER BY seq"):
            yield kind, key, json.loads(body)

    def write(self, rows: Iterable[Row]) -> None:
        """Keep all these rows or none; a row without a body is removed."""
        if self._db is None:
            return
        self._db.execute("BEGIN IMMEDIATE")
        for kind, key, body in rows:
            if body is None:
                self._db.execute("DELETE FROM rows WHERE kind = ? AND id = ?", (kind, key))
            else:
                self._db.execute(
                    "INSERT INTO rows (kind, id, body) VALUES (?, ?, ?)"
                    " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                    (kind, key, json.dumps(body, separators=(",", ":"))),
                )
        self._db.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything."""
        if self._db is not None:
            self._db.execute("DELETE FROM rows")

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
