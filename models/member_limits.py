"""So many of a SKU a member may buy in a period: counted as a checkout opens, given back as it comes to nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.pricing import CartLine
from domain.refusals import Refusal, RefusalCode
from models.memberships import MemberPurchase

_LIMITED = sa.text(
    """
    SELECT m.tenant_id, m.membership_id, m.customer_id, m.period, t.purchase_limit
    FROM memberships m JOIN membership_tiers t USING (tenant_id, plan_id, tier_id)
    WHERE m.customer_id = ANY (:customers) AND m.state IN ('active', 'past_due') AND m.benefits_until > now()
    ORDER BY m.membership_id FOR NO KEY UPDATE OF m
    """
)
"""All memberships of these customers, locked in one order: purchases of one member are made one after the other."""

_BOUGHT = sa.text(
    "SELECT sku, member_bought(:membership, :period, sku) AS total FROM unnest(CAST(:skus AS text[])) AS wanted(sku)"
)


async def take(
    session: AsyncSession, carts: Sequence[tuple[str, str, Sequence[CartLine]]], limited: Mapping[str, int]
) -> dict[str, Refusal]:
    """Count carts (checkout, customer, lines) in order of arrival; who is refused, by checkout, and why.

    `limited`: customer → what their memberships allow together. Who has none is not asked about.
    """
    counting: dict[str, Any] = {}
    for row in await session.execute(_LIMITED, {"customers": sorted(limited)}):
        if row.purchase_limit == limited[row.customer_id]:
            counting.setdefault(row.customer_id, row)
    refused = {}
    for checkout, customer, lines in carts:
        counted = counting.get(customer)
        if counted is None:
            continue
        asked = {"membership": counted.membership_id, "period": counted.period, "skus": [line.sku for line in lines]}
        bought = {one.sku: one.total for one in await session.execute(_BOUGHT, asked)}
        over = [line.sku for line in lines if bought[line.sku] + line.quantity > limited[customer]]
        if over:
            refused[checkout] = _refusal(over, limited[customer])
            continue
        session.add_all(
            MemberPurchase(
                tenant_id=counted.tenant_id,
                checkout_id=checkout,
                sku=line.sku,
                membership_id=counted.membership_id,
                period=counted.period,
                quantity=line.quantity,
                most=limited[customer],
            )
            for line in lines
        )
        await session.flush()
    return refused


async def give_back(session: AsyncSession, checkouts: Sequence[str]) -> None:
    """These carts came to nothing before they were checkouts."""
    await session.execute(sa.delete(MemberPurchase).where(MemberPurchase.checkout_id.in_(checkouts)))


def _refusal(over: Sequence[str], limit: int) -> Refusal:
    message = f"A membership allows {limit} of {', '.join(over)} in a period, and that many were bought."
    return Refusal(RefusalCode.PURCHASE_LIMIT_REACHED, message, {"skus": ",".join(over), "limit": str(limit)})
