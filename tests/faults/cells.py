"""One cell of the fault table: one operation of one order under one fault, and what is to be found afterwards."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from domain.ids import checkout_id, payment_id
from tests.faults.operations import OPERATIONS, Operation, Order
from tests.flow.kit import TENANT, Shop

SLOW_SECONDS = 4.0
"""How long Stripe takes where the worker is killed meanwhile: all four operations are out at once, and then happen."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the first request of an operation."""

    name: str
    order: dict[str, Any]
    kills_worker: bool = False


FAULTS = (
    Fault("dropped before", {"when": "before", "status": None}),
    Fault("answer lost", {"when": "after", "status": None}),
    Fault("silence", {"when": "hang"}),
    Fault("500, not done", {"when": "before", "status": 500}),
    Fault("500, done", {"when": "after", "status": 500}),
    Fault("409 in use", {"when": "before", "status": 409}),
    Fault("429", {"when": "before", "status": 429, "retry_after": 2}),
    Fault("worker killed", {"when": "before", "status": 200, "delay_seconds": SLOW_SECONDS}, kills_worker=True),
)


@dataclass
class Cell:
    """One cell, while it is run and after. `complaints` is empty when all is as it should be."""

    operation: Operation
    fault: Fault
    order: Order
    complaints: list[str] = field(default_factory=list)
    found: str = "nothing"

    @property
    def name(self) -> str:
        """As it is reported."""
        return f"{self.operation.name}, {self.fault.name}"

    @property
    def checkout(self) -> str:
        """Follows from the key, before anything is asked for."""
        return checkout_id(TENANT, self.order.key)

    @property
    def keys(self) -> str:
        """The pattern of the idempotency keys of this cell's operation, and of no other cell's."""
        return f"{TENANT}/{self.payment}/{self.operation.name}/*"

    @property
    def payment(self) -> str:
        """Follows from the checkout."""
        return payment_id(TENANT, self.checkout)

    async def arm(self) -> None:
        """Break this cell's first request."""
        aim = {"operation": self.operation.endpoint, "idempotency_key": self.keys}
        await self.order.shop.stripe("faults", **aim, **self.fault.order)

    async def prepare(self) -> None:
        """All that comes before the operation, without a fault."""
        await self.operation.prepare(self.order)

    async def run(self) -> None:
        """Ask until it is done."""
        await self.operation.ask(self.order)

    def judge(self, intents: list[dict[str, Any]], fault: dict[str, Any]) -> None:
        """Note everything that is not as wanted: at Stripe, in the tables, in the process."""
        mine = [one for one in intents if one["metadata"].get("checkout_id") == self.checkout]
        done = sum(one[self.operation.shown] for one in mine)
        noun = self.operation.shown if done != 1 else self.operation.shown[:-1]
        self.found = f"{done} {noun}, {fault['seen']} requests"
        self.complaints += [
            f"{what}: {seen!r}, wanted {wanted!r}"
            for what, seen, wanted in (*self._at_stripe(mine), *self._here(), *self._the_fault(fault))
            if seen != wanted
        ]

    def _the_fault(self, fault: dict[str, Any]) -> Iterator[tuple[str, object, object]]:
        yield "requests that the fault struck", fault["struck"], 1
        yield "there was a request after it", fault["seen"] > 1, True

    def _at_stripe(self, mine: list[dict[str, Any]]) -> Iterator[tuple[str, object, object]]:
        yield "intents at Stripe", len(mine), 1
        for name, value in self.operation.wanted.intent.items():
            all_of_it = [one[name] for one in mine]
            yield f"{name} at Stripe", ", ".join(all_of_it) if name == "status" else sum(all_of_it), value

    def _here(self) -> Iterator[tuple[str, object, object]]:
        shop, wanted, seen = self.order.shop, self.operation.wanted, self.order.seen
        yield "order", seen.get("state"), wanted.order
        yield "needs a person", seen.get("needs_attention"), False
        columns = "state, authorized_minor, captured_minor, refunded_minor"
        yield (
            "payment",
            shop.sql(f"SELECT {columns} FROM payments WHERE payment_id = :p", p=self.payment),
            [wanted.payment],
        )
        _, _, captured, refunded = wanted.payment
        yield "ledger", self._ledger(), {"captured": -captured, "refunded": refunded}
        query = "SELECT kind, state, coalesce(error_code, '') FROM payment_operations WHERE payment_id = :p"
        journal = Counter(shop.sql(query, p=self.payment))
        spent = (self.operation.name, "failed", "key_spent")
        yield (
            "journal",
            journal - Counter({spent: journal[spent]}),
            Counter((kind, "succeeded", "") for kind in wanted.journal),
        )
        yield "stock", shop.stock(self.order.sku), wanted.stock

    def _ledger(self) -> dict[str, int]:
        query = (
            "SELECT e.account, sum(e.amount_minor)::int FROM ledger_postings g"
            " JOIN ledger_entries e USING (tenant_id, posting_id)"
            " WHERE g.payment_id = :p AND e.account IN ('captured', 'refunded') GROUP BY e.account"
        )
        return {"captured": 0, "refunded": 0} | dict(self.order.shop.sql(query, p=self.payment))


def all_cells(shop: Shop, salt: str) -> list[Cell]:
    """Every operation under every fault; `salt` makes the orders new ones."""
    return [
        Cell(operation, fault, Order(shop, f"{operation.name} {fault.name} {salt}"))
        for operation in OPERATIONS
        for fault in FAULTS
    ]
