"""The SQL of the migration of this number, as it was: never edited, a later migration changes it."""

RETURN_STATES = (
    "requested", "approved", "label_sent", "in_transit", "received", "inspected", "refunded", "exchanged", "rejected",
    "expired", "cancelled",
)  # fmt: skip

MOVES = (("returns", "inspected", "exchanged"),)

LINE_RULES = {
    "exchange": "(exchange_for IS NULL) = (exchange_gross_minor IS NULL)"
    " AND (exchange_for IS NULL) = (exchange_tax_minor IS NULL)"
    " AND 0 <= exchange_tax_minor AND exchange_tax_minor <= exchange_gross_minor",
    "exchanged": "exchanged BETWEEN 0 AND restocked + damaged AND exchanged_minor BETWEEN 0 AND"
    " coalesce(gross_minor, 0) AND (exchange_for IS NOT NULL OR exchanged = 0)"
    " AND (exchanged > 0 OR exchanged_minor = 0)",
}

FUNCTIONS = (
    # As before; but only the parcels that are sent for the order hold its lines.
    """
    CREATE OR REPLACE FUNCTION refuse_uneven_parcels() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      whose text := CASE WHEN TG_OP = 'DELETE' THEN OLD.order_number ELSE NEW.order_number END;
      tenant text := CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
      wrong text;
    BEGIN
      IF NOT EXISTS (SELECT 1 FROM shipment_lines p WHERE p.tenant_id = tenant AND p.order_number = whose) THEN
        RETURN NULL;
      END IF;
      SELECT l.sku INTO wrong FROM order_lines l LEFT JOIN (
          SELECT p.sku, sum(p.quantity) AS quantity, sum(p.cancelled) AS cancelled, sum(p.gross_minor) AS gross,
            sum(p.tax_minor) AS tax
          FROM shipment_lines p JOIN shipments s USING (tenant_id, shipment_id)
          WHERE p.tenant_id = tenant AND p.order_number = whose AND s.replaced_by IS NULL AND s.sent_for = 'order'
          GROUP BY p.sku
        ) p ON p.sku = l.sku
        WHERE l.tenant_id = tenant AND l.order_number = whose
          AND (l.quantity, l.cancelled, l.gross_minor, l.tax_minor)
            IS DISTINCT FROM (p.quantity, p.cancelled, p.gross, p.tax)
        LIMIT 1;
      IF wrong IS NULL THEN
        SELECT p.sku INTO wrong FROM shipment_lines p JOIN shipments s USING (tenant_id, shipment_id)
          WHERE p.tenant_id = tenant AND p.order_number = whose AND s.sent_for = 'order' AND NOT EXISTS (
            SELECT 1 FROM order_lines l WHERE l.tenant_id = tenant AND l.order_number = whose AND l.sku = p.sku)
          LIMIT 1;
      END IF;
      IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'order %: line % is not what its parcels hold', whose, wrong
          USING ERRCODE = 'check_violation', CONSTRAINT = 'parcels_add_up';
      END IF;
      RETURN NULL;
    END $$
    """,
)
