"""What the audit promises of exchanges: each parcel that goes out instead of something has a return behind it."""

EXCHANGE_CHECKS = {
    "exchanges: what goes out has a return behind it": """
        SELECT s.shipment_id, 'sent ' || coalesce(sum(l.quantity), 0) || ' for ' || coalesce(sum(l.gross_minor), 0)
          || ', return is ' || coalesce(max(b.state), 'unknown') || ' of ' || coalesce(max(r.pieces), 0) || ' for '
          || coalesce(max(r.worth), 0)
        FROM shipments s LEFT JOIN shipment_lines l USING (tenant_id, shipment_id)
        LEFT JOIN returns b ON b.tenant_id = s.tenant_id AND b.exchange_state = 'sent'
          AND b.order_number = s.order_number AND 'shp_' || substr(b.return_id, 5) = s.shipment_id
        LEFT JOIN LATERAL (SELECT sum(x.exchanged) AS pieces, sum(x.exchanged_minor) AS worth FROM return_lines x
          WHERE x.tenant_id = b.tenant_id AND x.return_id = b.return_id) r ON true
        WHERE s.sent_for = 'exchange' GROUP BY s.tenant_id, s.shipment_id
        HAVING coalesce(max(b.state), 'unknown') NOT IN ('inspected', 'exchanged')
          OR (sum(l.quantity), sum(l.gross_minor)) IS DISTINCT FROM (max(r.pieces), max(r.worth))""",
    "exchanges: what was exchanged has its parcel": """
        SELECT b.return_id, 'exchange is ' || b.exchange_state || ', no such parcel'
        FROM returns b WHERE b.exchange_state = 'sent' AND NOT EXISTS (SELECT 1 FROM shipments s
          WHERE s.tenant_id = b.tenant_id AND s.shipment_id = 'shp_' || substr(b.return_id, 5)
            AND s.sent_for = 'exchange')""",
    "exchanges: nothing is set aside for a return that ended": """
        SELECT return_id, 'return is ' || state || ', its exchange is ' || exchange_state FROM returns
        WHERE exchange_state IN ('asked', 'reserved')
          AND state IN ('refunded', 'exchanged', 'rejected', 'expired', 'cancelled')""",
}
