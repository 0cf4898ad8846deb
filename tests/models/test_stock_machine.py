"""Whatever carts, parcels, deliveries and counts do in any order, the tables agree with a few lines of arithmetic."""

import asyncio
import dataclasses
from collections.abc import Coroutine
from typing import Any, TypeVar

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from domain.pricing import CartLine
from domain.states import MovementKind, ReservationState
from domain.stock import StockOutcome, StockUpdate
from models import audit, stock
from models.database import Database
from tests.models.kit import APP, PLACE, Server

FAR = "lyon"
"""The second location: asked when the first has not all of a cart."""

ALLOCATED, SHIPPED, RELEASED = ReservationState.ALLOCATED, ReservationState.SHIPPED, ReservationState.RELEASED
LEGAL = {("held", ALLOCATED), ("held", RELEASED), ("allocated", SHIPPED), ("allocated", RELEASED)}

PLACES, SKUS = st.sampled_from([PLACE, FAR]), st.sampled_from(["A", "B"])
CARTS, UNITS = st.integers(0, 5), st.integers(0, 3)
ADJUSTMENTS = st.one_of(
    st.tuples(st.sampled_from([MovementKind.RECEIVED, MovementKind.RETURNED]), st.integers(1, 5)),
    st.tuples(st.just(MovementKind.ADJUSTED), st.integers(-4, 4).filter(bool)),
)

_TOLD = sa.text("""
    SELECT s.location_id, s.sku, s.on_hand, s.reserved,
      coalesce(sum(m.quantity * CASE m.kind WHEN 'shipped' THEN -1 WHEN 'received' THEN 1 WHEN 'returned' THEN 1
          WHEN 'adjusted' THEN 1 ELSE 0 END), 0)::int AS moved,
      coalesce(sum(m.quantity * CASE m.kind WHEN 'reserved' THEN 1 WHEN 'released' THEN -1 WHEN 'shipped' THEN -1
          ELSE 0 END), 0)::int AS spoken_for
    FROM stock_levels s LEFT JOIN stock_movements m USING (tenant_id, location_id, sku) GROUP BY 1, 2, 3, 4""")

Answer = TypeVar("Answer")


@dataclasses.dataclass
class Cart:
    """What the model knows of one."""

    place: str
    wanted: dict[str, int]
    state: str = "held"


class StockMachine(RuleBasedStateMachine):
    """The model is two dictionaries and the keys that were used; the database is the real one."""

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
        self.levels: dict[tuple[str, str], list[int]] = {}
        self.carts: dict[int, Cart] = {}
        self.used: dict[str, tuple[tuple[Any, ...], StockUpdate]] = {}

    def wait(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """For its answer."""
        return self.runner.run(work)

    @rule(number=CARTS, of_a=UNITS, of_b=UNITS)
    @precondition(lambda self: len(self.levels) > 0)
    def reserve(self, number: int, of_a: int, of_b: int) -> None:
        """All lines at one place, or none."""
        wanted = {sku: n for sku, n in (("B", of_b), ("A", of_a)) if n}
        if not wanted:
            return
        if number not in self.carts:
            for place in (PLACE, FAR):
                if all(self.available(place, sku) >= n for sku, n in wanted.items()):
                    self.carts[number] = Cart(place, wanted)
                    for sku, n in wanted.items():
                        self.levels[place, sku][1] += n
                    break
        expected = self.carts[number].place if number in self.carts else None
        assert self.wait(self.shop.reserve(f"co_{number}", *wanted.items())) == expected

    @rule(number=CARTS, to=st.sampled_from([ALLOCATED, ALLOCATED, SHIPPED, RELEASED]))
    @precondition(lambda self: len(self.carts) > 0)
    def move(self, number: int, to: ReservationState) -> None:
        """On to an order, out of the door, or back."""
        cart, moved = self.carts.get(number), 0
        if cart is not None and (cart.state, to) in LEGAL:
            cart.state, moved = to.value, len(cart.wanted)
            for sku, n in cart.wanted.items():
                level = self.levels[cart.place, sku]
                level[1] -= 0 if to is ALLOCATED else n
                level[0] -= n if to is SHIPPED else 0
        assert self.wait(self.shop.move(f"co_{number}", to)) == moved

    @rule(place=PLACES, sku=SKUS, what=ADJUSTMENTS, key=st.integers(0, 12).map("k{}".format))
    def adjust(self, place: str, sku: str, what: tuple[MovementKind, int], key: str) -> None:
        """So many more or fewer, once a key."""
        kind, quantity = what
        asked = (place, sku, kind.value, quantity)
        on_hand, reserved = self.levels.get((place, sku), (0, 0))
        if key in self.used:
            before, answer = self.used[key]
            if before != asked:
                answer = dataclasses.replace(answer, outcome=StockOutcome.KEY_REUSED)
        elif on_hand + quantity < reserved:
            answer = StockUpdate(StockOutcome.BELOW_RESERVED, on_hand, reserved)
        else:
            answer = StockUpdate(StockOutcome.DONE, on_hand + quantity, reserved)
            self.used[key] = (asked, answer)
            self.levels[place, sku] = [on_hand + quantity, reserved]
        assert self.wait(self._adjust(place, sku, kind, quantity, key, repr(asked))) == answer

    @rule(place=PLACES, sku=SKUS, counted=st.integers(0, 8), off=st.sampled_from([0, 0, 0, 1, -1]))
    def count(self, place: str, sku: str, counted: int, off: int) -> None:
        """Compare and swap; sometimes with an old number in mind."""
        on_hand, reserved = self.levels.get((place, sku), (0, 0))
        expected = max(on_hand + off, 0)
        if expected != on_hand:
            answer = StockUpdate(StockOutcome.STOCK_CHANGED, on_hand, reserved)
        elif counted < reserved:
            answer = StockUpdate(StockOutcome.BELOW_RESERVED, on_hand, reserved)
        else:
            answer = StockUpdate(StockOutcome.DONE, counted, reserved)
            self.levels[place, sku] = [counted, reserved]
        assert self.wait(self._count(place, sku, counted, expected)) == answer

    @invariant()
    def tables_and_arithmetic_agree(self) -> None:
        """Levels, movements, reservations, availability; and no unit is sold twice."""
        rows, findings, guesses = self.wait(self._look())
        assert {(row.location_id, row.sku): [row.on_hand, row.reserved] for row in rows} == self.levels
        assert all((row.moved, row.spoken_for) == (row.on_hand, row.reserved) for row in rows)
        assert all(0 <= row.reserved <= row.on_hand for row in rows)
        assert findings == []
        assert guesses == {sku: any(self.available(place, sku) >= 1 for place in (PLACE, FAR)) for sku in ("A", "B")}

    def available(self, place: str, sku: str) -> int:
        """What a cart can still get there; less than nothing where there never was any."""
        level = self.levels.get((place, sku))
        return level[0] - level[1] if level else -1

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

    async def _look(self) -> tuple[list[Any], list[str], dict[str, bool]]:
        async with self.shop.transaction() as session:
            rows = list((await session.execute(_TOLD)).all())
            kept = ("stock: what is reserved is somebody's", "stock: every change has its movement")
            findings = [row for name in kept for row in (await session.execute(sa.text(audit.CHECKS[name]))).all()]
            guesses = {sku: await stock.available(session, [CartLine(sku, 1)]) for sku in ("A", "B")}
        return rows, [str(one) for one in findings], guesses


def test_any_sequence_leaves_what_arithmetic_says(server: Server) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(server.urls[APP], pool_size=1)

        class Machine(StockMachine):
            pass

        Machine.server, Machine.runner = dataclasses.replace(server, database=database), runner
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=15,
                stateful_step_count=30,
                deadline=None,
                phases=(Phase.generate,),  # to shrink a failure takes minutes; take `phases` away to have it
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(database.close())
