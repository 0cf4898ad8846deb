"""The SQL of migration 0013, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # As before; but a cart that is let through already, by a request with the same key in the same moment, is neither
    # counted twice nor put in line: it is known by the time its row is written.
    """
    CREATE OR REPLACE FUNCTION enter_drops(asked jsonb, at timestamptz)
    RETURNS TABLE (checkout text, why text, sku text, drop_id text, opens_at timestamptz, most bigint,
      ticket text, place bigint, kept_until timestamptz)
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
        CONTINUE WHEN EXISTS (SELECT 1 FROM drop_claims c WHERE c.checkout_id = cart ->> 'checkout');
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
    # As before; but nobody is in line more than a day before anybody may buy, so it sleeps until then.
    """
    CREATE OR REPLACE FUNCTION look_after_drop(name text, at timestamptz) RETURNS double precision
    LANGUAGE plpgsql AS $$
    DECLARE
      d drops%ROWTYPE;
      first timestamptz;
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
      SELECT d.opens_at - interval '1 day' - make_interval(secs => coalesce(max(e.value::bigint), 0)) INTO first
        FROM jsonb_each_text(d.early_access) e;
      SELECT least(d.closes_at, greatest(first, at + make_interval(secs => d.grant_seconds)), min(t.granted_until))
        INTO due FROM drop_tickets t WHERE t.drop_id = name AND t.state = 'granted';
      RETURN greatest(extract(epoch FROM due - at), 0);
    END $$
    """,
)
