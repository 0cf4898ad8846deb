"""The SQL of migration 0031, as it was: never edited, a later migration changes it."""

WRITTEN_AT = """
    CREATE FUNCTION written_at(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN replace(to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')
    """

ORDER_PAGE = """
    SELECT row_to_json(seen)::text FROM (
      SELECT o.order_number AS number, o.state, o.checkout_id, o.customer_id, o.currency, o.total_minor AS total,
        o.tax_minor AS tax, o.shipping_minor AS shipping, o.discount_minor AS discount, o.needs_attention,
        o.attention_reason, o.held_reason, o.ended_at IS NOT NULL AS possible_acts,
        written_at(o.placed_at) AS placed_at,
        array_to_json(ARRAY(SELECT r FROM (
          SELECT l.sku, l.title, l.quantity, l.cancelled, l.unit_minor AS unit, l.net_minor AS net, l.tax_minor AS tax,
            l.gross_minor AS gross, coalesce(w.backordered, 0)::bigint AS backordered, w.expected_on,
            l.discount_minor AS discount, l.list_minor AS compare_at, l.tax_basis_points
          FROM order_lines l LEFT JOIN (
            SELECT v.sku, sum(v.backordered) AS backordered, max(v.expected_on) AS expected_on FROM reservations v
            WHERE v.tenant_id = o.tenant_id AND v.checkout_id = o.checkout_id AND v.backordered > 0 GROUP BY v.sku
          ) w ON w.sku = l.sku
          WHERE l.tenant_id = o.tenant_id AND l.order_number = o.order_number ORDER BY l.sku) r)) AS lines,
        (SELECT row_to_json(r) FROM (
          SELECT p.payment_id AS id, p.state, p.authorized_minor AS authorized, p.captured_minor AS captured,
            p.refunded_minor AS refunded, p.card, written_at(p.capture_before) AS capture_before
          FROM payments p WHERE p.tenant_id = o.tenant_id AND p.payment_id = o.payment_id) r) AS payment,
        array_to_json(ARRAY(SELECT r FROM (
          SELECT coalesce(f.reference, q.refund_id) AS id,
            CASE coalesce(f.state, q.state) WHEN 'reversed' THEN 'failed' WHEN 'approved' THEN 'pending'
              ELSE coalesce(f.state, q.state) END AS state,
            coalesce(f.amount_minor, q.amount_minor) AS amount, f.error_code AS reason,
            CASE WHEN f.reference IS NULL THEN q.actor || ': ' || q.note ELSE f.note END AS reason_detail,
            q.order_number, q.cause, q.actor AS asked_by, written_at(q.created_at) AS asked_at,
            written_at(q.due_at) AS approve_by, q.decided_by, q.decision_note AS decision
          FROM (
            SELECT DISTINCT ON (x.reference) x.* FROM payment_operations x
            WHERE x.tenant_id = o.tenant_id AND x.payment_id = o.payment_id AND x.kind = 'refund'
            ORDER BY x.reference, x.sequence DESC
          ) f FULL JOIN (
            SELECT y.* FROM refund_requests y WHERE y.tenant_id = o.tenant_id AND y.order_number = o.order_number
          ) q ON q.refund_id = f.reference
          ORDER BY coalesce(q.created_at, f.created_at), coalesce(f.reference, q.refund_id)) r)) AS refunds,
        array_to_json(ARRAY(SELECT r FROM (
          SELECT d.dispute_id AS id, d.state, d.reason, d.amount_minor AS amount,
            written_at(d.evidence_due_at) AS evidence_due_at
          FROM disputes d WHERE d.tenant_id = o.tenant_id AND d.payment_id = o.payment_id
          ORDER BY d.opened_at) r)) AS disputes,
        array_to_json(ARRAY(SELECT r FROM (
          SELECT c.cancellation_id AS id, c.actor, c.reason, c.lines, c.amount_minor AS amount,
            c.refund_minor AS refund, written_at(c.at) AS at
          FROM order_cancellations c WHERE c.tenant_id = o.tenant_id AND c.order_number = o.order_number
          ORDER BY c.at, c.cancellation_id) r)) AS cancellations,
        array_to_json(ARRAY(SELECT r FROM (
          SELECT s.shipment_id AS id, s.state, s.location_id AS location,
            array_to_json(ARRAY(SELECT i FROM (
              SELECT b.sku, b.quantity, b.cancelled FROM shipment_lines b
              WHERE b.tenant_id = s.tenant_id AND b.shipment_id = s.shipment_id ORDER BY b.sku) i)) AS lines,
            s.waits_for_stock,
            CASE WHEN s.waits_for_stock AND s.state IN ('pending', 'label_bought') THEN (
              SELECT max(coalesce(k.expected_on, v.expected_on))
              FROM reservations v
              JOIN shipment_lines b ON b.tenant_id = v.tenant_id AND b.sku = v.sku
                AND b.shipment_id = s.shipment_id AND b.cancelled < b.quantity
              JOIN stock_levels k ON k.tenant_id = v.tenant_id AND k.location_id = v.location_id AND k.sku = v.sku
              WHERE v.tenant_id = o.tenant_id AND v.checkout_id = o.checkout_id AND v.location_id = s.location_id
                AND v.backordered > 0
            ) END AS expected_on,
            s.paid_minor AS paid, written_at(s.ship_by) AS ship_by, written_at(s.picked_at) AS picked_at,
            written_at(s.packed_at) AS packed_at, s.resolution, written_at(s.wait_until) AS wait_until, s.replaced_by,
            json_build_array(
              coalesce(s.trouble, CASE WHEN o.calls -> ('waited/' || s.shipment_id) IS NOT NULL THEN 'exception' END),
              s.sent_for) AS possible_acts,
            s.carrier, s.tracking_number, s.tracking_url, s.tracking_status,
            array_to_json(ARRAY(SELECT i FROM (
              SELECT t.status, t.carrier_code AS code, t.description, t.location,
                written_at(t.occurred_at) AS occurred_at
              FROM tracking_events t WHERE t.tenant_id = s.tenant_id AND t.shipment_id = s.shipment_id
              ORDER BY t.occurred_at, t.event_id) i)) AS scans
          FROM shipments s WHERE s.tenant_id = o.tenant_id AND s.order_number = o.order_number
          ORDER BY s.place, s.created_at, s.shipment_id) r)) AS shipments,
        array_to_json(ARRAY(SELECT r FROM (
          SELECT e.type, e.message, written_at(e.occurred_at) AS occurred_at FROM events e
          WHERE e.tenant_id = o.tenant_id AND e.checkout_id = o.checkout_id ORDER BY e.event_id) r)) AS timeline,
        page AS support_url
      FROM orders o WHERE o.tenant_id = tenant AND o.order_number = wanted
    ) seen
    """
"""All there is to say of an order, as `GET /v1/orders/{number}` says it. `tenant`, `wanted`, `page`: what is asked.

Which acts are possible is the rules' to say (`domain/support.py`); in their place stands what they need to know beside
the rest: whether the order has ended, and what a parcel calls a person for and is sent for.
"""

FUNCTIONS = (
    # As the API writes a moment: RFC 3339 in UTC, a fraction only if there is one.
    WRITTEN_AT,
    # One round trip, as the tenant, in a transaction of its own. No row: NULL.
    f"""
    CREATE FUNCTION order_page(tenant text, wanted text, page text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      RETURN ({ORDER_PAGE});
    END $$
    """,
)

EXECUTABLE = ("written_at(timestamptz)", "order_page(text, text, text)")
