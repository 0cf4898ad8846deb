"""Failures on demand: which request fails next, when in its course, and how."""

import random
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.stripe.cards import Decline
from sandbox.stripe.errors import StripeError, injected


class FaultOrder(BaseModel):
    """What `POST /_control/faults` takes. Times are seconds.

    The fault starts at the `nth` matching request and strikes `times` of them (1, or without end when
    `probability` is given). A `status` of null drops the connection; one below 400 lets the request through
    (use it with `delay_seconds`). A 402 on create, confirm or capture is a decline by the issuer, with all
    that follows from it.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = "*"
    when: Literal["before", "after", "hang"] = "before"
    status: int | None = Field(default=500, ge=200, le=599)
    retry_after: float | None = None
    nth: int = Field(default=1, ge=1)
    times: int | None = Field(default=None, ge=1)
    probability: float | None = Field(default=None, ge=0, le=1)
    seed: int = 0
    delay_seconds: float = Field(default=0, ge=0)
    error: dict[str, Any] = Field(default_factory=dict)

    @property
    def in_front(self) -> bool:
        """Whether the request does not even reach the idempotency layer: connection lost, rate limit."""
        return self.when == "before" and self.status in (None, 429)

    def failure(self, status: int) -> StripeError:
        """The error to answer with."""
        return injected(status, self.error, self.retry_after)

    def decline(self) -> Decline:
        """The issuer's reason, for a 402."""
        message = str(self.error.get("message", "Your card was declined."))
        decline_code = self.error.get("decline_code", "generic_decline")
        return Decline(str(self.error.get("code", "card_declined")), decline_code, message)


class Faults:
    """The orders in force, oldest first; the first that strikes wins."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, order: FaultOrder) -> None:
        """Put an order into force."""
        self._armed.append(_Armed(order))

    def clear(self) -> None:
        """Back to a healthy Stripe."""
        self._armed.clear()

    def strike(self, operation: str) -> FaultOrder | None:
        """Count a request against every order and return the one it falls to."""
        struck = [armed.order for armed in self._armed if armed.counts(operation)]
        return struck[0] if struck else None

    def listed(self) -> list[dict[str, Any]]:
        """The orders with how many requests they have seen and struck."""
        return [armed.order.model_dump() | {"seen": armed.seen, "struck": armed.struck} for armed in self._armed]


class _Armed:
    def __init__(self, order: FaultOrder) -> None:
        self.order = order
        self.seen = self.struck = 0
        self._dice = random.Random(order.seed)  # noqa: S311  # reproducible chance, not a secret

    def counts(self, operation: str) -> bool:
        if not fnmatchcase(operation, self.order.operation):
            return False
        self.seen += 1
        times = self.order.times or (1 if self.order.probability is None else None)
        if self.seen < self.order.nth or (times is not None and self.struck >= times):
            return False
        if self.order.probability is not None and self._dice.random() >= self.order.probability:
            return False
        self.struck += 1
        return True
