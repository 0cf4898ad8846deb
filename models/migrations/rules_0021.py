"""The SQL of migration 0021, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # As before, and quick whatever the planner knows of the tables: who has something already is found by key, once for
    # all, and for those who come too late only if there are any.
    """
    CREATE OR REPLACE FUNCTION reserve_carts(carts text[], skus text[], quantities bigint[], expires timestamptz[],
      OUT short text[], OUT undecided text[]) LANGUAGE plpgsql AS $$
    DECLARE
      mine text := current_tenant();
      things text[] := ARRAY(SELECT DISTINCT t.sku FROM unnest(skus) AS t(sku));
      wanted text[] := things;
      again text[] := '{}';
    BEGIN
      SELECT array_agg(DISTINCT w.cart) INTO short
        FROM unnest(carts, skus, quantities) AS w(cart, sku, quantity)
        LEFT JOIN (
          SELECT s.sku, sum(s.free + s.backorder_limit - s.backordered) AS most
          FROM stock_levels s WHERE s.tenant_id = mine AND s.sku = ANY (things) GROUP BY s.sku
        ) l ON l.sku = w.sku
        WHERE coalesce(l.most, 0) < w.quantity;
      IF short IS NOT NULL THEN
        short := ARRAY(SELECT x.cart FROM unnest(short) AS x(cart) EXCEPT
          SELECT r.checkout_id FROM reservations r WHERE r.tenant_id = mine AND r.checkout_id = ANY (short));
        wanted := ARRAY(SELECT DISTINCT w.sku FROM unnest(carts, skus) AS w(cart, sku)
          WHERE NOT EXISTS (SELECT 1 FROM unnest(short) AS x(cart) WHERE x.cart = w.cart));
        IF cardinality(wanted) = 0 THEN
          RETURN;
        END IF;
      END IF;
      PERFORM 1 FROM stock_levels s WHERE s.tenant_id = mine AND s.sku = ANY (wanted)
        ORDER BY s.sku, s.location_id FOR NO KEY UPDATE;
      again := ARRAY(SELECT DISTINCT r.checkout_id FROM reservations r
        WHERE r.tenant_id = mine AND r.checkout_id = ANY (carts));
      WITH asked AS MATERIALIZED (
        SELECT w.cart, w.sku, w.quantity, w.until, w.n
        FROM unnest(carts, skus, quantities, expires) WITH ORDINALITY AS w(cart, sku, quantity, until, n)
        WHERE NOT EXISTS (SELECT 1 FROM unnest(short || again) AS x(cart) WHERE x.cart = w.cart)
      ), plenty AS MATERIALIZED (
        SELECT f.sku, f.location_id FROM (
          SELECT DISTINCT ON (s.sku) s.sku, s.location_id, s.free
          FROM stock_levels s JOIN locations l ON l.tenant_id = s.tenant_id AND l.location_id = s.location_id
          WHERE s.tenant_id = mine AND s.sku = ANY (wanted) AND s.free > 0
          ORDER BY s.sku, l.priority, l.location_id
        ) f JOIN (SELECT a.sku, sum(a.quantity) AS units FROM asked a GROUP BY a.sku) d USING (sku)
        WHERE f.free >= d.units
      ), judged AS MATERIALIZED (
        SELECT a.cart, count(p.sku) = count(*) AND min(p.location_id) = max(p.location_id) AS easy
        FROM asked a LEFT JOIN plenty p USING (sku) GROUP BY a.cart
      ), held AS MATERIALIZED (
        SELECT a.cart, a.sku, a.quantity, a.until, a.n, p.location_id
        FROM asked a JOIN judged j USING (cart) JOIN plenty p USING (sku) WHERE j.easy ORDER BY a.n
      ), levelled AS (
        UPDATE stock_levels s SET reserved = s.reserved + h.units
        FROM (SELECT sku, location_id, sum(quantity) AS units FROM held GROUP BY sku, location_id) h
        WHERE s.tenant_id = mine AND s.location_id = h.location_id AND s.sku = h.sku
      ), kept AS (
        INSERT INTO reservations (tenant_id, checkout_id, sku, location_id, quantity, state, expires_at)
        SELECT mine, h.cart, h.sku, h.location_id, h.quantity, 'held', h.until FROM held h
      ), noted AS (
        INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
        SELECT mine, h.location_id, h.sku, 'reserved', h.quantity, h.cart FROM held h
      )
      SELECT array_agg(j.cart) INTO undecided FROM judged j WHERE NOT j.easy OR j.easy IS NULL;
    END $$
    """,
)
