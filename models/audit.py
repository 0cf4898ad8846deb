"""The promise, checked against the tables: each check is one statement that finds what must not be."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: which check found it, on what, and what is wrong."""

    check: str
    subject: str
    detail: str


CHECKS = {
    "stock: what is reserved is somebody's": """
        SELECT s.location_id || '/' || s.sku,
          'reserved ' || s.reserved || ', accounted for ' || coalesce(sum(r.quantity), 0)
        FROM stock_levels s LEFT JOIN reservations r ON r.tenant_id = s.tenant_id AND r.location_id = s.location_id
          AND r.sku = s.sku AND r.state IN ('held', 'allocated')
        GROUP BY s.tenant_id, s.location_id, s.sku, s.reserved HAVING s.reserved <> coalesce(sum(r.quantity), 0)""",
    "stock: every change has its movement": """
        SELECT s.location_id || '/' || s.sku, 'on hand ' || s.on_hand || ', movements say ' || coalesce(m.total, 0)
        FROM stock_levels s LEFT JOIN (
          SELECT tenant_id, location_id, sku,
            sum(CASE kind WHEN 'shipped' THEN -quantity WHEN 'received' THEN quantity WHEN 'returned' THEN quantity
                WHEN 'adjusted' THEN quantity ELSE 0 END) AS total
          FROM stock_movements GROUP BY tenant_id, location_id, sku
        ) m USING (tenant_id, location_id, sku) WHERE s.on_hand <> coalesce(m.total, 0)""",
    "stock: nothing is held for a checkout that ended": """
        SELECT r.checkout_id,
          r.quantity || ' of ' || r.sku || ' ' || r.state || ', checkout is ' || coalesce(c.state, 'unknown')
        FROM reservations r LEFT JOIN checkouts c USING (tenant_id, checkout_id)
        LEFT JOIN orders o USING (tenant_id, checkout_id)
        WHERE (r.state = 'held' AND coalesce(c.state, 'unknown') NOT IN ('open', 'awaiting_payment'))
          OR (r.state = 'allocated' AND coalesce(o.state, 'cancelled') = 'cancelled')""",
    "stock: an order has its units": """
        SELECT o.order_number, 'line ' || l.sku || ' of ' || l.quantity || ' has ' || coalesce(sum(r.quantity), 0)
        FROM orders o JOIN order_lines l USING (tenant_id, order_number)
        LEFT JOIN reservations r ON r.tenant_id = o.tenant_id AND r.checkout_id = o.checkout_id AND r.sku = l.sku
          AND r.state IN ('allocated', 'shipped')
        WHERE o.state <> 'cancelled'
        GROUP BY o.tenant_id, o.order_number, l.sku, l.quantity HAVING l.quantity <> coalesce(sum(r.quantity), 0)""",
    "money: no order without a payment": """
        SELECT o.order_number, 'order is ' || o.state || ', payment is ' || coalesce(p.state, 'unknown')
        FROM orders o LEFT JOIN payments p USING (tenant_id, payment_id)
        WHERE NOT o.needs_attention AND (p.state IS NULL OR NOT (
          (o.state = 'placed' AND p.state = 'authorized')
          OR (o.state IN ('placed', 'shipped', 'delivered', 'closed') AND p.state = 'captured')
          OR (o.state = 'cancelled' AND p.state = 'voided')))""",
    "money: no payment without an order": """
        SELECT p.payment_id, 'payment is ' || p.state || ', checkout is ' || c.state
        FROM payments p JOIN checkouts c USING (tenant_id, checkout_id)
        LEFT JOIN orders o USING (tenant_id, checkout_id)
        WHERE p.state IN ('authorized', 'captured') AND o.order_number IS NULL""",
    "money: an order adds up to its lines and its payment": """
        SELECT o.order_number,
          'total ' || o.total_minor || ', lines ' || coalesce(sum(l.gross_minor), 0) || ', payment ' || p.amount_minor
        FROM orders o LEFT JOIN order_lines l USING (tenant_id, order_number)
        JOIN payments p ON p.tenant_id = o.tenant_id AND p.payment_id = o.payment_id
        GROUP BY o.tenant_id, o.order_number, o.total_minor, o.shipping_minor, p.amount_minor
        HAVING o.total_minor <> coalesce(sum(l.gross_minor), 0) + o.shipping_minor
          OR o.total_minor <> p.amount_minor""",
    "orders: a checkout has ended, or its time is not long up": """
        SELECT checkout_id, 'still ' || state || ', its time was up at ' || expires_at FROM checkouts
        WHERE state IN ('open', 'awaiting_payment') AND expires_at < now() - interval '15 minutes'""",
    "orders: a completed checkout has its order": """
        SELECT c.checkout_id, 'checkout is ' || c.state || ' as ' || coalesce(c.order_number, 'none')
          || ', its order is ' || coalesce(o.order_number, 'none')
        FROM checkouts c LEFT JOIN orders o USING (tenant_id, checkout_id)
        WHERE c.order_number IS DISTINCT FROM o.order_number""",
}


async def audit(session: AsyncSession) -> list[Finding]:
    """Everything that must not be, of this transaction's tenant; empty when the promise is kept."""
    return [
        Finding(check, str(subject), str(detail))
        for check, query in CHECKS.items()
        for subject, detail in (await session.execute(sa.text(query))).all()
    ]


async def known_intents(session: AsyncSession) -> dict[str, tuple[str, int]]:
    """Intent id → (payment state, minor units held or taken) of every payment that has an intent."""
    rows = await session.execute(
        sa.text(
            "SELECT intent_id, state, CASE state WHEN 'captured' THEN captured_minor"
            " WHEN 'authorized' THEN authorized_minor ELSE 0 END AS minor FROM payments WHERE intent_id IS NOT NULL"
        )
    )
    return {row.intent_id: (row.state, row.minor) for row in rows}


async def under_way(session: AsyncSession) -> bool:
    """Whether a checkout is being paid at this moment: its intent may be at the provider and not here yet."""
    query = sa.text("SELECT EXISTS (SELECT 1 FROM checkouts WHERE state IN ('open', 'awaiting_payment'))")
    return bool(await session.scalar(query))


def compare_with_provider(
    ours: dict[str, tuple[str, int]], theirs: dict[str, tuple[str, int]], settling: bool
) -> list[Finding]:
    """Where the provider and the tables disagree. While checkouts are `settling`,
    an intent that we do not know yet is no disagreement."""
    words = {"requires_capture": "authorized", "succeeded": "captured"}
    check = "money: the provider agrees"
    found = []
    for intent, (status, minor) in theirs.items():
        state, own = ours.get(intent, ("unknown to us", 0))
        if settling and state in ("unknown to us", "pending", "requires_action"):
            continue
        if (words[status], minor) != (state, own):
            found.append(Finding(check, intent, f"there {words[status]} {minor}, here {state} {own}"))
    for intent, (state, own) in ours.items():
        if state in ("authorized", "captured") and intent not in theirs:
            found.append(Finding(check, intent, f"here {state} {own}, there nothing"))
    return found
