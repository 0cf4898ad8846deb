"""Whoever comes to a drop in whatever order, the gate in SQL answers as the rules in `domain/drops.py` do."""

import asyncio
import dataclasses
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.drops import Denial
from domain.pricing import CartLine
from domain.states import MovementKind, ReservationState
from models import drops, stock
from models.database import Database
from models.drops import Entrant
from tests.models.drop_model import Answer, Buyer, Model, Terms
from tests.models.drops_kit import Sale, sale
from tests.models.kit import APP, PLACE, Server, reserve

OPENS = datetime(2026, 12, 24, 18, tzinfo=UTC)
LENGTH, GRANT = 600, 60
CUSTOMERS = st.sampled_from("abcdef")
CARTS = st.lists(st.tuples(CUSTOMERS, st.integers(1, 3), st.sampled_from([None, None, "gold"])), min_size=1, max_size=5)
SOMETIMES = st.none() | st.integers(1, 5)

Found = TypeVar("Found")


def told(denial: Denial | None) -> Answer:
    """What the storefront would see of it."""
    return (denial.why, denial.position) if denial else None


class DropMachine(RuleBasedStateMachine):
    """Time goes on by what the rules say; the database hears it as `at`."""

    server: Server
    runner: asyncio.Runner
    model: Model
    sale: Sale

    def __init__(self) -> None:
        super().__init__()
        self.at, self.carts = OPENS - timedelta(seconds=20), 0

    def wait(self, work: Coroutine[Any, Any, Found]) -> Found:
        """For its answer."""
        return self.runner.run(work)

    @initialize(stocked=st.integers(0, 6), allotment=SOMETIMES, limit=SOMETIMES, line=st.integers(0, 4))
    def opened(self, stocked: int, allotment: int | None, limit: int | None, line: int) -> None:
        """A drop of one SKU, ten seconds before gold may enter."""
        closes, early = OPENS + timedelta(seconds=LENGTH), {"gold": 10}
        self.model = Model(Terms(OPENS, closes, allotment, limit, line, GRANT, early), stocked)
        self.sale = sale(
            self.server.new_shop(), stocked, allotment=allotment, customer_limit=limit, line_length=line,
            grant_seconds=GRANT, opens_at=OPENS, closes_at=closes, early_access=early,
        )  # fmt: skip

    @rule(carts=CARTS)
    def enter(self, carts: list[tuple[str, int, str | None]]) -> None:
        """A batch at the gate: the same answer to each."""
        buyers = [Buyer(f"co_{self.carts + n}", *cart) for n, cart in enumerate(carts)]
        self.carts += len(carts)
        expected = self.model.enter(buyers, self.at)
        assert self.wait(self._enter(buyers)) == expected

    @rule(data=st.data())
    @precondition(lambda self: self.model.live)
    def give_back(self, data: st.DataObject) -> None:
        """A checkout ends without an order."""
        checkout = data.draw(st.sampled_from(sorted(self.model.live)))
        self.model.give_back(checkout)
        assert self.wait(self.sale.shop.move(checkout, ReservationState.RELEASED)) == 1

    @rule(seconds=st.sampled_from([0, 1, 9, 10, 30, 59, 60, 61, 200]))
    def look(self, seconds: int) -> None:
        """Time goes on, and the line is looked after."""
        self.at += timedelta(seconds=seconds)
        self.model.settle(self.at)
        due = self.wait(self.sale.look(self.at))
        assert (due is None) == (self.at >= self.model.terms.closes_at)

    @rule(units=st.integers(1, 3))
    def receive(self, units: int) -> None:
        """The warehouse has more."""
        self.carts += 1
        self.model.on_hand += units
        self.wait(self._receive(units, f"note {self.carts}"))

    @rule(line=st.integers(0, 6), limit=SOMETIMES)
    def edit(self, line: int, limit: int | None) -> None:
        """Other terms, in the middle of the sale."""
        terms = self.model.terms
        terms.line_length, terms.limit = line, limit
        self.sale.shop.run(
            "UPDATE drops SET line_length = :line, customer_limit = :limit WHERE drop_id = :d",
            line=line, limit=limit, d=self.sale.drop_id,
        )  # fmt: skip

    @invariant()
    def counts_and_places_agree(self) -> None:
        """Units taken and granted, who waits, and everybody's state in the order of the line."""
        if not hasattr(self, "model"):
            return
        model = self.model
        assert self.sale.counts() == (model.taken, model.granted, len(model.waiting))
        line = sorted(model.line.items(), key=lambda one: one[1].number)
        assert self.sale.line() == [(customer, place.state) for customer, place in line]
        level = self.sale.shop.level(self.sale.sku)
        assert level == (model.on_hand, model.on_hand - model.in_stock)

    async def _enter(self, buyers: list[Buyer]) -> list[Answer]:
        async with self.sale.shop.transaction() as session:
            entrants = [
                Entrant(one.checkout, one.customer, [CartLine(self.sale.sku, one.units)], one.tier) for one in buyers
            ]
            dropped = await drops.of_skus(session, [self.sale.sku])
            denied = await drops.enter(session, entrants, dropped, self.at)
            for one in buyers:
                if one.checkout not in denied:
                    assert await reserve(session, one.checkout, (self.sale.sku, one.units))
        return [told(denied.get(one.checkout)) for one in buyers]

    async def _receive(self, units: int, key: str) -> None:
        async with self.sale.shop.transaction() as session:
            await stock.adjust(
                session, PLACE, self.sale.sku, kind=MovementKind.RECEIVED, quantity=units, reason="r", key=key,
                fingerprint=key,
            )  # fmt: skip


def test_the_gate_in_sql_answers_as_the_rules_do(server: Server) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(server.urls[APP], pool_size=1)

        class Machine(DropMachine):
            pass

        Machine.server, Machine.runner = dataclasses.replace(server, database=database), runner
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=15,
                stateful_step_count=20,
                deadline=None,
                phases=(Phase.generate,),  # to shrink a failure takes minutes; take `phases` away to have it
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(database.close())
