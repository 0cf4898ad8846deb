"""What the audit promises of parcels: each piece is in one, each left paid for, and what did not leave is not paid."""

PARCEL_CHECKS = {
    "parcels: an order's lines are in its parcels": """
        SELECT o.order_number, 'line ' || o.sku || ' of ' || o.quantity || ', ' || o.cancelled || ' cancelled: parcels '
          || coalesce(sum(l.quantity), 0) || ', ' || coalesce(sum(l.cancelled), 0)
        FROM order_lines o LEFT JOIN (
          SELECT l.* FROM shipment_lines l JOIN shipments s USING (tenant_id, shipment_id)
          WHERE s.replaced_by IS NULL AND s.sent_for = 'order'
        ) l USING (tenant_id, order_number, sku)
        GROUP BY o.tenant_id, o.order_number, o.sku, o.quantity, o.cancelled, o.gross_minor, o.tax_minor
        HAVING (o.quantity, o.cancelled, o.gross_minor, o.tax_minor)
          IS DISTINCT FROM (sum(l.quantity), sum(l.cancelled), sum(l.gross_minor), sum(l.tax_minor))""",
    "parcels: what is to go is allocated where it goes from": """
        SELECT o.order_number, l.sku || ' at ' || s.location_id || ': ' || sum(l.quantity - l.cancelled)
          || ' to go, allocated ' || coalesce(max(r.quantity), 0)
        FROM orders o JOIN shipments s USING (tenant_id, order_number)
        JOIN shipment_lines l USING (tenant_id, shipment_id)
        CROSS JOIN LATERAL (
          SELECT CASE s.sent_for WHEN 'order' THEN o.checkout_id ELSE s.shipment_id END AS whose) w
        LEFT JOIN reservations r ON r.tenant_id = o.tenant_id AND r.checkout_id = w.whose
          AND r.location_id = s.location_id AND r.sku = l.sku AND r.state = 'allocated'
        WHERE o.state <> 'cancelled' AND s.state IN ('pending', 'label_bought')
        GROUP BY o.tenant_id, o.order_number, w.whose, s.location_id, l.sku
        HAVING sum(l.quantity - l.cancelled) <> coalesce(max(r.quantity), 0)""",
    "parcels: what is not there waits": """
        SELECT o.order_number, r.backordered || ' x ' || r.sku || ' at ' || r.location_id || ' not there, '
          || w.pieces || ' in parcels that wait'
        FROM orders o JOIN reservations r USING (tenant_id, checkout_id)
        CROSS JOIN LATERAL (
          SELECT coalesce(sum(l.quantity - l.cancelled), 0) AS pieces
          FROM shipments s JOIN shipment_lines l USING (tenant_id, shipment_id)
          WHERE s.tenant_id = o.tenant_id AND s.order_number = o.order_number AND s.location_id = r.location_id
            AND l.sku = r.sku AND s.waits_for_stock AND s.state = 'pending') w
        WHERE r.backordered > w.pieces""",
    "parcels: a parcel that left is paid for": """
        SELECT s.shipment_id, 'parcel is ' || s.state || ', paid nothing'
        FROM shipments s JOIN orders o USING (tenant_id, order_number)
        WHERE s.state NOT IN ('pending', 'label_bought', 'cancelled') AND s.paid_minor IS NULL
          AND s.replaced_by IS NULL AND NOT o.needs_attention""",
    # Rounded as `domain.money.portion` does.
    "parcels: a parcel is paid what it costs": """
        SELECT s.shipment_id, 'paid ' || s.paid_minor || ', costs ' || g.due + s.shipping_minor - s.waived_minor
        FROM shipments s JOIN orders o USING (tenant_id, order_number)
        CROSS JOIN LATERAL (
          SELECT coalesce(sum(l.gross_minor - round(l.gross_minor::numeric * l.cancelled / l.quantity)), 0) AS due
          FROM shipment_lines l WHERE l.tenant_id = s.tenant_id AND l.shipment_id = s.shipment_id) g
        WHERE o.state <> 'cancelled' AND s.state <> 'cancelled' AND s.sent_for = 'order'
          AND s.paid_minor <> g.due + s.shipping_minor - s.waived_minor""",
    "parcels: what was captured is for parcels, or goes back": """
        SELECT o.order_number,
          'captured ' || p.captured_minor || ', for parcels ' || s.paid || ', to go back ' || c.back
        FROM orders o JOIN payments p USING (tenant_id, payment_id)
        CROSS JOIN LATERAL (SELECT coalesce(sum(s.paid_minor), 0) AS paid FROM shipments s
          WHERE s.tenant_id = o.tenant_id AND s.order_number = o.order_number AND s.replaced_by IS NULL) s
        CROSS JOIN LATERAL (SELECT coalesce(sum(c.refund_minor), 0) AS back FROM order_cancellations c
          WHERE c.tenant_id = o.tenant_id AND c.order_number = o.order_number) c
        WHERE o.state IN ('shipped', 'delivered', 'closed') AND NOT o.needs_attention
          AND p.captured_minor <> s.paid + c.back""",
    "parcels: what was captured and cancelled is refunded": """
        SELECT c.order_number, c.refund_minor || ' is to go back, and no refund was asked for'
        FROM order_cancellations c JOIN orders o USING (tenant_id, order_number)
        WHERE c.refund_minor > 0 AND o.state <> 'cancelled' AND NOT o.needs_attention AND NOT EXISTS (
          SELECT 1 FROM payment_operations f WHERE f.tenant_id = c.tenant_id AND f.payment_id = o.payment_id
            AND f.kind = 'refund' AND f.reference = 're_' || substr(c.cancellation_id, 5) AND f.state <> 'failed')""",
}
