"""Drops of a test's own, and buyers at their gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.drops import Denial
from domain.pricing import CartLine
from domain.states import ReservationState
from models import drops
from models.drops import Drop, DropSku, Entrant
from tests.models.kit import Shop, reserve


@dataclass(frozen=True)
class Sale:
    """One drop of one SKU, and those who want of it."""

    shop: Shop
    drop_id: str
    sku: str

    async def enter(
        self, *buyers: str, units: int = 1, at: datetime | None = None, reserved: bool = True, **who: Any
    ) -> list[Denial | None]:
        """Buyers at once in one transaction, each under the checkout `co_` and their name. None: let through."""
        async with self.shop.transaction() as session:
            entrants = [
                Entrant(f"co_{one}", one.partition("#")[0], [CartLine(self.sku, units)], **who) for one in buyers
            ]
            denied = await drops.enter(session, entrants, await drops.of_skus(session, [self.sku]), at)
            for one in entrants:
                if reserved and one.checkout_id not in denied:
                    assert await reserve(session, one.checkout_id, *((line.sku, line.quantity) for line in one.lines))
        return [denied.get(one.checkout_id) for one in entrants]

    async def give_back(self, buyer: str) -> None:
        """Their checkout ended without an order."""
        assert await self.shop.move(f"co_{buyer}", ReservationState.RELEASED) == 1

    async def look(self, at: datetime | None = None) -> float | None:
        """Look after the line."""
        async with self.shop.transaction() as session:
            return await drops.look_after(session, self.drop_id, at)

    def line(self) -> list[tuple[str, str]]:
        """Who has a place, first come first, and its state."""
        query = "SELECT customer_id, state FROM drop_tickets WHERE drop_id = :d ORDER BY place"
        return [tuple(row) for row in self.shop.rows(query, d=self.drop_id)]

    def counts(self) -> tuple[int, int, int]:
        """Units taken, units granted, places waiting."""
        query = "SELECT taken, granted, waiting FROM drop_skus WHERE drop_id = :d"
        ((taken, granted, waiting),) = self.shop.rows(query, d=self.drop_id)
        return taken, granted, waiting


def sale(shop: Shop, stocked: int = 10, *, allotment: int | None = None, skus: Sequence[str] = (), **how: Any) -> Sale:
    """A drop that opened an hour ago and closes in an hour, unless told otherwise."""
    own, drop_id = {"tenant_id": shop.tenant}, f"drop-{shop.new_sku(0)[-8:]}"
    sku = shop.new_sku(stocked)
    now = datetime.now(UTC)
    window = {"opens_at": now - timedelta(hours=1), "closes_at": now + timedelta(hours=1), "early_access": {}}
    shop.server.add(
        shop.tenant,
        Drop(**own, drop_id=drop_id, title="A few", **{**window, **how}),
        *(DropSku(**own, drop_id=drop_id, sku=one, allotment=allotment) for one in (sku, *skus)),
    )
    return Sale(shop, drop_id, sku)
