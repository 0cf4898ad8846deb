"""In front of a checkout: sold out is said at once, for many in one look.

What this process remembers (which SKUs are sold out, for a second) only decides which way a request goes first. What is
answered was read in the database after the request came.
"""

import time
from collections.abc import Sequence

from api.looks import Looks
from domain.checkouts import CheckoutInput
from domain.refusals import Refusal
from models.database import Database

REMEMBERED_SECONDS = 1.0
_MOST_REMEMBERED = 10_000


class Memory:
    """SKUs of which something was true a moment ago."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    def note(self, tenant: str, sku: str) -> None:
        """It is true now."""
        if len(self._until) >= _MOST_REMEMBERED:
            self._until.clear()
        self._until[tenant, sku] = time.monotonic() + REMEMBERED_SECONDS

    def holds(self, tenant: str, skus: Sequence[str]) -> bool:
        """Whether it was true of one of these within the last second."""
        now = time.monotonic()
        return any(self._until.get((tenant, sku), 0.0) > now for sku in skus)


class Gate:
    """One a process."""

    def __init__(self, database: Database) -> None:
        self._sold_out = Memory()
        self._looks = Looks(database)

    async def refusal(self, asked: CheckoutInput) -> Refusal | None:
        """Sold out, and no place in line to be had: said without pricing, reserving or beginning anything. None: who
        knows. A checkout that is there already, and a customer in line, are never refused here."""
        skus = [line.sku for line in asked.lines]
        if not self._sold_out.holds(asked.tenant, skus):
            return None
        (told,) = await self._look(asked.tenant, [asked])
        return told

    def note_sold_out(self, asked: CheckoutInput) -> None:
        """One of its SKUs was just said to be sold out: the next who want it are looked at together."""
        for line in asked.lines:
            self._sold_out.note(asked.tenant, line.sku)

    async def refusals(self, tenant: str, asked: Sequence[CheckoutInput]) -> dict[str, Refusal]:
        """By checkout, what can be refused at a glance of carts that are about to be opened."""
        near = [one for one in asked if self._sold_out.holds(tenant, [line.sku for line in one.lines])]
        if not near:
            return {}
        told = zip(near, await self._look(tenant, near), strict=True)
        return {one.checkout_id: refusal for one, refusal in told if refusal is not None}

    async def close(self) -> None:
        """Give the connections back."""
        await self._looks.close()

    async def _look(self, tenant: str, asked: Sequence[CheckoutInput]) -> list[Refusal | None]:
        seen = await self._looks.ask(tenant, asked)
        refusals = [seen.refusal(one) for one in asked]
        for one, refusal in zip(asked, refusals, strict=True):
            if refusal:
                self.note_sold_out(one)
        return refusals
