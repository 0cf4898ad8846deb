"""The promise, checked against the tables: each check is one statement that finds what must not be."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.books import Drift, IntentBook, OurBook, compare
from domain.ids import checkout_workflow, membership_workflow, order_workflow, return_workflow
from domain.states import RETURN_MOVES, PaymentState, ReturnState, is_terminal
from models.audit_exchanges import EXCHANGE_CHECKS
from models.audit_mails import MAIL_CHECKS
from models.audit_memberships import MEMBERSHIP_CHECKS
from models.audit_parcels import PARCEL_CHECKS
from models.audit_prices import PRICE_CHECKS
from models.audit_refunds import REFUND_CHECKS
from models.audit_returns import RETURN_CHECKS

_WITH_MONEY = (PaymentState.AUTHORIZED, PaymentState.CAPTURED, PaymentState.REFUNDED)


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
        GROUP BY s.tenant_id, s.location_id, s.sku, s.reserved
        HAVING s.reserved <> coalesce(sum(r.quantity), 0)""",
    "stock: what is backordered is somebody's, and was written down": """
        SELECT s.location_id || '/' || s.sku, 'backordered ' || s.backordered || ', accounted for '
          || r.units || ', movements say ' || m.units
        FROM stock_levels s
        CROSS JOIN LATERAL (SELECT coalesce(sum(x.backordered), 0) AS units FROM reservations x
          WHERE x.tenant_id = s.tenant_id AND x.location_id = s.location_id AND x.sku = s.sku) r
        CROSS JOIN LATERAL (SELECT coalesce(sum(x.quantity), 0) AS units FROM stock_movements x
          WHERE x.tenant_id = s.tenant_id AND x.location_id = s.location_id AND x.sku = s.sku
            AND x.kind = 'backordered') m
        WHERE s.backordered <> r.units OR s.backordered <> m.units""",
    "stock: nobody waits for what is there": """
        SELECT location_id || '/' || sku, free || ' free while ' || backordered || ' are waited for'
        FROM stock_levels WHERE free > 0 AND backordered > 0""",
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
          OR (r.state = 'allocated' AND coalesce(o.state, 'cancelled') = 'cancelled' AND NOT EXISTS (
            SELECT 1 FROM shipments s WHERE s.tenant_id = r.tenant_id AND s.shipment_id = r.checkout_id
              AND s.sent_for <> 'order' AND s.state IN ('pending', 'label_bought')
            UNION ALL SELECT 1 FROM returns b WHERE b.tenant_id = r.tenant_id AND b.exchange_state = 'reserved'
              AND 'shp_' || substr(b.return_id, 5) = r.checkout_id))""",
    "money: no order without a payment": """
        SELECT o.order_number, 'order is ' || o.state || ', payment is ' || coalesce(p.state, 'unknown')
        FROM orders o LEFT JOIN payments p USING (tenant_id, payment_id)
        WHERE NOT o.needs_attention AND (p.state IS NULL OR NOT (
          (o.state = 'placed' AND p.state = 'authorized')
          OR (o.state = 'shipped' AND p.state = 'authorized' AND p.captured_minor > 0)
          OR (o.state IN ('placed', 'shipped', 'delivered', 'closed') AND p.state IN ('captured', 'refunded'))
          OR (o.state = 'cancelled' AND p.state IN ('voided', 'refunded'))
          OR (o.state = 'cancelled' AND EXISTS (SELECT 1 FROM disputes d WHERE d.tenant_id = o.tenant_id
              AND d.payment_id = o.payment_id AND d.state = 'lost'))))""",
    "money: no payment without an order": """
        SELECT p.payment_id, 'payment is ' || p.state || ', checkout is ' || c.state
        FROM payments p JOIN checkouts c USING (tenant_id, checkout_id)
        LEFT JOIN orders o USING (tenant_id, checkout_id)
        WHERE p.state IN ('authorized', 'captured') AND o.order_number IS NULL""",
    "money: an order adds up to its lines and its payment": """
        SELECT o.order_number,
          'total ' || o.total_minor || ', lines ' || coalesce(sum(l.gross_minor), 0) || ', payment ' || p.amount_minor
          || ', tax ' || o.tax_minor || ' and ' || coalesce(sum(l.tax_minor), 0) + o.shipping_tax_minor
          || ', discount ' || o.discount_minor || ' and ' || coalesce(sum(l.discount_minor), 0)
        FROM orders o LEFT JOIN order_lines l USING (tenant_id, order_number)
        JOIN payments p ON p.tenant_id = o.tenant_id AND p.payment_id = o.payment_id
        GROUP BY o.tenant_id, o.order_number, p.amount_minor
        HAVING o.total_minor <> coalesce(sum(l.gross_minor), 0) + o.shipping_minor
          OR o.total_minor <> p.amount_minor OR o.discount_minor <> coalesce(sum(l.discount_minor), 0)
          OR o.tax_minor <> coalesce(sum(l.tax_minor), 0) + o.shipping_tax_minor""",
    "money: what is set aside to be refunded is asked for": """
        SELECT p.payment_id, 'set aside ' || p.refunded_minor || ', asked for ' || coalesce(sum(f.amount_minor), 0)
        FROM payments p LEFT JOIN payment_operations f ON f.tenant_id = p.tenant_id AND f.payment_id = p.payment_id
          AND f.kind = 'refund' AND f.state IN ('pending', 'settling', 'succeeded')
        GROUP BY p.tenant_id, p.payment_id, p.refunded_minor
        HAVING p.refunded_minor <> coalesce(sum(f.amount_minor), 0)""",
    "money: no operation is out for long": """
        SELECT idempotency_key, kind || ' pending since ' || created_at FROM payment_operations
        WHERE state = 'pending' AND created_at < now() - interval '1 day'""",
    "ledger: every posting balances": """
        SELECT p.posting_id, 'sum ' || coalesce(sum(e.amount_minor), 0) || ' of ' || count(e.*) || ' entries'
        FROM ledger_postings p LEFT JOIN ledger_entries e USING (tenant_id, posting_id)
        GROUP BY p.tenant_id, p.posting_id HAVING coalesce(sum(e.amount_minor), 0) <> 0 OR count(e.*) < 2""",
    "ledger: it says what was captured and refunded": """
        SELECT p.payment_id, 'captured ' || p.captured_minor || ' and refunded ' || r.done
          || ', ledger says ' || l.captured || ' and ' || l.refunded
        FROM payments p
        CROSS JOIN LATERAL (
          SELECT coalesce(-sum(e.amount_minor) FILTER (WHERE e.account = 'captured'), 0) AS captured,
            coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'refunded'), 0) AS refunded
          FROM ledger_postings g JOIN ledger_entries e USING (tenant_id, posting_id)
          WHERE g.tenant_id = p.tenant_id AND g.payment_id = p.payment_id) l
        CROSS JOIN LATERAL (
          SELECT coalesce(sum(f.amount_minor) FILTER (WHERE f.state = 'succeeded'), 0) AS done,
            coalesce(sum(f.amount_minor) FILTER (WHERE f.state = 'settling'), 0) AS settling
          FROM payment_operations f
          WHERE f.tenant_id = p.tenant_id AND f.payment_id = p.payment_id AND f.kind = 'refund') r
        WHERE l.captured <> p.captured_minor OR l.refunded NOT BETWEEN r.done AND r.done + r.settling""",
    "ledger: a dispute's money is where it should be": """
        SELECT d.dispute_id, d.state || ', postings: ' || coalesce(string_agg(g.kind, ', ' ORDER BY g.kind), 'none')
        FROM disputes d LEFT JOIN ledger_postings g
          ON g.tenant_id = d.tenant_id AND g.posting_id LIKE 'dispute/' || d.dispute_id || '/%'
        GROUP BY d.tenant_id, d.dispute_id, d.state
        HAVING (d.state = 'won' AND count(*) FILTER (WHERE g.kind = 'dispute_opened')
                <> count(*) FILTER (WHERE g.kind = 'dispute_won'))
          OR (d.state = 'lost' AND count(*) FILTER (WHERE g.kind = 'dispute_lost') <> 1)""",
    "drops: what is taken and granted is somebody's": """
        SELECT k.drop_id || '/' || k.sku, 'taken ' || k.taken || ', claims say ' || c.units
          || '; granted ' || k.granted || ' and waiting ' || k.waiting
          || ', places say ' || t.granted || ' and ' || t.waiting
        FROM drop_skus k
        CROSS JOIN LATERAL (SELECT coalesce(sum(x.quantity), 0) AS units FROM drop_claims x
          WHERE x.tenant_id = k.tenant_id AND x.drop_id = k.drop_id AND x.sku = k.sku) c
        CROSS JOIN LATERAL (SELECT coalesce(sum(x.quantity) FILTER (WHERE x.state = 'granted'), 0) AS granted,
            count(*) FILTER (WHERE x.state = 'waiting') AS waiting FROM drop_tickets x
          WHERE x.tenant_id = k.tenant_id AND x.drop_id = k.drop_id AND x.sku = k.sku) t
        WHERE k.taken <> c.units OR k.granted <> t.granted OR k.waiting <> t.waiting""",
    "drops: a checkout has what it took": """
        SELECT c.checkout_id, 'took ' || c.live || ' of ' || c.sku || ', has ' || h.units
        FROM drop_claims c CROSS JOIN LATERAL (
          SELECT coalesce(sum(r.shipped + CASE WHEN r.state = 'released' THEN 0 ELSE r.quantity END), 0) AS units
          FROM reservations r
          WHERE r.tenant_id = c.tenant_id AND r.checkout_id = c.checkout_id AND r.sku = c.sku) h
        WHERE c.live <> h.units""",
    "orders: a checkout has ended, or its time is not long up": """
        SELECT checkout_id, 'still ' || state || ', its time was up at ' || expires_at FROM checkouts
        WHERE state IN ('open', 'awaiting_payment') AND expires_at < now() - interval '15 minutes'""",
    "orders: a completed checkout has its order": """
        SELECT c.checkout_id, 'checkout is ' || c.state || ' as ' || coalesce(c.order_number, 'none')
          || ', its order is ' || coalesce(o.order_number, 'none')
        FROM checkouts c LEFT JOIN orders o USING (tenant_id, checkout_id)
        WHERE c.order_number IS DISTINCT FROM o.order_number""",
    **PARCEL_CHECKS,
    **MEMBERSHIP_CHECKS,
    **PRICE_CHECKS,
    **RETURN_CHECKS,
    **EXCHANGE_CHECKS,
    **REFUND_CHECKS,
    **MAIL_CHECKS,
}


async def audit(session: AsyncSession) -> list[Finding]:
    """Everything that must not be, of this transaction's tenant; empty when the promise is kept."""
    return [
        Finding(check, str(subject), str(detail))
        for check, query in CHECKS.items()
        for subject, detail in (await session.execute(sa.text(query))).all()
    ]


async def under_way(session: AsyncSession) -> bool:
    """Whether something is being paid at this moment: its intent may be at the provider and not here yet."""
    query = sa.text(
        "SELECT EXISTS (SELECT 1 FROM checkouts WHERE state IN ('open', 'awaiting_payment'))"
        " OR EXISTS (SELECT 1 FROM membership_periods WHERE state = 'due')"
    )
    return bool(await session.scalar(query))


async def in_progress(session: AsyncSession) -> dict[str, str]:
    """Workflow id → what it is in charge of: what has not ended must have its workflow."""
    checkouts = sa.text(
        "SELECT tenant_id, checkout_id AS id, state FROM checkouts WHERE state IN ('open', 'awaiting_payment')"
    )
    orders = sa.text(
        "SELECT tenant_id, order_number AS id, state FROM orders"
        " WHERE state NOT IN ('cancelled', 'closed') AND ended_at IS NULL"
    )
    members = sa.text(
        "SELECT tenant_id, membership_id AS id, state FROM memberships WHERE state IN ('pending', 'active', 'past_due')"
    )
    ended = [state.value for state in ReturnState if is_terminal(RETURN_MOVES, state)]
    back = sa.text("SELECT tenant_id, return_id AS id, state FROM returns WHERE state <> ALL (:ended)")
    back = back.bindparams(ended=ended)
    return {
        **{return_workflow(row.tenant_id, row.id): f"return {row.state}" for row in await session.execute(back)},
        **{
            checkout_workflow(row.tenant_id, row.id): f"checkout {row.state}"
            for row in await session.execute(checkouts)
        },
        **{
            membership_workflow(row.tenant_id, row.id): f"membership {row.state}"
            for row in await session.execute(members)
        },
        **{order_workflow(row.tenant_id, row.id): f"order {row.state}" for row in await session.execute(orders)},
    }


def compare_books(ours: dict[str, OurBook], theirs: dict[str, IntentBook], settling: bool) -> list[Finding]:
    """Where the provider and the tables disagree. What is being done at this moment is no disagreement; while
    checkouts are `settling`, neither is an intent that we do not know yet."""
    found = []
    for intent, book in theirs.items():
        own = ours.get(intent)
        if own.settling if own else settling:
            continue
        found += [_finding(drift) for drift in compare(book, own)]
    for intent, own in ours.items():
        if own.state in _WITH_MONEY and intent not in theirs:
            found.append(Finding("provider: intent is known", intent, f"here {own.state}, there nothing"))
    return found


def _finding(drift: Drift) -> Finding:
    return Finding(f"provider: {drift.rule}", drift.subject, f"here {drift.expected}, there {drift.found}")
