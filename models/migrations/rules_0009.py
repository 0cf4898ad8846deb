"""The SQL of migration 0009, as it was: never edited, a later migration changes it."""

TENANT_TABLES = ("drops", "drop_skus", "drop_claims", "drop_tickets")

_MOVES = """
drop_tickets waiting granted
drop_tickets waiting left
drop_tickets granted used
drop_tickets granted lapsed
drop_tickets granted left
drop_tickets used waiting
drop_tickets used granted
drop_tickets lapsed waiting
drop_tickets left waiting
"""
MOVES = tuple(tuple(line.split()) for line in _MOVES.strip().splitlines())

FUNCTIONS = (
    # Units of a SKU that no checkout and no order has, wherever they are.
    """
    CREATE FUNCTION drop_stock(thing text) RETURNS bigint LANGUAGE sql STABLE
    BEGIN ATOMIC
      SELECT coalesce(sum(s.on_hand - s.reserved), 0)::bigint FROM stock_levels s WHERE s.sku = thing;
    END
    """,
    # Behind every change of reservations, whoever makes it: what a checkout took of a drop is what it still has. It
    # waits for nobody's drop, so that giving back and taking cannot wait for each other.
    """
    CREATE FUNCTION follow_reservations() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE drop_claims c SET live = n.units
        FROM (SELECT m.tenant_id, m.checkout_id, m.sku,
                (SELECT coalesce(sum(r.quantity), 0) FROM reservations r WHERE r.tenant_id = m.tenant_id
                   AND r.checkout_id = m.checkout_id AND r.sku = m.sku AND r.state <> 'released') AS units
              FROM (SELECT DISTINCT tenant_id, checkout_id, sku FROM moved) m) n
        WHERE c.tenant_id = n.tenant_id AND c.checkout_id = n.checkout_id AND c.sku = n.sku AND c.live > n.units;
      RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION note_ticket(whose drop_tickets, what text, told text) RETURNS void LANGUAGE sql
    BEGIN ATOMIC
      INSERT INTO events (tenant_id, checkout_id, type, message, data)
        VALUES (current_tenant(), whose.checkout_id, what, told, jsonb_build_object('drop', whose.drop_id,
          'sku', whose.sku, 'ticket', whose.ticket_id, 'kept_until', whose.granted_until));
    END
    """,
    # With the drop's row locked: what came back is counted, what was granted and not used lapses, and those in line,
    # first come first, are granted what is free. How many were.
    """
    CREATE FUNCTION settle_drop(name text, at timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
      d drops%ROWTYPE;
      k drop_skus%ROWTYPE;
      t drop_tickets%ROWTYPE;
      free bigint;
      made integer := 0;
    BEGIN
      SELECT * INTO d FROM drops x WHERE x.drop_id = name;
      WITH back AS (
        SELECT c.checkout_id, c.sku, c.quantity - c.live AS units FROM drop_claims c
          WHERE c.drop_id = name AND c.live < c.quantity FOR UPDATE SKIP LOCKED
      ), counted AS (
        UPDATE drop_claims c SET quantity = c.live FROM back b WHERE c.checkout_id = b.checkout_id AND c.sku = b.sku
      )
      UPDATE drop_skus u SET taken = u.taken - f.units
        FROM (SELECT b.sku, sum(b.units) AS units FROM back b GROUP BY b.sku) f
        WHERE u.drop_id = name AND u.sku = f.sku;
      FOR t IN SELECT * FROM drop_tickets x WHERE x.drop_id = name AND x.state IN ('waiting', 'granted')
          AND (d.closes_at <= at OR (x.state = 'granted' AND x.granted_until <= at)) ORDER BY x.place LOOP
        UPDATE drop_tickets x SET state = CASE WHEN d.closes_at <= at THEN 'left' ELSE 'lapsed' END
          WHERE x.ticket_id = t.ticket_id;
        UPDATE drop_skus u SET
            granted = u.granted - CASE WHEN t.state = 'granted' THEN t.quantity ELSE 0 END,
            waiting = u.waiting - CASE WHEN t.state = 'waiting' THEN 1 ELSE 0 END
          WHERE u.drop_id = name AND u.sku = t.sku;
        IF d.closes_at <= at THEN
          PERFORM note_ticket(t, 'drop.line_ended', 'The sale is over');
        ELSE
          PERFORM note_ticket(t, 'drop.place_lapsed', 'What was kept was not bought in time');
        END IF;
      END LOOP;
      FOR k IN SELECT * FROM drop_skus x WHERE x.drop_id = name AND x.waiting > 0 ORDER BY x.sku LOOP
        free := least(k.allotment - k.taken - k.granted, drop_stock(k.sku) - k.granted);
        CONTINUE WHEN free <= 0;
        FOR t IN SELECT * FROM drop_tickets x WHERE x.drop_id = name AND x.sku = k.sku AND x.state = 'waiting'
            ORDER BY x.place LOOP
          EXIT WHEN free <= 0;
          CONTINUE WHEN t.quantity > free;
          free := free - t.quantity;
          made := made + 1;
          UPDATE drop_tickets x SET state = 'granted', granted_until = at + make_interval(secs => d.grant_seconds)
            WHERE x.ticket_id = t.ticket_id RETURNING * INTO t;
          UPDATE drop_skus u SET granted = u.granted + t.quantity, waiting = u.waiting - 1
            WHERE u.drop_id = name AND u.sku = k.sku;
          PERFORM note_ticket(t, 'drop.place_granted', 'A place in line has come up: units are kept for a while');
        END LOOP;
      END LOOP;
      RETURN made;
    END $$
    """,
    # Lock and settle; the seconds until it must be looked at again, NULL when it is over or unknown. A grant made
    # after this look cannot lapse before `grant_seconds` from now, so a look by then is never late.
    """
    CREATE FUNCTION look_after_drop(name text, at timestamptz) RETURNS double precision LANGUAGE plpgsql AS $$
    DECLARE
      d drops%ROWTYPE;
      due timestamptz;
    BEGIN
      SELECT * INTO d FROM drops x WHERE x.drop_id = name FOR NO KEY UPDATE;
      IF NOT FOUND THEN
        RETURN NULL;
      END IF;
      PERFORM settle_drop(name, at);
      IF d.closes_at <= at THEN
        RETURN NULL;
      END IF;
      SELECT least(d.closes_at, at + make_interval(secs => d.grant_seconds), min(t.granted_until)) INTO due
        FROM drop_tickets t WHERE t.drop_id = name AND t.state = 'granted';
      RETURN greatest(extract(epoch FROM due - at), 0);
    END $$
    """,
    # The gate: carts in order of arrival, [{checkout, customer, tier, early, entitled, lines: [{sku, quantity,
    # ticket}]}]. Those let through have taken their units when this transaction commits; a row for each of the others.
    """
    CREATE FUNCTION enter_drops(asked jsonb, at timestamptz) RETURNS TABLE (checkout text, why text, sku text,
      drop_id text, opens_at timestamptz, most bigint, ticket text, place bigint, kept_until timestamptz)
    LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    DECLARE
      names text[];
      one text;
      cart jsonb;
      line record;
      t drop_tickets%ROWTYPE;
      free bigint;
      had bigint;
      promised jsonb := '{}';
      lets boolean;
      refused text;
      opens timestamptz;
    BEGIN
      SELECT array_agg(DISTINCT k.drop_id ORDER BY k.drop_id) INTO names FROM drop_skus k
        WHERE k.sku IN (SELECT l.value ->> 'sku'
                        FROM jsonb_array_elements(asked) c, jsonb_array_elements(c.value -> 'lines') l);
      PERFORM 1 FROM drops d WHERE d.drop_id = ANY (names) ORDER BY d.drop_id FOR NO KEY UPDATE;
      FOREACH one IN ARRAY coalesce(names, '{}') LOOP
        PERFORM settle_drop(one, at);
      END LOOP;
      FOR cart IN SELECT c.value FROM jsonb_array_elements(asked) WITH ORDINALITY c ORDER BY c.ordinality LOOP
        refused := NULL;
        FOR line IN SELECT k.*, (l.value ->> 'quantity')::bigint AS units, l.value ->> 'ticket' AS named,
              d.opens_at, d.closes_at, d.early_access, d.entitlement, d.customer_limit, d.line_length,
              sum((l.value ->> 'quantity')::bigint) OVER (PARTITION BY k.drop_id) AS together
            FROM jsonb_array_elements(cart -> 'lines') l
            JOIN drop_skus k ON k.sku = l.value ->> 'sku' JOIN drops d ON d.drop_id = k.drop_id
            ORDER BY k.sku LOOP
          opens := line.opens_at - make_interval(secs => greatest((cart ->> 'early')::bigint,
            coalesce((line.early_access ->> (cart ->> 'tier'))::bigint, 0)));
          SELECT coalesce(sum(c.live), 0) INTO had FROM drop_claims c
            WHERE c.drop_id = line.drop_id AND c.customer_id = cart ->> 'customer';
          SELECT * INTO t FROM drop_tickets x WHERE x.ticket_id = line.named;
          IF at >= line.closes_at THEN
            refused := 'closed';
          ELSIF line.entitlement IS NOT NULL AND NOT coalesce(cart -> 'entitled' ? line.entitlement, false) THEN
            refused := 'not_entitled';
          ELSIF at < opens THEN
            refused := 'not_open';
          ELSIF had + line.together > line.customer_limit THEN
            refused := 'limit';
          ELSE
            free := least(line.allotment - line.taken - line.granted,
              drop_stock(line.sku) - line.granted - coalesce((promised ->> line.sku)::bigint, 0));
            IF t.state = 'granted' AND line.units <= t.quantity THEN
              free := free + t.quantity;
            END IF;
            IF line.units > free THEN
              refused := 'sold_out';
            END IF;
          END IF;
          EXIT WHEN refused IS NOT NULL;
        END LOOP;
        IF refused IS NULL THEN
          promised := take_of_drops(cart, promised);
        ELSE
          IF refused = 'sold_out' AND t.state IS DISTINCT FROM 'waiting' AND t.state IS DISTINCT FROM 'granted'
              AND line.waiting < line.line_length
              AND line.units <= coalesce(line.allotment,
                (SELECT sum(s.on_hand) FROM stock_levels s WHERE s.sku = line.sku)) THEN
            t := join_line(cart, line.drop_id, line.sku, line.units, line.named);
          END IF;
          lets := refused = 'sold_out' AND coalesce(t.state IN ('waiting', 'granted'), false);
          RETURN QUERY SELECT cart ->> 'checkout', refused, line.sku, line.drop_id, opens, line.customer_limit,
            CASE WHEN lets THEN t.ticket_id END,
            CASE WHEN lets AND t.state = 'granted' THEN 0 WHEN lets THEN (SELECT count(*) FROM drop_tickets x
              WHERE x.drop_id = t.drop_id AND x.sku = t.sku AND x.state = 'waiting' AND x.place <= t.place) END,
            CASE WHEN lets AND t.state = 'granted' THEN t.granted_until END;
        END IF;
      END LOOP;
    END $$
    """,
    # A cart that may: its units are taken, and what was kept for it is used. What was taken so far and is not reserved
    # yet, by SKU.
    """
    CREATE FUNCTION take_of_drops(cart jsonb, promised jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    DECLARE
      line record;
      t drop_tickets%ROWTYPE;
    BEGIN
      FOR line IN SELECT k.drop_id, k.sku, (l.value ->> 'quantity')::bigint AS units, l.value ->> 'ticket' AS named
          FROM jsonb_array_elements(cart -> 'lines') l JOIN drop_skus k ON k.sku = l.value ->> 'sku' ORDER BY k.sku LOOP
        SELECT * INTO t FROM drop_tickets x WHERE x.ticket_id = line.named
          AND x.state = 'granted' AND x.quantity >= line.units;
        UPDATE drop_tickets x SET state = 'used' WHERE x.ticket_id = t.ticket_id;
        UPDATE drop_skus k SET taken = k.taken + line.units, granted = k.granted - coalesce(t.quantity, 0)
          WHERE k.drop_id = line.drop_id AND k.sku = line.sku;
        INSERT INTO drop_claims (tenant_id, checkout_id, sku, drop_id, customer_id, quantity, live, ticket_id)
          VALUES (current_tenant(), cart ->> 'checkout', line.sku, line.drop_id, cart ->> 'customer', line.units,
            line.units, t.ticket_id);
        promised := jsonb_set(promised, ARRAY[line.sku],
          to_jsonb(coalesce((promised ->> line.sku)::bigint, 0) + line.units));
      END LOOP;
      RETURN promised;
    END $$
    """,
    # The last place of the line, for one who has none.
    """
    CREATE FUNCTION join_line(cart jsonb, name text, thing text, units bigint, named text) RETURNS drop_tickets
    LANGUAGE plpgsql AS $$
    DECLARE
      t drop_tickets%ROWTYPE;
      next_place bigint;
    BEGIN
      UPDATE drop_skus k SET waiting = k.waiting + 1, last_place = k.last_place + 1
        WHERE k.drop_id = name AND k.sku = thing RETURNING k.last_place INTO next_place;
      INSERT INTO drop_tickets AS x (tenant_id, ticket_id, drop_id, sku, customer_id, checkout_id, quantity, place,
          state)
        VALUES (current_tenant(), named, name, thing, cart ->> 'customer', cart ->> 'checkout', units, next_place,
          'waiting')
        ON CONFLICT (tenant_id, ticket_id) DO UPDATE SET checkout_id = excluded.checkout_id,
          quantity = excluded.quantity, place = excluded.place, state = 'waiting', granted_until = NULL
        RETURNING * INTO t;
      PERFORM note_ticket(t, 'drop.place_taken', 'Sold out: a place in line was taken');
      RETURN t;
    END $$
    """,
    # In the transaction that took them: carts that went no further give their units back, and keep what was granted.
    """
    CREATE FUNCTION leave_drops(checkouts text[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      c drop_claims%ROWTYPE;
      kept bigint;
    BEGIN
      FOR c IN DELETE FROM drop_claims x WHERE x.checkout_id = ANY (checkouts) RETURNING x.* LOOP
        UPDATE drop_tickets x SET state = 'granted' WHERE x.ticket_id = c.ticket_id RETURNING x.quantity INTO kept;
        UPDATE drop_skus k SET taken = k.taken - c.quantity,
            granted = k.granted + CASE WHEN c.ticket_id IS NULL THEN 0 ELSE kept END
          WHERE k.drop_id = c.drop_id AND k.sku = c.sku;
      END LOOP;
    END $$
    """,
)

EXECUTABLE = (
    "drop_stock(text)",
    "settle_drop(text, timestamptz)",
    "look_after_drop(text, timestamptz)",
    "enter_drops(jsonb, timestamptz)",
    "take_of_drops(jsonb, jsonb)",
    "join_line(jsonb, text, text, bigint, text)",
    "leave_drops(text[])",
)

TRIGGERS = (
    (
        "CREATE TRIGGER legal_move BEFORE UPDATE OF state ON drop_tickets FOR EACH ROW"
        " WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_move()"
    ),
    (
        "CREATE TRIGGER follow_reservations AFTER UPDATE ON reservations REFERENCING NEW TABLE AS moved"
        " FOR EACH STATEMENT EXECUTE FUNCTION follow_reservations()"
    ),
)
