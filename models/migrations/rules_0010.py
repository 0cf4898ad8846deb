"""The SQL of migration 0010, as it was: never edited, a later migration changes it."""

TENANT_TABLES = ("shipment_lines", "order_cancellations")

APPEND_ONLY = ("order_cancellations",)

FUNCTIONS = (
    # Looks at a whole order when its transaction ends: each line is in its parcels, in pieces and in money. An order
    # whose parcels are not written down at all is left to the audit.
    """
    CREATE FUNCTION refuse_uneven_parcels() RETURNS trigger LANGUAGE plpgsql AS $$
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
          FROM shipment_lines p WHERE p.tenant_id = tenant AND p.order_number = whose GROUP BY p.sku
        ) p ON p.sku = l.sku
        WHERE l.tenant_id = tenant AND l.order_number = whose
          AND (l.quantity, l.cancelled, l.gross_minor, l.tax_minor)
            IS DISTINCT FROM (p.quantity, p.cancelled, p.gross, p.tax)
        LIMIT 1;
      IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'order %: line % is not what its parcels hold', whose, wrong
          USING ERRCODE = 'check_violation', CONSTRAINT = 'parcels_add_up';
      END IF;
      RETURN NULL;
    END $$
    """,
    # Some units of an order leave or are free again; levels are taken in the order in which everybody takes them. A
    # reservation that is used up keeps its last quantity, and says what became of it.
    """
    CREATE FUNCTION move_units(checkout text, place text, skus text[], quantities bigint[], target text, why text)
    RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      moved integer;
    BEGIN
      PERFORM 1 FROM stock_levels s WHERE s.location_id = place AND s.sku = ANY (skus) ORDER BY s.sku FOR UPDATE;
      UPDATE reservations r
        SET state = CASE WHEN r.quantity = w.quantity THEN target ELSE r.state END,
            quantity = CASE WHEN r.quantity = w.quantity THEN r.quantity ELSE r.quantity - w.quantity END
        FROM unnest(skus, quantities) AS w(sku, quantity)
        WHERE r.checkout_id = checkout AND r.location_id = place AND r.sku = w.sku AND r.state = 'allocated'
          AND r.quantity >= w.quantity;
      GET DIAGNOSTICS moved = ROW_COUNT;
      IF moved <> cardinality(skus) THEN
        RAISE EXCEPTION 'checkout % has not allocated all of % at %', checkout, skus, place
          USING ERRCODE = 'check_violation', CONSTRAINT = 'units_are_allocated';
      END IF;
      UPDATE stock_levels s
        SET reserved = s.reserved - w.quantity,
            on_hand = s.on_hand - CASE WHEN target = 'shipped' THEN w.quantity ELSE 0 END
        FROM unnest(skus, quantities) AS w(sku, quantity) WHERE s.location_id = place AND s.sku = w.sku;
      INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
        SELECT current_tenant(), place, w.sku, target, w.quantity, why
        FROM unnest(skus, quantities) AS w(sku, quantity);
    END $$
    """,
)

EXECUTABLE = ("refuse_uneven_parcels()", "move_units(text, text, text[], bigint[], text, text)")

TRIGGERS = (
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON order_cancellations FOR EACH ROW
      EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE CONSTRAINT TRIGGER parcels_add_up AFTER INSERT OR UPDATE OR DELETE ON shipment_lines
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_uneven_parcels()
    """,
    """
    CREATE CONSTRAINT TRIGGER parcels_add_up AFTER UPDATE ON order_lines
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_uneven_parcels()
    """,
)

READ_FOR_IT = ("orders", "order_lines", "shipments", "payments")

CARRIED_OVER = (
    # Every order so far has one parcel, which holds all of it.
    """
    UPDATE order_lines l SET cancelled = l.quantity FROM orders o
    WHERE o.tenant_id = l.tenant_id AND o.order_number = l.order_number AND o.state = 'cancelled'
    """,
    """
    INSERT INTO shipment_lines (tenant_id, shipment_id, sku, order_number, quantity, cancelled, gross_minor, tax_minor)
    SELECT l.tenant_id, s.shipment_id, l.sku, l.order_number, l.quantity, l.cancelled, l.gross_minor, l.tax_minor
    FROM order_lines l JOIN (
      SELECT tenant_id, order_number, min(shipment_id) AS shipment_id FROM shipments GROUP BY tenant_id, order_number
    ) s USING (tenant_id, order_number)
    """,
    # It carries the shipping; what was captured is paid for it, and what the dock left out is waived.
    """
    UPDATE shipments s SET shipping_minor = o.shipping_minor, paid_minor = p.captured_minor,
      waived_minor = o.total_minor - p.captured_minor
    FROM orders o JOIN payments p USING (tenant_id, payment_id)
    WHERE o.tenant_id = s.tenant_id AND o.order_number = s.order_number AND o.state <> 'cancelled'
      AND p.captured_minor > 0
    """,
)
