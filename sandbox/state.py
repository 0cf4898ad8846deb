"""Keeps a stand-in's state in a file, so that it outlives its process; one small write a change."""

import json
import os
from pathlib import Path
from typing import Any


class StateFile:
    """A JSON document replaced atomically; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def load(self) -> dict[str, Any]:
        """What was saved last; empty when nothing was."""
        if self.path is None or not self.path.exists():
            return {}
        loaded: dict[str, Any] = json.loads(self.path.read_text())
        return loaded

    def save(self, state: dict[str, Any]) -> None:
        """Replace the document in one step: a reader sees the old one or the new one, never half of one."""
        if self.path is None:
            return
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(state))
        os.replace(beside, self.path)
