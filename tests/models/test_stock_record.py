"""Levels stay possible whatever is written, and the record of movements always adds up to them."""

import asyncio

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.states import ReservationState
from models import audit
from tests.models.kit import OWNER, PLACE, Server, Shop

NOT_OVERSOLD = "23514/ck_stock_levels_not_oversold"

_STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["reserve", ReservationState.ALLOCATED, ReservationState.SHIPPED, ReservationState.RELEASED]),
        st.integers(1, 4),
        st.integers(1, 4),
    ),
    max_size=25,
)
_TOLD = """
    SELECT s.sku, s.on_hand, s.reserved,
      sum(CASE m.kind WHEN 'received' THEN m.quantity WHEN 'shipped' THEN -m.quantity ELSE 0 END)::int,
      sum(CASE m.kind WHEN 'reserved' THEN m.quantity WHEN 'released' THEN -m.quantity
          WHEN 'shipped' THEN -m.quantity ELSE 0 END)::int
    FROM stock_levels s JOIN stock_movements m USING (tenant_id, location_id, sku) GROUP BY 1, 2, 3"""


@pytest.mark.parametrize("role", ["app", OWNER])
@pytest.mark.parametrize("change", ["reserved = 4", "reserved = -1", "on_hand = 1", "on_hand = -1, reserved = -1"])
def test_the_database_itself_cannot_oversell(shop: Shop, change: str, role: str) -> None:
    sku = shop.new_sku(3)
    shop.run("UPDATE stock_levels SET reserved = 2")
    assert shop.refusal(f"UPDATE stock_levels SET {change}", role=role) == NOT_OVERSOLD
    assert shop.level(sku) == (3, 2)
    shop.run("UPDATE stock_levels SET reserved = 3", "UPDATE stock_levels SET reserved = 0, on_hand = 0")


@pytest.mark.parametrize("quantity", [0, -1])
def test_nothing_and_less_than_nothing_cannot_be_reserved(shop: Shop, quantity: int) -> None:
    shop.new_sku(3, named="A")
    asked = "SELECT reserve_carts(ARRAY['co_1'], ARRAY['A'], ARRAY[CAST(:q AS bigint)], ARRAY[now()])"
    assert shop.refusal(asked, q=quantity).startswith("23514/ck_")
    assert shop.level("A") == (3, 0)


class Ledger:
    """What stock ought to be, worked out in a few lines."""

    def __init__(self, count: int) -> None:
        self.on_hand = {"A": count, "B": count}
        self.reserved = {"A": 0, "B": 0}
        self.carts: dict[int, tuple[str, dict[str, int]]] = {}

    def reserve(self, cart: int, wanted: dict[str, int]) -> bool:
        """Whether the cart has, or gets, its units."""
        if cart not in self.carts:
            if any(self.on_hand[sku] - self.reserved[sku] < n for sku, n in wanted.items()):
                return False
            self.carts[cart] = ("held", wanted)
            self._add(wanted, reserved=1, on_hand=0)
        return True

    def move(self, cart: int, to: str) -> int:
        """How many lines move."""
        state, wanted = self.carts.get(cart, ("", {}))
        legal = {"held": ("allocated", "released"), "allocated": ("shipped", "released")}
        if to not in legal.get(state, ()):
            return 0
        self.carts[cart] = (to, wanted)
        self._add(wanted, reserved=0 if to == "allocated" else -1, on_hand=-1 if to == "shipped" else 0)
        return len(wanted)

    def _add(self, wanted: dict[str, int], *, reserved: int, on_hand: int) -> None:
        for sku, n in wanted.items():
            self.reserved[sku] += n * reserved
            self.on_hand[sku] += n * on_hand


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=_STEPS, count=st.integers(0, 8))
async def test_movements_add_up_to_levels_after_any_sequence(
    server: Server, steps: list[tuple[int, str, int, int]], count: int
) -> None:
    shop, ledger = server.new_shop(), Ledger(count)
    for sku in ("B", "A"):
        shop.new_sku(count, named=sku)
    for cart, act, of_a, of_b in steps:
        if isinstance(act, ReservationState):
            assert await shop.move(f"co_{cart}", act) == ledger.move(cart, act)
        else:
            found = await shop.reserve(f"co_{cart}", ("B", of_b), ("A", of_a))
            assert found == (PLACE if ledger.reserve(cart, {"A": of_a, "B": of_b}) else None)
    for sku, on_hand, reserved, told_on_hand, told_reserved in shop.rows(_TOLD):
        assert (on_hand, reserved) == (ledger.on_hand[sku], ledger.reserved[sku]) == (told_on_hand, told_reserved)


async def test_a_crowd_that_does_everything_at_once_leaves_the_books_right(shop: Shop) -> None:
    for sku in ("A", "B"):
        shop.new_sku(12, named=sku)

    async def life(n: int) -> None:
        await shop.reserve(f"co_{n % 12}", ("B", 1 + n % 3), ("A", 1 + n % 2))
        for to in (ReservationState.ALLOCATED, (ReservationState.SHIPPED, ReservationState.RELEASED)[n % 2]):
            await shop.move(f"co_{n % 12}", to)

    ended = await asyncio.gather(*(life(n) for n in range(36)), return_exceptions=True)
    assert {type(one) for one in ended} <= {type(None), sa.exc.IntegrityError}
    for _, on_hand, reserved, told_on_hand, told_reserved in shop.rows(_TOLD):
        assert (on_hand, reserved) == (told_on_hand, told_reserved)
    async with shop.transaction() as session:
        held = [one for one in await audit.audit(session) if one.check.startswith("stock: what is reserved")]
    assert held == []
