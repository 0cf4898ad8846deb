"""The SQL of the migration of this number, as it was: never edited, a later migration changes it."""

GONE = ("reserve_stock(text, text[], bigint[], timestamptz)", "locate_stock(text[], bigint[])")
"""Replaced by `reserve_carts` in 0014, and kept until now for processes of the version before."""

FUNCTIONS = (
    # What a checkout has is locked in the order that everybody keeps to: its claims on drops if they may be given back,
    # then its levels, by SKU and location. Who opens a checkout holds claims while it waits for levels; were it the
    # other way round here, the two could wait for each other.
    """
    CREATE FUNCTION lock_reserved(checkout text, target text, place text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF target = 'released' THEN
        PERFORM 1 FROM drop_claims c WHERE c.tenant_id = current_tenant() AND c.checkout_id = checkout
          ORDER BY c.sku FOR NO KEY UPDATE;
      END IF;
      PERFORM 1 FROM stock_levels s JOIN reservations r
          ON r.tenant_id = s.tenant_id AND r.location_id = s.location_id AND r.sku = s.sku
        WHERE r.checkout_id = checkout AND (place IS NULL OR r.location_id = place)
        ORDER BY s.sku, s.location_id FOR NO KEY UPDATE OF s;
    END $$
    """,
    # As before, under those locks.
    """
    CREATE OR REPLACE FUNCTION move_reservations(checkout text, target text, why text, place text DEFAULT NULL)
    RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
      moved integer;
      freed record;
    BEGIN
      PERFORM lock_reserved(checkout, target, place);
      WITH due AS (
        SELECT r.* FROM reservations r
        WHERE r.checkout_id = checkout AND (place IS NULL OR r.location_id = place)
          AND (target <> 'shipped' OR r.backordered = 0)
          AND EXISTS (SELECT 1 FROM legal_moves m
                      WHERE m.machine = 'reservations' AND m.state = r.state AND m.next_state = target)
      ), changed AS (
        UPDATE reservations r SET state = target,
          backordered = CASE WHEN target = 'released' THEN 0 ELSE d.backordered END
        FROM due d WHERE r.tenant_id = d.tenant_id AND r.checkout_id = d.checkout_id AND r.sku = d.sku
          AND r.location_id = d.location_id
        RETURNING r.tenant_id, r.location_id, r.sku, d.quantity AS units, d.backordered AS beyond
      ), levelled AS (
        UPDATE stock_levels s
          SET reserved = s.reserved - c.units,
              backordered = s.backordered - CASE WHEN target = 'released' THEN c.beyond ELSE 0 END,
              on_hand = s.on_hand - CASE WHEN target = 'shipped' THEN c.units ELSE 0 END
          FROM changed c
          WHERE target IN ('shipped', 'released')
            AND s.tenant_id = c.tenant_id AND s.location_id = c.location_id AND s.sku = c.sku
      ), noted AS (
        INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
          SELECT c.tenant_id, c.location_id, c.sku, m.kind, m.quantity, why FROM changed c
          CROSS JOIN LATERAL (VALUES (target, c.units), ('backordered', -c.beyond)) AS m(kind, quantity)
          WHERE m.kind = target OR (target = 'released' AND c.beyond > 0)
      )
      SELECT count(*) INTO moved FROM changed;
      IF target = 'released' AND moved > 0 THEN
        FOR freed IN SELECT s.sku, s.location_id FROM stock_levels s JOIN reservations r
            ON r.tenant_id = s.tenant_id AND r.location_id = s.location_id AND r.sku = s.sku
          WHERE r.checkout_id = checkout AND (place IS NULL OR r.location_id = place) AND s.backordered > 0
        LOOP
          PERFORM cover_stock(freed.location_id, freed.sku, why);
        END LOOP;
      END IF;
      RETURN moved;
    END $$
    """,
    # As before, under those locks; and pieces that leave before the others are still known to have been had.
    """
    CREATE OR REPLACE FUNCTION move_units(checkout text, place text, skus text[], quantities bigint[], target text,
      why text) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      moved integer;
      freed record;
    BEGIN
      PERFORM lock_reserved(checkout, target, place);
      WITH due AS (
        SELECT r.tenant_id, r.checkout_id, r.sku, r.location_id, w.quantity AS units, r.quantity,
          CASE WHEN target = 'released' THEN least(w.quantity, r.backordered) ELSE 0 END AS beyond
        FROM reservations r JOIN unnest(skus, quantities) AS w(sku, quantity) USING (sku)
        WHERE r.checkout_id = checkout AND r.location_id = place AND r.state = 'allocated' AND w.quantity > 0
          AND w.quantity <= r.quantity - (CASE WHEN target = 'shipped' THEN r.backordered ELSE 0 END)
      ), changed AS (
        UPDATE reservations r SET
          state = CASE WHEN d.quantity = d.units THEN target ELSE r.state END,
          quantity = CASE WHEN d.quantity = d.units THEN d.quantity ELSE d.quantity - d.units END,
          shipped = r.shipped + CASE WHEN target = 'shipped' AND d.quantity > d.units THEN d.units ELSE 0 END,
          backordered = r.backordered - d.beyond
        FROM due d WHERE r.tenant_id = d.tenant_id AND r.checkout_id = d.checkout_id AND r.sku = d.sku
          AND r.location_id = d.location_id
        RETURNING r.tenant_id, r.location_id, r.sku, d.units, d.beyond
      ), levelled AS (
        UPDATE stock_levels s SET reserved = s.reserved - c.units, backordered = s.backordered - c.beyond,
          on_hand = s.on_hand - CASE WHEN target = 'shipped' THEN c.units ELSE 0 END
        FROM changed c WHERE s.tenant_id = c.tenant_id AND s.location_id = c.location_id AND s.sku = c.sku
      ), noted AS (
        INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
        SELECT c.tenant_id, c.location_id, c.sku, m.kind, m.quantity, why FROM changed c
        CROSS JOIN LATERAL (VALUES (target, c.units), ('backordered', -c.beyond)) AS m(kind, quantity)
        WHERE m.quantity <> 0
      )
      SELECT count(*) INTO moved FROM changed;
      IF moved <> cardinality(skus) THEN
        RAISE EXCEPTION 'checkout % has not all of % allocated and there at %', checkout, skus, place
          USING ERRCODE = 'check_violation', CONSTRAINT = 'units_are_allocated';
      END IF;
      IF target = 'released' THEN
        FOR freed IN SELECT unnest(skus) AS sku ORDER BY 1 LOOP
          PERFORM cover_stock(place, freed.sku, why);
        END LOOP;
      END IF;
    END $$
    """,
    # As before; but what has left was not given back.
    """
    CREATE OR REPLACE FUNCTION follow_reservations() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE drop_claims c SET live = n.units
        FROM (SELECT m.tenant_id, m.checkout_id, m.sku,
                (SELECT coalesce(sum(r.shipped + CASE WHEN r.state = 'released' THEN 0 ELSE r.quantity END), 0)
                   FROM reservations r WHERE r.tenant_id = m.tenant_id
                   AND r.checkout_id = m.checkout_id AND r.sku = m.sku) AS units
              FROM (SELECT DISTINCT tenant_id, checkout_id, sku FROM moved) m) n
        WHERE c.tenant_id = n.tenant_id AND c.checkout_id = n.checkout_id AND c.sku = n.sku AND c.live > n.units;
      RETURN NULL;
    END $$
    """,
)

EXECUTABLE = ("lock_reserved(text, text, text)",)
