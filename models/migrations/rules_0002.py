"""The SQL of migration 0002, as it was: never edited, a later migration changes it."""

TENANT_TABLES = (
    "tenants", "api_keys", "order_counters", "variants", "prices", "tax_rates", "shipping_rates", "locations",
    "stock_levels", "reservations", "stock_movements", "events", "payments", "payment_operations", "checkouts",
    "shipments", "tracking_events", "orders", "order_lines", "inbox",
)  # fmt: skip

APPEND_ONLY = ("stock_movements", "events", "tracking_events")

_MOVES = """
checkouts open awaiting_payment
checkouts open completed
checkouts open failed
checkouts open expired
checkouts open cancelled
checkouts awaiting_payment completed
checkouts awaiting_payment failed
checkouts awaiting_payment expired
checkouts awaiting_payment cancelled
payments pending requires_action
payments pending authorized
payments pending voided
payments pending failed
payments requires_action authorized
payments requires_action voided
payments requires_action failed
payments authorized captured
payments authorized voided
payment_operations pending succeeded
payment_operations pending failed
reservations held allocated
reservations held released
reservations allocated shipped
reservations allocated released
orders placed shipped
orders placed cancelled
orders shipped delivered
orders delivered closed
shipments pending label_bought
shipments pending cancelled
shipments label_bought handed_over
shipments label_bought cancelled
shipments handed_over delivered
shipments handed_over returned_to_sender
shipments handed_over lost
"""
MOVES = tuple(tuple(line.split()) for line in _MOVES.strip().splitlines())

FUNCTIONS = (
    # An unset tenant is NULL, and NULL equals nothing: no row is seen, none can be written.
    """
    CREATE FUNCTION current_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('milepost.tenant', true), '')
    """,
    # Before a tenant is known its key must be found; this one answer crosses tenants, and gives nothing else away.
    """
    CREATE FUNCTION tenant_of_key(wanted text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT tenant_id FROM api_keys WHERE key_hash = wanted AND revoked_at IS NULL;
    END
    """,
    """
    CREATE FUNCTION inbox_due(most integer) RETURNS TABLE (tenant_id text, source text, event_id text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT i.tenant_id, i.source, i.event_id FROM inbox i
      WHERE i.handled_at IS NULL AND i.due_at <= now() ORDER BY i.due_at LIMIT most;
    END
    """,
    """
    CREATE FUNCTION refuse_illegal_move() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NOT EXISTS (SELECT 1 FROM legal_moves
                     WHERE machine = TG_TABLE_NAME AND state = OLD.state AND next_state = NEW.state) THEN
        RAISE EXCEPTION '%: % cannot become %', TG_TABLE_NAME, OLD.state, NEW.state
          USING ERRCODE = 'check_violation', CONSTRAINT = 'legal_move';
      END IF;
      RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only';
    END $$
    """,
    # The first location, by priority, that has all of a cart at this instant.
    """
    CREATE FUNCTION locate_stock(skus text[], quantities bigint[]) RETURNS text LANGUAGE sql STABLE
    BEGIN ATOMIC
      SELECT l.location_id FROM locations l
      WHERE NOT EXISTS (
        SELECT 1 FROM unnest(skus, quantities) AS w(sku, quantity)
        LEFT JOIN stock_levels s
          ON s.tenant_id = l.tenant_id AND s.location_id = l.location_id AND s.sku = w.sku
        WHERE s.sku IS NULL OR s.on_hand - s.reserved < w.quantity)
      ORDER BY l.priority, l.location_id LIMIT 1;
    END
    """,
    # Locks first (in SKU order: two carts never wait for each other), then reads again, then writes: under READ
    # COMMITTED each statement of a volatile function sees what was committed before it began.
    """
    CREATE FUNCTION reserve_stock(checkout text, skus text[], quantities bigint[], expires timestamptz)
    RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
      place text;
      short integer;
    BEGIN
      SELECT r.location_id INTO place FROM reservations r WHERE r.checkout_id = checkout LIMIT 1;
      IF place IS NOT NULL THEN
        RETURN place;
      END IF;
      LOOP
        place := locate_stock(skus, quantities);
        IF place IS NULL THEN
          RETURN NULL;
        END IF;
        PERFORM 1 FROM stock_levels s WHERE s.location_id = place AND s.sku = ANY (skus)
          ORDER BY s.sku FOR UPDATE;
        SELECT count(*) INTO short FROM stock_levels s
          JOIN unnest(skus, quantities) AS w(sku, quantity) ON w.sku = s.sku
          WHERE s.location_id = place AND s.on_hand - s.reserved < w.quantity;
        EXIT WHEN short = 0;
      END LOOP;
      UPDATE stock_levels s SET reserved = s.reserved + w.quantity
        FROM unnest(skus, quantities) AS w(sku, quantity) WHERE s.location_id = place AND s.sku = w.sku;
      INSERT INTO reservations (tenant_id, checkout_id, sku, location_id, quantity, state, expires_at)
        SELECT current_tenant(), checkout, w.sku, place, w.quantity, 'held', expires
        FROM unnest(skus, quantities) AS w(sku, quantity);
      INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
        SELECT current_tenant(), place, w.sku, 'reserved', w.quantity, checkout
        FROM unnest(skus, quantities) AS w(sku, quantity);
      RETURN place;
    END $$
    """,
    """
    CREATE FUNCTION move_reservations(checkout text, target text, why text)
    RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
      moved integer;
    BEGIN
      PERFORM 1 FROM stock_levels s JOIN reservations r
          ON r.tenant_id = s.tenant_id AND r.location_id = s.location_id AND r.sku = s.sku
        WHERE r.checkout_id = checkout ORDER BY s.sku, s.location_id FOR UPDATE;
      WITH changed AS (
        UPDATE reservations r SET state = target WHERE r.checkout_id = checkout
          AND EXISTS (SELECT 1 FROM legal_moves m
                      WHERE m.machine = 'reservations' AND m.state = r.state AND m.next_state = target)
        RETURNING r.tenant_id, r.location_id, r.sku, r.quantity
      ), levelled AS (
        UPDATE stock_levels s
          SET reserved = s.reserved - c.quantity,
              on_hand = s.on_hand - CASE WHEN target = 'shipped' THEN c.quantity ELSE 0 END
          FROM changed c
          WHERE target IN ('shipped', 'released')
            AND s.tenant_id = c.tenant_id AND s.location_id = c.location_id AND s.sku = c.sku
      ), noted AS (
        INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
          SELECT c.tenant_id, c.location_id, c.sku, target, c.quantity, why FROM changed c
      )
      SELECT count(*) INTO moved FROM changed;
      RETURN moved;
    END $$
    """,
)

TRIGGERS = (
    *(
        f"CREATE TRIGGER legal_move BEFORE UPDATE OF state ON {table} FOR EACH ROW"
        " WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_move()"
        for table in dict.fromkeys(machine for machine, _, _ in MOVES)
    ),
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
)
