"""The SQL of migration 0020, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # As before; and the parcels of an order that got something are to hear of it: written into the inbox in the same
    # transaction, so that it is delivered whoever dies. A checkout has no parcels yet.
    """
    CREATE OR REPLACE FUNCTION cover_stock(place text, thing text, why text) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      units bigint;
    BEGIN
      SELECT least(s.free, s.backordered) INTO units FROM stock_levels s
        WHERE s.location_id = place AND s.sku = thing;
      IF coalesce(units, 0) = 0 THEN
        RETURN;
      END IF;
      UPDATE stock_levels s SET backordered = s.backordered - units WHERE s.location_id = place AND s.sku = thing;
      WITH queue AS (
        SELECT r.checkout_id, r.backordered, sum(r.backordered) OVER (ORDER BY r.arrival) - r.backordered AS ahead
        FROM reservations r WHERE r.location_id = place AND r.sku = thing AND r.backordered > 0
      ), covered AS (
        UPDATE reservations r SET backordered = r.backordered - least(q.backordered, units - q.ahead)
        FROM queue q WHERE q.ahead < units AND r.tenant_id = current_tenant() AND r.checkout_id = q.checkout_id
          AND r.location_id = place AND r.sku = thing
        RETURNING r.checkout_id, r.state, least(q.backordered, units - q.ahead) AS units
      ), told AS (
        INSERT INTO events (tenant_id, checkout_id, type, message, data)
        SELECT current_tenant(), c.checkout_id, 'stock.covered', c.units || ' x ' || thing || ' is there now',
          jsonb_build_object('sku', thing, 'location', place, 'units', c.units)
        FROM covered c
      ), posted AS (
        INSERT INTO inbox (tenant_id, source, event_id, body)
        SELECT current_tenant(), 'stock.covered', gen_random_uuid()::text, convert_to(
          jsonb_build_object('checkout', c.checkout_id, 'location', place)::text, 'UTF8')
        FROM covered c WHERE c.state = 'allocated'
      )
      INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
      SELECT current_tenant(), place, thing, 'backordered', -c.units, 'covered for ' || c.checkout_id || ': ' || why
      FROM covered c;
    END $$
    """,
)
