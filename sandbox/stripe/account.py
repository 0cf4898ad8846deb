"""The Stripe account the stand-in plays: its objects, clock and events, in memory and journalled."""

import secrets
import string
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.journal import Journal
from sandbox.stripe.errors import Obj, missing_resource

ALPHABET = string.ascii_letters + string.digits
API_VERSION = "2026-10-28.endive"
KINDS = {
    "pi_": "payment_intent", "ch_": "charge", "re_": "refund", "cus_": "customer", "pm_": "payment_method",
    "evt_": "event", "txn_": "balance_transaction", "du_": "dispute",
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """How the stand-in was started."""

    api_key: str
    public_url: str
    state: Path | None = None
    api_version: str = API_VERSION
    publishable_key: str | None = None
    search_lag: float = 0.0


@dataclass(frozen=True)
class Cause:
    """What an event reports as its request; both are None when Stripe itself acted."""

    request_id: str | None = None
    idempotency_key: str | None = None


def token(length: int) -> str:
    """Letters and digits, as Stripe's identifiers have them."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def shown(value: Any) -> Any:
    """A deep copy without the private `_fields`: what an answer or an event may carry."""
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


class Account:
    """Objects by kind and id, oldest first. Change one in place, then `keep` it; `commit` makes it last."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.journal = Journal(config.state)
        self.objects: dict[str, dict[str, Obj]] = {}
        self.search_lag = config.search_lag
        # Deliveries the courier has not heard of yet.
        self.queued: list[str] = []
        self._dirty: dict[tuple[str, str], None] = {}
        for kind, key, body in self.journal.load():
            self.all(kind)[key] = body
        self.queued.extend(self.all("delivery"))

    # -- objects ------------------------------------------------------------------------------------------

    def all(self, kind: str) -> dict[str, Obj]:
        """Every object of a kind by id, oldest first."""
        return self.objects.setdefault(kind, {})

    def find(self, kind: str, key: str, *, param: str | None = None, status: int = 404) -> Obj:
        """One object. Raises `resource_missing`."""
        found = self.all(kind).get(key)
        if found is None:
            raise missing_resource(kind, key, param=param, status=status)
        return found

    def keep(self, kind: str, key: str, body: Obj) -> Obj:
        """Add or update an object; lasting after the next `commit`."""
        self.all(kind)[key] = body
        self._dirty[(kind, key)] = None
        return body

    def drop(self, kind: str, key: str) -> None:
        """Remove an object, if it is there."""
        if self.all(kind).pop(key, None) is not None:
            self._dirty[(kind, key)] = None

    def commit(self) -> None:
        """Write all changes since the last commit in one transaction."""
        dirty, self._dirty = self._dirty, {}
        if dirty:
            self.journal.write((kind, key, self.all(kind).get(key)) for kind, key in dirty)

    def reset(self) -> None:
        """Back to an empty account and the present time; the webhook endpoints stay."""
        endpoints = self.all("endpoint")
        self.objects = {"endpoint": endpoints}
        self.queued.clear()
        self._dirty = {("endpoint", key): None for key in endpoints}
        self.journal.clear()
        self.commit()

    def new_id(self, prefix: str) -> str:
        """`pi_3` + 22 letters and digits, and so on."""
        return prefix + token(22)

    # -- time ---------------------------------------------------------------------------------------------

    @property
    def offset(self) -> float:
        """Seconds the stand-in's clock is ahead of the machine's."""
        return float(self.all("meta").get("clock", {}).get("offset", 0.0))

    def now(self) -> int:
        """The stand-in's time: seconds since the epoch."""
        return int(time.time() + self.offset)

    def advance(self, seconds: float) -> None:
        """Move the clock forward. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError("time goes forward")
        self.keep("meta", "clock", {"offset": self.offset + seconds})

    def schedule(self, action: str, key: str, at: int) -> None:
        """Have `clock.run_due` do `action` to an object once the clock reads `at`."""
        self.keep("due", f"{action}:{key}", {"action": action, "key": key, "at": at})

    def unschedule(self, action: str, key: str) -> None:
        """Forget a scheduled action."""
        self.drop("due", f"{action}:{key}")

    # -- events -------------------------------------------------------------------------------------------

    def emit(self, kind: str, body: Obj, cause: Cause, *, previous: Obj | None = None) -> None:
        """Record an event with a snapshot of its object, and a delivery to every endpoint that wants it."""
        data: Obj = {"object": shown(body)}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Obj = {
            "id": self.new_id("evt_3"), "object": "event", "api_version": self.config.api_version,
            "created": self.now(), "data": data, "livemode": False, "pending_webhooks": 0,
            "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key}, "type": kind,
        }  # fmt: skip
        self.keep("event", event["id"], event)
        conduct = self.all("meta").get("webhooks", {})
        if conduct.get("mode") != "drop":
            self.address(event, copies=1 + int(conduct.get("duplicate", 0)), held=conduct.get("mode") == "hold")

    def address(self, event: Obj, *, copies: int = 1, held: bool = False) -> int:
        """Queue an event for its endpoints; how many deliveries that made."""
        wanted = [
            key
            for key, endpoint in self.all("endpoint").items()
            if "*" in endpoint["enabled_events"] or event["type"] in endpoint["enabled_events"]
        ]
        for key in wanted * copies:
            delivery = self.new_id("dlv_")
            row: Obj = {
                "event": event["id"],
                "endpoint": key,
                "attempts": 0,
                "held": held,
                "since": time.time(),
            }
            self.keep("delivery", delivery, row)
            self.queued.append(delivery)
        event["pending_webhooks"] += len(wanted) * copies
        self.keep("event", event["id"], event)
        return len(wanted) * copies
