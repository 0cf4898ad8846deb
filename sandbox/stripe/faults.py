"""Failures on demand: which request fails next, when in its course, and how."""

import random
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.stripe.cards import Decline
from sandbox.stripe.errors import StripeError, injected


@dataclass(frozen=True)
class Target:
    """What a fault may be aimed at: a request's operation, its idempotency key, the intents it names."""

    operation: str
    idempotency_key: str | None = None
    payment_intents: tuple[str, ...] = ()


class FaultOrder(BaseModel):
    """What `POST /_control/faults` takes. Times are seconds.

    The fault starts at the `nth` matching request and strikes `times` of them (1, or without end when
    `probability` is given). A `status` of null drops the connection; one below 400 lets the request through
    (use it with `delay_seconds`). A 402 on create, confirm, capture or increment is a decline by the issuer,
    with all that follows from it. With `idempotency_key` (a pattern, as `operation` is) or `payment_intent` (an
    id) the fault is for that key's or that intent's requests alone, and only those are counted, so that many
    can break Stripe at once without breaking it for each other. A request without a key matches no pattern.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = "*"
    idempotency_key: str | None = None
    payment_intent: str | None = None
    when: Literal["before", "after", "hang"] = "before"
    status: int | None = Field(default=500, ge=200, le=599)
    retry_after: float | None = None
    nth: int = Field(default=1, ge=1)
    times: int | None = Field(default=None, ge=1)
    probability: float | None = Field(default=None, ge=0, le=1)
    seed: int = 0
    delay_seconds: float = Field(default=0, ge=0)
    error: dict[str, Any] = Field(default_factory=dict)

    def is_for(self, target: Target) -> bool:
        """Whether the request is one of those that count."""
        key = target.idempotency_key
        return (
            fnmatchcase(target.operation, self.operation)
            and (self.idempotency_key is None or (key is not None and fnmatchcase(key, self.idempotency_key)))
            and self.payment_intent in (None, *target.payment_intents)
        )

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

    def strike(self, target: Target) -> FaultOrder | None:
        """Count a request against every order and return the one it falls to."""
        struck = [armed.order for armed in self._armed if armed.counts(target)]
        return struck[0] if struck else None

    def listed(self) -> list[dict[str, Any]]:
        """The orders with how many requests they have seen and struck."""
        return [armed.order.model_dump() | {"seen": armed.seen, "struck": armed.struck} for armed in self._armed]


class _Armed:
    def __init__(self, order: FaultOrder) -> None:
        self.order = order
        self.seen = self.struck = 0
        self._dice = random.Random(order.seed)  # noqa: S311  # reproducible chance, not a secret

    def counts(self, target: Target) -> bool:
        if not self.order.is_for(target):
            return False
        self.seen += 1
        times = self.order.times or (1 if self.order.probability is None else None)
        if self.seen < self.order.nth or (times is not None and self.struck >= times):
            return False
        if self.order.probability is not None and self._dice.random() >= self.order.probability:
            return False
        self.struck += 1
        return True
