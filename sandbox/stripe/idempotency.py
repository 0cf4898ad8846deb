"""Stripe's idempotency layer: the first answer of a key is kept for 24 hours and given again.

The rules are those of docs.stripe.com/api/idempotent_requests.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.errors import StripeError, invalid

KEPT_SECONDS = 24 * 3600
LONGEST = 255


@dataclass(frozen=True)
class Saved:
    """The status and body of the first request with a key, and that request's id."""

    status: int
    body: str
    request_id: str


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    """What must be the same for a key to be used again."""
    text = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Keys:
    """The keys of one account. Between `begin` and `end` a key is in use."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._in_use: set[str] = set()

    def begin(self, key: str, print_: str) -> Saved | None:
        """Take a key, or return its saved answer. 400 for another request's key, 409 for one in use."""
        if len(key) > LONGEST:
            raise invalid(f"Idempotency keys are up to {LONGEST} characters long.")
        row = self._account.all("idempotency").get(key)
        if row is not None and self._account.now() - row["at"] >= KEPT_SECONDS:
            self._account.drop("idempotency", key)
            row = None
        if row is not None:
            if row["fingerprint"] != print_:
                message = (
                    "Keys for idempotent requests can only be used with the same endpoint and parameters they"
                    f" were first used with; '{key}' was used for another request."
                )
                raise StripeError(400, "idempotency_error", message, saved=False)
            return Saved(row["status"], row["body"], row["request_id"])
        if key in self._in_use:
            message = f"Another request with the idempotency key {key} is in progress; try again later."
            kind, code = "invalid_request_error", "idempotency_key_in_use"
            raise StripeError(409, kind, message, code=code, saved=False)
        self._in_use.add(key)
        return None

    def save(self, key: str, print_: str, answer: Saved) -> None:
        """Keep the key's answer; lasting with the account's next commit."""
        row = {
            "fingerprint": print_, "status": answer.status, "body": answer.body,
            "request_id": answer.request_id,
            "at": self._account.now(),
        }  # fmt: skip
        self._account.keep("idempotency", key, row)

    def end(self, key: str) -> None:
        """The request is over, however it ended."""
        self._in_use.discard(key)
