"""Whatever carts, parcels, deliveries, counts and terms do in any order, the tables agree with a few lines of sums."""

import asyncio
import dataclasses
from collections.abc import Coroutine
from typing import Any, TypeVar

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy.exc import IntegrityError

from domain.pricing import CartLine
from domain.states import MovementKind, ReservationState
from domain.stock import StockOutcome, StockTerms, StockUpdate, TermsUpdate
from models import audit, stock, stock_terms
from models.database import Database
from models.reserving import Wish, reserve_many
from tests.models.kit import APP, PLACE, Server, complaint, soon
from tests.models.stock_model import FAR, LEGAL, Level, Part, Sums

ALLOCATED, SHIPPED, RELEASED = ReservationState.ALLOCATED, ReservationState.SHIPPED, ReservationState.RELEASED

PLACES, SKUS = st.sampled_from([PLACE, FAR]), st.sampled_from(["A", "B"])
UNITS = st.integers(0, 3)
CART = st.tuples(st.integers(0, 7), UNITS, UNITS).filter(lambda cart: cart[1] + cart[2] > 0)
ADJUSTMENTS = st.one_of(
    st.tuples(st.sampled_from([MovementKind.RECEIVED, MovementKind.RETURNED]), st.integers(1, 5)),
    st.tuples(st.just(MovementKind.ADJUSTED), st.integers(-4, 4).filter(bool)),
)

_TOLD = sa.text("""
    SELECT s.location_id, s.sku, s.on_hand, s.reserved, s.backordered, s.free,
      coalesce(sum(m.quantity) FILTER (WHERE m.kind IN ('received', 'returned', 'adjusted')), 0)
        - coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'shipped'), 0) AS moved,
      coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'reserved'), 0)
        - coalesce(sum(m.quantity) FILTER (WHERE m.kind IN ('shipped', 'released')), 0) AS spoken_for,
      coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'backordered'), 0) AS beyond
    FROM stock_levels s LEFT JOIN stock_movements m USING (tenant_id, location_id, sku) GROUP BY 1, 2, 3, 4, 5, 6""")
_HELD = sa.text("SELECT checkout_id, sku, location_id, quantity, backordered, state FROM reservations ORDER BY arrival")

Answer = TypeVar("Answer")


class StockMachine(RuleBasedStateMachine):
    """The model is `Sums`; the database is the real one."""

    server: Server
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.shop = self.server.new_shop()
        self.shop.run(
            "INSERT INTO locations (tenant_id, location_id, name, priority, address)"
            " VALUES (current_tenant(), :far, 'Lyon', 1, '{}')",
            "INSERT INTO variants (tenant_id, sku, title, weight_grams)"
            " SELECT current_tenant(), sku, 'Thing', 1 FROM unnest(ARRAY['A', 'B']) AS sku",
            far=FAR,
        )
        self.sums = Sums()
        self.used: dict[str, tuple[tuple[Any, ...], StockUpdate]] = {}

    def wait(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """For its answer."""
        return self.runner.run(work)

    @rule(carts=st.lists(CART, min_size=1, max_size=4, unique_by=lambda cart: cart[0]))
    @precondition(lambda self: len(self.sums.levels) > 0)
    def reserve(self, carts: list[tuple[int, int, int]]) -> None:
        """Several carts in one batch: each all or nothing, one after the other."""
        wishes = [
            (f"co_{n}", {sku: units for sku, units in (("B", of_b), ("A", of_a)) if units}) for n, of_a, of_b in carts
        ]
        short = {cart for cart, wanted in wishes if not self.sums.reserve(cart, wanted)}
        assert self.wait(self._reserve(wishes)) == short

    @rule(
        number=st.integers(0, 7),
        to=st.sampled_from([ALLOCATED, ALLOCATED, SHIPPED, RELEASED]),
        place=st.none() | PLACES,
    )
    @precondition(lambda self: len(self.sums.carts) > 0)
    def move(self, number: int, to: ReservationState, place: str | None) -> None:
        """On to an order, out of the door, or back: all of it, or what is at one place."""
        cart = f"co_{number}"
        parts = [
            part
            for part in self.sums.carts.get(cart, [])
            if place in (None, part.place) and (part.state, to) in LEGAL and not (to is SHIPPED and part.beyond)
        ]
        for part in parts:
            self.sums.move(part, to)
        assert self.wait(self._move(cart, to, place)) == len(parts)

    @rule(data=st.data(), units=st.integers(1, 3), to=st.sampled_from([SHIPPED, RELEASED]))
    @precondition(lambda self: any(self.sums.allocated()))
    def move_units(self, data: st.DataObject, units: int, to: ReservationState) -> None:
        """A part of a line ships or is given up."""
        cart, part = data.draw(st.sampled_from(list(self.sums.allocated())))
        most = part.units - (part.beyond if to is SHIPPED else 0)
        assert self.wait(self._move_units(cart, part, units, to)) == (units <= most)
        if units <= most:
            self.sums.move_units(part, units, to)

    @rule(place=PLACES, sku=SKUS, what=ADJUSTMENTS, key=st.integers(0, 12).map("k{}".format))
    def adjust(self, place: str, sku: str, what: tuple[MovementKind, int], key: str) -> None:
        """So many more or fewer, once a key."""
        kind, quantity = what
        asked = (place, sku, kind.value, quantity)
        level = self.sums.levels.get((place, sku), Level())
        if key in self.used:
            before, answer = self.used[key]
            if before != asked:
                answer = dataclasses.replace(answer, outcome=StockOutcome.KEY_REUSED)
        elif level.on_hand + quantity < level.reserved - level.beyond:
            answer = StockUpdate(StockOutcome.BELOW_RESERVED, level.on_hand, level.reserved)
        else:
            answer = StockUpdate(StockOutcome.DONE, level.on_hand + quantity, level.reserved)
            self.used[key] = (asked, answer)
            self.sums.set_on_hand(place, sku, level.on_hand + quantity)
        assert self.wait(self._adjust(place, sku, kind, quantity, key, repr(asked))) == answer

    @rule(place=PLACES, sku=SKUS, counted=st.integers(0, 8), off=st.sampled_from([0, 0, 0, 1, -1]))
    def count(self, place: str, sku: str, counted: int, off: int) -> None:
        """Compare and swap; sometimes with an old number in mind."""
        level = self.sums.levels.get((place, sku), Level())
        expected = max(level.on_hand + off, 0)
        if expected != level.on_hand:
            answer = StockUpdate(StockOutcome.STOCK_CHANGED, level.on_hand, level.reserved)
        elif counted < level.reserved - level.beyond:
            answer = StockUpdate(StockOutcome.BELOW_RESERVED, level.on_hand, level.reserved)
        else:
            answer = StockUpdate(StockOutcome.DONE, counted, level.reserved)
            self.sums.set_on_hand(place, sku, counted)
        assert self.wait(self._count(place, sku, counted, expected)) == answer

    @rule(place=PLACES, sku=SKUS, safety=UNITS, limit=st.integers(0, 4), stale=st.sampled_from([False, False, True]))
    def set_terms(self, place: str, sku: str, safety: int, limit: int, stale: bool) -> None:
        """Safety stock and the limit of backorders, compared and swapped."""
        level = self.sums.levels.setdefault((place, sku), Level())
        expected = StockTerms(level.safety + stale, level.limit)
        outcome = StockOutcome.DONE
        if stale:
            outcome = StockOutcome.STOCK_CHANGED
        elif limit < level.beyond:
            outcome = StockOutcome.BELOW_BACKORDERED
        else:
            level.safety, level.limit = safety, limit
            self.sums.cover(place, sku)
        answer = self.wait(self._terms(place, sku, StockTerms(safety, limit), expected))
        assert (answer.outcome, answer.terms) == (outcome, StockTerms(level.safety, level.limit))

    @invariant()
    def tables_and_sums_agree(self) -> None:
        """Levels, movements, reservations; no unit is sold twice, and nobody waits for what is there."""
        rows, held, findings = self.wait(self._look())
        seen = {(row.location_id, row.sku): (row.on_hand, row.reserved, row.backordered, row.free) for row in rows}
        assert seen == {
            key: (level.on_hand, level.reserved, level.beyond, level.free) for key, level in self.sums.levels.items()
        }
        assert all(
            (row.moved, row.spoken_for, row.beyond) == (row.on_hand, row.reserved, row.backordered) for row in rows
        )
        assert held == {
            (cart, part.sku, part.place): (part.units, part.beyond, part.state)
            for cart, parts in self.sums.carts.items()
            for part in parts
        }
        assert findings == []

    async def _reserve(self, wishes: list[tuple[str, dict[str, int]]]) -> set[str]:
        async with self.shop.transaction() as session:
            asked = [Wish(cart, [CartLine(*one) for one in wanted.items()], soon()) for cart, wanted in wishes]
            return set((await reserve_many(session, asked)).short)

    async def _move(self, cart: str, to: ReservationState, place: str | None) -> int:
        async with self.shop.transaction() as session:
            return await stock.move_reservations(session, cart, to, "test", location=place)

    async def _move_units(self, cart: str, part: Part, units: int, to: ReservationState) -> bool:
        try:
            async with self.shop.transaction() as session:
                await stock.move_units(session, cart, part.place, {part.sku: units}, to, "test")
        except IntegrityError as refused:
            return complaint(refused)[1] != "units_are_allocated"
        else:
            return True

    async def _adjust(
        self, place: str, sku: str, kind: MovementKind, quantity: int, key: str, asked: str
    ) -> StockUpdate:
        async with self.shop.transaction() as session:
            return await stock.adjust(
                session, place, sku, kind=kind, quantity=quantity, reason="r", key=key, fingerprint=asked
            )

    async def _count(self, place: str, sku: str, counted: int, expected: int) -> StockUpdate:
        async with self.shop.transaction() as session:
            return await stock.count(session, place, sku, counted=counted, expected=expected, reason="stocktake")

    async def _terms(self, place: str, sku: str, terms: StockTerms, expected: StockTerms) -> TermsUpdate:
        async with self.shop.transaction() as session:
            return await stock_terms.set_terms(session, place, sku, terms, expected)

    async def _look(self) -> tuple[list[Any], dict[tuple[str, str, str], tuple[Any, ...]], list[str]]:
        async with self.shop.transaction() as session:
            rows = list((await session.execute(_TOLD)).all())
            held = {
                (row.checkout_id, row.sku, row.location_id): (row.quantity, row.backordered, row.state)
                for row in await session.execute(_HELD)
            }
            kept = [query for name, query in audit.CHECKS.items() if name in _KEPT]
            findings = [str(row) for query in kept for row in (await session.execute(sa.text(query))).all()]
        return rows, held, findings


_KEPT = {
    "stock: what is reserved is somebody's",
    "stock: every change has its movement",
    "stock: what is backordered is somebody's, and was written down",
    "stock: nobody waits for what is there",
}
"""The audit's checks that need no order and no checkout."""


def test_any_sequence_leaves_what_the_sums_say(server: Server) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(server.urls[APP], pool_size=1)

        class Machine(StockMachine):
            pass

        Machine.server, Machine.runner = dataclasses.replace(server, database=database), runner
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=20,
                stateful_step_count=30,
                deadline=None,
                phases=(Phase.generate,),  # to shrink a failure takes minutes; take `phases` away to have it
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(database.close())
