"""The SQL of migration 0015, as it was: never edited, a later migration changes it."""

TENANT_TABLES = ("price_lists", "shipping_methods", "promotions", "promotion_redemptions")

_MOVES = """
promotion_redemptions held redeemed
promotion_redemptions held released
promotion_redemptions redeemed released
"""
MOVES = tuple(tuple(line.split()) for line in _MOVES.strip().splitlines())

READ_FOR_IT = ("tenants", "prices", "price_lists", "shipping_rates", "shipping_methods", "orders", "order_lines")
"""Tables of which all tenants' rows are read or written by the carrying over: their owner is unbound for it."""

LISTS = """
    INSERT INTO price_lists (tenant_id, list_id, name, priority) SELECT tenant_id, 'default', 'Default', 0 FROM tenants
"""

CARRIED_OVER = (
    """
    INSERT INTO shipping_methods (tenant_id, method, name)
      SELECT DISTINCT tenant_id, method, initcap(replace(method, '_', ' ')) FROM shipping_rates
    """,
    # What was shown is what unit and quantity come to; it was the gross where prices include tax.
    "UPDATE order_lines SET tax_included = (gross_minor = unit_minor * quantity)",
    """
    UPDATE orders o SET shipping_tax_minor = o.tax_minor - coalesce(
      (SELECT sum(l.tax_minor) FROM order_lines l WHERE l.tenant_id = o.tenant_id AND l.order_number = o.order_number),
      o.tax_minor)
    """,
    # What the lines' own trigger has to say, it says now: a table with pending triggers cannot be altered any further.
    "SET CONSTRAINTS ALL IMMEDIATE",
    "SET CONSTRAINTS ALL DEFERRED",
)

FUNCTIONS = (
    # So that a price needs no list of its own: every tenant has the one that is for all.
    """
    CREATE FUNCTION make_default_list() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO price_lists (tenant_id, list_id, name, priority)
        VALUES (NEW.tenant_id, 'default', 'Default', 0) ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION refuse_foreign_currency() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT 1 FROM price_lists l WHERE l.tenant_id = NEW.tenant_id AND l.list_id = NEW.list_id
                 AND l.currency <> NEW.currency) THEN
        RAISE EXCEPTION 'list % is not in %', NEW.list_id, NEW.currency
          USING ERRCODE = 'check_violation', CONSTRAINT = 'list_currency';
      END IF;
      RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION refuse_new_currency() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'the currency of list % stays', OLD.list_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'list_currency';
    END $$
    """,
    # Locks first (codes that have a limit, by alphabet; then shoppers of codes with a limit for each), then counts,
    # then writes: each statement of a volatile function sees what was committed before it began. A code without a
    # global limit is locked against change only, so its buyers do not wait for each other.
    """
    CREATE FUNCTION redeem_promotions(checkouts text[], customers text[], codes text[], currencies text[],
      discounts bigint[]) RETURNS TABLE (checkout_id text, promotion text, outcome text) LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    DECLARE
      cart record;
      one record;
      shopper bigint;
      wrong text;
      bad text;
    BEGIN
      PERFORM 1 FROM promotions p WHERE p.code = ANY (codes) ORDER BY p.code FOR KEY SHARE;
      PERFORM 1 FROM promotions p WHERE p.code = ANY (codes) AND p.usage_limit IS NOT NULL
        ORDER BY p.code FOR NO KEY UPDATE;
      FOR shopper IN
        SELECT DISTINCT hashtextextended(current_tenant() || '/promotions/' || w.code || '/' || w.customer, 0)
        FROM unnest(codes, customers) AS w(code, customer)
        JOIN promotions p ON p.code = w.code AND p.customer_limit IS NOT NULL ORDER BY 1
      LOOP
        PERFORM pg_advisory_xact_lock(shopper);
      END LOOP;
      FOR cart IN
        SELECT w.checkout, min(w.place) FROM unnest(checkouts) WITH ORDINALITY AS w(checkout, place)
        GROUP BY w.checkout ORDER BY 2
      LOOP
        wrong := NULL;
        FOR one IN
          SELECT w.code, w.customer, p.code AS known, p.active, p.usage_limit, p.customer_limit, p.first_order_only
          FROM unnest(checkouts, codes, customers) AS w(checkout, code, customer)
          LEFT JOIN promotions p ON p.code = w.code WHERE w.checkout = cart.checkout ORDER BY w.code
        LOOP
          wrong := CASE
            WHEN EXISTS (SELECT 1 FROM promotion_redemptions r
                         WHERE r.checkout_id = cart.checkout AND r.code = one.code) THEN NULL
            WHEN one.known IS NULL OR NOT one.active THEN 'unknown'
            WHEN one.usage_limit <= (SELECT count(*) FROM promotion_redemptions r
                                     WHERE r.code = one.code AND r.state <> 'released') THEN 'exhausted'
            WHEN one.customer_limit <= (SELECT count(*) FROM promotion_redemptions r WHERE r.code = one.code
                                        AND r.customer_id = one.customer AND r.state <> 'released')
              THEN 'already_used' END;
          bad := one.code;
          EXIT WHEN wrong IS NOT NULL;
        END LOOP;
        IF wrong IS NOT NULL THEN
          RETURN QUERY SELECT cart.checkout, bad, wrong;
        ELSE
          INSERT INTO promotion_redemptions (tenant_id, checkout_id, code, customer_id, state, currency, discount_minor)
            SELECT current_tenant(), w.checkout, w.code, w.customer, 'held', w.currency, w.discount
            FROM unnest(checkouts, codes, customers, currencies, discounts)
              AS w(checkout, code, customer, currency, discount)
            WHERE w.checkout = cart.checkout ON CONFLICT DO NOTHING;
        END IF;
      END LOOP;
    END $$
    """,
    # A use counts as long as its checkout lives or its order stands: whoever ends them, however.
    """
    CREATE FUNCTION settle_redemptions() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE promotion_redemptions r
        SET state = CASE WHEN NEW.state = 'completed' THEN 'redeemed' ELSE 'released' END
        WHERE r.tenant_id = NEW.tenant_id AND r.checkout_id = NEW.checkout_id
          AND (r.state = 'held' OR (r.state = 'redeemed' AND TG_TABLE_NAME = 'orders'));
      RETURN NULL;
    END $$
    """,
)

EXECUTABLE = (
    "make_default_list()",
    "refuse_foreign_currency()",
    "refuse_new_currency()",
    "redeem_promotions(text[], text[], text[], text[], bigint[])",
    "settle_redemptions()",
)

TRIGGERS = (
    "CREATE TRIGGER default_list AFTER INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION make_default_list()",
    (
        "CREATE TRIGGER list_currency BEFORE INSERT OR UPDATE ON prices FOR EACH ROW"
        " EXECUTE FUNCTION refuse_foreign_currency()"
    ),
    (
        "CREATE TRIGGER list_currency BEFORE UPDATE OF currency ON price_lists FOR EACH ROW"
        " WHEN (OLD.currency IS DISTINCT FROM NEW.currency) EXECUTE FUNCTION refuse_new_currency()"
    ),
    (
        "CREATE TRIGGER legal_move BEFORE UPDATE OF state ON promotion_redemptions FOR EACH ROW"
        " WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_move()"
    ),
    (
        "CREATE TRIGGER settle_redemptions AFTER INSERT ON checkouts FOR EACH ROW"
        " WHEN (NEW.state IN ('failed', 'expired', 'cancelled')) EXECUTE FUNCTION settle_redemptions()"
    ),
    (
        "CREATE TRIGGER settle_redemptions_later AFTER UPDATE OF state ON checkouts FOR EACH ROW"
        " WHEN (NEW.state IN ('completed', 'failed', 'expired', 'cancelled') AND OLD.state <> NEW.state)"
        " EXECUTE FUNCTION settle_redemptions()"
    ),
    (
        "CREATE TRIGGER settle_redemptions AFTER UPDATE OF state ON orders FOR EACH ROW"
        " WHEN (NEW.state = 'cancelled' AND OLD.state <> NEW.state) EXECUTE FUNCTION settle_redemptions()"
    ),
)
