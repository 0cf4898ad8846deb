"""The SQL of migration 0026, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # As before, but a parcel that was sent again does not count: the one that goes in its place does.
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
          FROM shipment_lines p JOIN shipments s ON s.tenant_id = p.tenant_id AND s.shipment_id = p.shipment_id
          WHERE p.tenant_id = tenant AND p.order_number = whose AND s.replaced_by IS NULL GROUP BY p.sku
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
    # Units that are an order's once more, all from one place or none: false when there are not so many to be had. What
    # it had there before has left: that row makes room.
    """
    CREATE FUNCTION allocate_again(checkout text, place text, skus text[], quantities bigint[], why text)
    RETURNS boolean LANGUAGE plpgsql AS $$
    DECLARE
      mine text := current_tenant();
    BEGIN
      PERFORM 1 FROM stock_levels s WHERE s.tenant_id = mine AND s.location_id = place AND s.sku = ANY (skus)
        ORDER BY s.sku FOR NO KEY UPDATE;
      IF EXISTS (
        SELECT 1 FROM unnest(skus, quantities) AS w(sku, quantity)
        LEFT JOIN stock_levels s ON s.tenant_id = mine AND s.location_id = place AND s.sku = w.sku
        WHERE coalesce(s.free, 0) < w.quantity
      ) THEN
        RETURN false;
      END IF;
      UPDATE stock_levels s SET reserved = s.reserved + w.quantity FROM unnest(skus, quantities) AS w(sku, quantity)
        WHERE s.tenant_id = mine AND s.location_id = place AND s.sku = w.sku;
      DELETE FROM reservations r WHERE r.tenant_id = mine AND r.checkout_id = checkout AND r.location_id = place
        AND r.sku = ANY (skus) AND r.state IN ('shipped', 'released');
      INSERT INTO reservations AS r (tenant_id, checkout_id, sku, location_id, quantity, state, expires_at)
        SELECT mine, checkout, w.sku, place, w.quantity, 'allocated', now()
        FROM unnest(skus, quantities) AS w(sku, quantity)
        ON CONFLICT (tenant_id, checkout_id, sku, location_id) DO UPDATE SET quantity = r.quantity + excluded.quantity;
      INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
        SELECT mine, place, w.sku, m.kind, w.quantity, why FROM unnest(skus, quantities) AS w(sku, quantity)
        CROSS JOIN (VALUES ('reserved'), ('allocated')) AS m(kind);
      RETURN true;
    END $$
    """,
)

EXECUTABLE = ("allocate_again(text, text, text[], bigint[], text)",)
