"""Idempotency keys as Stripe documents them: the first answer is kept for 24 hours and given again."""

import hashlib
import time
from typing import Any

from sandbox.stripe_lean.errors import StripeFault

_KEPT_SECONDS = 24 * 3600


class Keys:
    """Answers by key; `None` while the first call is still under way."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}

    def begin(self, key: str, path: str, body: bytes) -> dict[str, Any] | None:
        """The saved answer, or None for a new key. Other parameters → 400; still running → 409."""
        print_of = hashlib.sha256(path.encode() + b"\n" + body).hexdigest()
        row = self.rows.get(key)
        if row is None or row["at"] < time.time() - _KEPT_SECONDS:
            self.rows[key] = {"print": print_of, "at": time.time(), "status": None, "body": None}
            return None
        if row["print"] != print_of:
            message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            raise StripeFault(400, "idempotency_error", message, saved=False)
        if row["status"] is None:
            message = "There is currently another in-progress request using this Idempotent Key."
            raise StripeFault(409, "idempotency_error", message, saved=False, code="idempotency_key_in_use")
        return row

    def finish(self, key: str, status: int, body: dict[str, Any]) -> None:
        """Keep the answer, a failure's too."""
        self.rows[key].update(status=status, body=body)

    def forget(self, key: str) -> None:
        """The call was refused before any work began: the key is free again."""
        self.rows.pop(key, None)

    def drop_running(self) -> None:
        """After a restart nothing is under way."""
        self.rows = {key: row for key, row in self.rows.items() if row["status"] is not None}
