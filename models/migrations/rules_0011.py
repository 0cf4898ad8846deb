"""The SQL of migration 0011, as it was: never edited, a later migration changes it."""

TENANT_TABLES = (
    "membership_plans", "membership_tiers", "membership_prices", "memberships", "membership_periods",
    "member_purchases",
)  # fmt: skip

_MOVES = """
memberships pending active
memberships pending failed
memberships pending cancelled
memberships active past_due
memberships active cancelled
memberships past_due active
memberships past_due lapsed
memberships past_due cancelled
membership_periods due paid
membership_periods due written_off
"""
MOVES = tuple(tuple(line.split()) for line in _MOVES.strip().splitlines())

FUNCTIONS = (
    # What a member has bought of a SKU in a period: what is being bought counts, what came to nothing does not.
    """
    CREATE FUNCTION member_bought(whose text, number bigint, thing text) RETURNS bigint LANGUAGE sql STABLE
    BEGIN ATOMIC
      SELECT coalesce(sum(p.quantity), 0)::bigint FROM member_purchases p
      LEFT JOIN checkouts c ON c.tenant_id = p.tenant_id AND c.checkout_id = p.checkout_id
      LEFT JOIN orders o ON o.tenant_id = p.tenant_id AND o.checkout_id = p.checkout_id
      WHERE p.membership_id = whose AND p.period = number AND p.sku = thing
        AND coalesce(c.state, 'open') NOT IN ('failed', 'expired', 'cancelled')
        AND coalesce(o.state, 'placed') <> 'cancelled';
    END
    """,
    # The membership's row is the queue that purchases of one member stand in: locked first, then counted anew, because
    # under READ COMMITTED each statement of a volatile function sees what was committed before it began.
    """
    CREATE FUNCTION refuse_over_limit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM 1 FROM memberships m
        WHERE m.tenant_id = NEW.tenant_id AND m.membership_id = NEW.membership_id FOR NO KEY UPDATE;
      IF member_bought(NEW.membership_id, NEW.period, NEW.sku) + NEW.quantity > NEW.most THEN
        RAISE EXCEPTION 'member_purchases: more than % of % in a period', NEW.most, NEW.sku
          USING ERRCODE = 'check_violation', CONSTRAINT = 'purchase_limit';
      END IF;
      RETURN NEW;
    END $$
    """,
)

EXECUTABLE = ("member_bought(text, bigint, text)", "refuse_over_limit()")

TRIGGERS = (
    *(
        f"CREATE TRIGGER legal_move BEFORE UPDATE OF state ON {table} FOR EACH ROW"
        " WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_move()"
        for table in dict.fromkeys(machine for machine, _, _ in MOVES)
    ),
    (
        "CREATE TRIGGER purchase_limit BEFORE INSERT OR UPDATE ON member_purchases FOR EACH ROW"
        " EXECUTE FUNCTION refuse_over_limit()"
    ),
)
