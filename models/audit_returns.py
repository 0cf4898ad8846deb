"""What the audit promises of returns: no more than was sent, paid back exactly and once, and in stock again."""

RETURN_CHECKS = {
    "returns: no more comes back than was delivered": """
        SELECT l.shipment_id || '/' || l.sku, sum(r.quantity) || ' come back of ' || l.quantity - l.cancelled
        FROM shipment_lines l JOIN return_lines r USING (tenant_id, shipment_id, sku)
        JOIN returns b ON b.tenant_id = r.tenant_id AND b.return_id = r.return_id
        WHERE b.state NOT IN ('expired', 'cancelled') AND (b.state <> 'rejected' OR b.received_at IS NOT NULL)
        GROUP BY l.tenant_id, l.shipment_id, l.sku, l.quantity, l.cancelled
        HAVING sum(r.quantity) > l.quantity - l.cancelled""",
    "returns: what was returned is refunded": """
        SELECT b.return_id, b.goods_minor + b.shipping_minor - b.label_charge_minor || ' is to go back, asked for '
          || coalesce(f.amount, 0)
        FROM returns b JOIN orders o USING (tenant_id, order_number)
        CROSS JOIN LATERAL (SELECT sum(f.amount_minor) AS amount FROM payment_operations f
          WHERE f.tenant_id = b.tenant_id AND f.payment_id = o.payment_id AND f.kind = 'refund'
            AND f.reference = b.refund_id AND f.state <> 'failed') f
        WHERE b.state IN ('refunded', 'exchanged') AND NOT o.needs_attention
          AND coalesce(f.amount, 0) <> b.goods_minor + b.shipping_minor - b.label_charge_minor""",
    "returns: nothing goes back that did not come": """
        SELECT b.return_id, 'return is ' || b.state || ', a refund of ' || f.amount_minor || ' is ' || f.state
        FROM returns b JOIN orders o USING (tenant_id, order_number)
        JOIN payment_operations f ON f.tenant_id = b.tenant_id AND f.payment_id = o.payment_id AND f.kind = 'refund'
          AND f.reference = b.refund_id AND f.state <> 'failed'
        WHERE b.state NOT IN ('inspected', 'refunded', 'exchanged')""",
    "returns: the goods are the sum of the lines": """
        SELECT b.return_id, 'goods ' || b.goods_minor || ', lines ' || sum(r.gross_minor - r.exchanged_minor)
        FROM returns b JOIN return_lines r USING (tenant_id, return_id) WHERE b.refund_id IS NOT NULL
        GROUP BY b.tenant_id, b.return_id, b.goods_minor
        HAVING b.goods_minor > sum(r.gross_minor - r.exchanged_minor)""",
    "returns: what is paid back of a line is no more than was paid": """
        SELECT l.shipment_id || '/' || l.sku, 'paid ' || l.gross_minor || ', paid back ' || sum(r.gross_minor)
        FROM shipment_lines l JOIN return_lines r USING (tenant_id, shipment_id, sku)
        GROUP BY l.tenant_id, l.shipment_id, l.sku, l.gross_minor HAVING sum(r.gross_minor) > l.gross_minor""",
    "returns: what is restocked has its movement": """
        SELECT b.return_id || '/' || r.sku, sum(r.restocked) || ' restocked, movements say ' || coalesce(m.units, 0)
        FROM returns b JOIN return_lines r USING (tenant_id, return_id)
        LEFT JOIN LATERAL (SELECT sum(x.quantity) AS units FROM stock_adjustments x WHERE x.tenant_id = b.tenant_id
          AND x.location_id = b.location_id AND x.sku = r.sku AND x.kind = 'returned'
          AND starts_with(x.idempotency_key, b.return_id || '/')) m ON true
        GROUP BY b.tenant_id, b.return_id, r.sku, m.units HAVING sum(r.restocked) <> coalesce(m.units, 0)""",
}
