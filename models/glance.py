"""What is looked at before checkouts are opened, in one statement; and a checkout on its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from domain.checkouts import CheckoutInput, OpenCheckout
from domain.memberships import NOBODY, Standing
from domain.pricing import Quote
from domain.refusals import Refusal
from models.driver import Statement, ask


@dataclass(frozen=True, slots=True)
class Glance:
    """What one statement saw, before anything is done: mostly nothing, and then nobody looks closer."""

    at: datetime
    """The transaction's clock, which is `created_at` of the rows that it writes."""
    known: frozenset[str]
    """Checkouts that are there already."""
    members: frozenset[str]
    """Customers who have, or had, a membership."""
    dropped: frozenset[str]
    """SKUs of drops."""
    provider_ids: Mapping[str, str]
    """Of customers who ever let us keep a card, their id at the provider."""


@dataclass(slots=True)
class Opening:
    """One checkout on its way through the stages. A stage that refuses it sets `refusal`; later ones leave it out."""

    asked: OpenCheckout
    seen: Glance
    quote: Quote | None = None
    refusal: Refusal | None = None
    standing: Standing = NOBODY
    took_of_drop: bool = False
    took_of_limit: bool = False
    final: bool = False
    """The refusal is written down even if no workflow runs, and stays the answer for this key."""

    @property
    def checkout(self) -> CheckoutInput:
        """What the storefront asked."""
        return self.asked.checkout

    @property
    def is_member(self) -> bool:
        """Whether its customer has, or had, a membership."""
        return self.checkout.customer.customer_id in self.seen.members

    @property
    def fixed(self) -> Quote:
        """The quote, behind the first stage."""
        if self.quote is None:
            raise RuntimeError("not priced yet")
        return self.quote


_GLANCE = """
    SELECT set_config('plan_cache_mode', 'force_generic_plan', true), now() AS at,
      ARRAY(SELECT checkout_id FROM checkouts WHERE checkout_id = ANY (%(checkouts)s)) AS known,
      ARRAY(SELECT customer_id FROM memberships WHERE customer_id = ANY (%(customers)s)) AS members,
      ARRAY(SELECT sku FROM drop_skus WHERE sku = ANY (%(skus)s)) AS dropped,
      (SELECT jsonb_object_agg(customer_id, provider_id) FROM provider_customers
        WHERE customer_id = ANY (%(customers)s)) AS provider_ids"""
"""What follows in this transaction is planned once a connection, and not for each cart: the quote takes longer to plan
than to run."""


async def glance(session: AsyncSession, asked: Sequence[CheckoutInput]) -> Glance:
    """What is there of these checkouts, their customers and what they want."""
    values = {
        "checkouts": [one.checkout_id for one in asked],
        "customers": sorted({one.customer.customer_id for one in asked}),
        "skus": sorted({line.sku for one in asked for line in one.lines}),
    }
    (row,) = await ask(session, Statement(_GLANCE, values))
    return Glance(
        at=row.at,
        known=frozenset(row.known),
        members=frozenset(row.members),
        dropped=frozenset(row.dropped),
        provider_ids=row.provider_ids or {},
    )
