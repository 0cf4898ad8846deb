"""The SQL of migration 0014, as it was: never edited, a later migration changes it."""

KINDS = ("received", "reserved", "released", "allocated", "shipped", "returned", "adjusted", "backordered")

LEVEL_RULES = {
    "not_oversold": "0 <= reserved AND reserved <= on_hand + backorder_limit AND reserved - backordered <= on_hand"
    " AND 0 <= backordered AND backordered <= reserved AND backordered <= backorder_limit",
    "safety_stock": "safety_stock >= 0",
}

RESERVATION_RULES = {
    "backordered": "backordered BETWEEN 0 AND quantity AND (backordered = 0 OR state IN ('held', 'allocated'))",
}

FREE = "greatest(on_hand - safety_stock - reserved + backordered, 0)"

FUNCTIONS = (
    # Many carts in one round trip, given line by line, cart by cart in order of arrival. `short`: carts that want more
    # of a SKU than there is anywhere; they hear it without waiting for a lock. `undecided`: carts whose sourcing needs
    # a closer look; their levels are locked. All others have all their units.
    #
    # A cart is decided here when the first location with anything of its SKUs has enough for everybody in this batch:
    # whatever the order, each of them would be sent there, in one parcel.
    #
    # Locks first, in the order of SKU and location, then looks again: under READ COMMITTED each statement of a volatile
    # function sees what was committed before it began.
    """
    CREATE FUNCTION reserve_carts(carts text[], skus text[], quantities bigint[], expires timestamptz[],
      OUT short text[], OUT undecided text[]) LANGUAGE plpgsql AS $$
    DECLARE
      wanted text[];
    BEGIN
      SELECT array_agg(DISTINCT w.cart) INTO short
        FROM unnest(carts, skus, quantities) AS w(cart, sku, quantity)
        LEFT JOIN (
          SELECT s.sku, sum(s.free + s.backorder_limit - s.backordered) AS most
          FROM stock_levels s WHERE s.sku = ANY (skus) GROUP BY s.sku
        ) l ON l.sku = w.sku
        WHERE coalesce(l.most, 0) < w.quantity
          AND NOT EXISTS (SELECT 1 FROM reservations r WHERE r.tenant_id = current_tenant() AND r.checkout_id = w.cart);
      SELECT array_agg(DISTINCT w.sku) INTO wanted FROM unnest(carts, skus) AS w(cart, sku)
        WHERE NOT EXISTS (SELECT 1 FROM unnest(short) AS x(cart) WHERE x.cart = w.cart);
      IF wanted IS NULL THEN
        RETURN;
      END IF;
      PERFORM 1 FROM stock_levels s WHERE s.sku = ANY (wanted) ORDER BY s.sku, s.location_id FOR NO KEY UPDATE;
      WITH asked AS MATERIALIZED (
        SELECT w.cart, w.sku, w.quantity, w.until, w.n
        FROM unnest(carts, skus, quantities, expires) WITH ORDINALITY AS w(cart, sku, quantity, until, n)
        WHERE NOT EXISTS (SELECT 1 FROM unnest(short) AS x(cart) WHERE x.cart = w.cart)
          AND NOT EXISTS (SELECT 1 FROM reservations r WHERE r.tenant_id = current_tenant() AND r.checkout_id = w.cart)
      ), plenty AS (
        SELECT f.sku, f.location_id FROM (
          SELECT DISTINCT ON (s.sku) s.sku, s.location_id, s.free
          FROM stock_levels s JOIN locations l USING (tenant_id, location_id)
          WHERE s.sku = ANY (wanted) AND s.free > 0 ORDER BY s.sku, l.priority, l.location_id
        ) f JOIN (SELECT a.sku, sum(a.quantity) AS units FROM asked a GROUP BY a.sku) d USING (sku)
        WHERE f.free >= d.units
      ), judged AS MATERIALIZED (
        SELECT a.cart, count(p.sku) = count(*) AND min(p.location_id) = max(p.location_id) AS easy
        FROM asked a LEFT JOIN plenty p USING (sku) GROUP BY a.cart
      ), held AS MATERIALIZED (
        SELECT a.cart, a.sku, a.quantity, a.until, a.n, p.location_id
        FROM asked a JOIN judged j USING (cart) JOIN plenty p USING (sku) WHERE j.easy
      ), levelled AS (
        UPDATE stock_levels s SET reserved = s.reserved + h.units
        FROM (SELECT sku, location_id, sum(quantity) AS units FROM held GROUP BY sku, location_id) h
        WHERE s.tenant_id = current_tenant() AND s.location_id = h.location_id AND s.sku = h.sku
      ), kept AS (
        INSERT INTO reservations (tenant_id, checkout_id, sku, location_id, quantity, state, expires_at)
        SELECT current_tenant(), h.cart, h.sku, h.location_id, h.quantity, 'held', h.until FROM held h ORDER BY h.n
      ), noted AS (
        INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
        SELECT current_tenant(), h.location_id, h.sku, 'reserved', h.quantity, h.cart FROM held h ORDER BY h.n
      )
      SELECT array_agg(j.cart) INTO undecided FROM judged j WHERE NOT j.easy OR j.easy IS NULL;
    END $$
    """,
    # What was decided on a closer look, line by line; the levels are locked. `beyond`: so many are not there yet.
    """
    CREATE FUNCTION hold_units(carts text[], skus text[], places text[], quantities bigint[], beyond bigint[],
      expires timestamptz[]) RETURNS void LANGUAGE sql AS $$
      WITH held AS MATERIALIZED (
        SELECT h.*, s.expected_on, s.backorder_kind
        FROM unnest(carts, skus, places, quantities, beyond, expires) WITH ORDINALITY
          AS h(cart, sku, location_id, quantity, beyond, until, n)
        JOIN stock_levels s ON s.tenant_id = current_tenant() AND s.location_id = h.location_id AND s.sku = h.sku
      ), levelled AS (
        UPDATE stock_levels s SET reserved = s.reserved + h.units, backordered = s.backordered + h.beyond
        FROM (SELECT sku, location_id, sum(quantity) AS units, sum(beyond) AS beyond FROM held GROUP BY 1, 2) h
        WHERE s.tenant_id = current_tenant() AND s.location_id = h.location_id AND s.sku = h.sku
      ), kept AS (
        INSERT INTO reservations (tenant_id, checkout_id, sku, location_id, quantity, backordered, backorder_kind,
            expected_on, state, expires_at)
        SELECT current_tenant(), h.cart, h.sku, h.location_id, h.quantity, h.beyond,
          CASE WHEN h.beyond > 0 THEN h.backorder_kind END, CASE WHEN h.beyond > 0 THEN h.expected_on END,
          'held', h.until
        FROM held h ORDER BY h.n
      )
      INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
      SELECT current_tenant(), h.location_id, h.sku, m.kind, m.quantity, h.cart
      FROM held h CROSS JOIN LATERAL (VALUES ('reserved', h.quantity), ('backordered', h.beyond)) AS m(kind, quantity)
      WHERE m.quantity > 0 ORDER BY h.n
    $$
    """,
    # Units that have become free go to those who wait, first come first served. The level is locked.
    """
    CREATE FUNCTION cover_stock(place text, thing text, why text) RETURNS void LANGUAGE plpgsql AS $$
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
        RETURNING r.checkout_id, least(q.backordered, units - q.ahead) AS units
      ), told AS (
        INSERT INTO events (tenant_id, checkout_id, type, message, data)
        SELECT current_tenant(), c.checkout_id, 'stock.covered', c.units || ' x ' || thing || ' is there now',
          jsonb_build_object('sku', thing, 'location', place, 'units', c.units)
        FROM covered c
      )
      INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
      SELECT current_tenant(), place, thing, 'backordered', -c.units, 'covered for ' || c.checkout_id || ': ' || why
      FROM covered c;
    END $$
    """,
    # A checkout's reservations move on, all or those of one location. What is not there yet does not ship; what comes
    # free goes to those who wait.
    """
    CREATE FUNCTION move_reservations(checkout text, target text, why text, place text DEFAULT NULL)
    RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
      moved integer;
      freed record;
    BEGIN
      PERFORM 1 FROM stock_levels s JOIN reservations r
          ON r.tenant_id = s.tenant_id AND r.location_id = s.location_id AND r.sku = s.sku
        WHERE r.checkout_id = checkout AND (place IS NULL OR r.location_id = place)
        ORDER BY s.sku, s.location_id FOR NO KEY UPDATE OF s;
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
    # Some units of an order leave, which must be there; or they are free again, those first that are not there. All or
    # none. A reservation that is used up keeps its last quantity, and says what became of it.
    """
    CREATE OR REPLACE FUNCTION move_units(checkout text, place text, skus text[], quantities bigint[], target text,
      why text) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      moved integer;
      freed record;
    BEGIN
      PERFORM 1 FROM stock_levels s WHERE s.location_id = place AND s.sku = ANY (skus)
        ORDER BY s.sku FOR NO KEY UPDATE;
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
    # What a drop can still give: what carts can still get.
    """
    CREATE OR REPLACE FUNCTION drop_stock(thing text) RETURNS bigint LANGUAGE sql STABLE
    BEGIN ATOMIC
      SELECT coalesce(sum(s.free + s.backorder_limit - s.backordered), 0)::bigint FROM stock_levels s
      WHERE s.sku = thing;
    END
    """,
    # As before; but what counts is what was promised of the units that are there, and new ones go to those who wait.
    """
    CREATE OR REPLACE FUNCTION set_level(place text, thing text, there bigint, spoken_for bigint, wanted bigint,
      what text, whose text) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
      promised bigint;
    BEGIN
      SELECT s.reserved - s.backordered INTO promised FROM stock_levels s WHERE s.location_id = place AND s.sku = thing;
      IF wanted < coalesce(promised, 0) THEN
        RETURN 'below_reserved';
      END IF;
      UPDATE stock_levels s SET on_hand = wanted
        WHERE s.location_id = place AND s.sku = thing AND s.on_hand = there AND s.reserved = spoken_for;
      IF NOT FOUND THEN
        INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand)
          VALUES (current_tenant(), place, thing, wanted) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
          RETURN 'stock_changed';
        END IF;
      END IF;
      IF wanted <> there THEN
        INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
          VALUES (current_tenant(), place, thing, what, wanted - there, whose);
      END IF;
      PERFORM cover_stock(place, thing, whose);
      RETURN 'done';
    END $$
    """,
)

REPLACED = ("move_reservations(text, text, text)",)
"""Of another signature now; a call with three arguments finds the new one."""

EXECUTABLE = (
    "reserve_carts(text[], text[], bigint[], timestamptz[])",
    "hold_units(text[], text[], text[], bigint[], bigint[], timestamptz[])",
    "cover_stock(text, text, text)",
    "move_reservations(text, text, text, text)",
)
