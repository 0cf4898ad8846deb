"""The SQL of migration 0004, as it was: never edited, a later migration changes it."""

TENANT_TABLES = ("provider_customers", "disputes", "ledger_postings", "ledger_entries", "drifts", "watermarks")

APPEND_ONLY = ("ledger_postings", "ledger_entries")

_MOVES = """
payments pending captured
payments requires_action captured
payments authorized lapsed
payments lapsed authorized
payments lapsed voided
payments captured refunded
payments refunded captured
payment_operations pending settling
payment_operations settling succeeded
payment_operations settling failed
payment_operations succeeded reversed
disputes inquiry inquiry_closed
disputes inquiry needs_response
disputes inquiry under_review
disputes inquiry won
disputes inquiry lost
disputes needs_response under_review
disputes needs_response won
disputes needs_response lost
disputes under_review needs_response
disputes under_review won
disputes under_review lost
"""
MOVES = tuple(tuple(line.split()) for line in _MOVES.strip().splitlines())

FUNCTIONS = (
    # Looks at the whole posting when its transaction ends. A posting takes no entry of a later transaction, and since
    # both tables are append-only, what was balanced once stays so.
    """
    CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      total numeric;
      sides integer;
      writer text;
    BEGIN
      SELECT sum(e.amount_minor), count(*) INTO total, sides FROM ledger_entries e
        WHERE e.tenant_id = NEW.tenant_id AND e.posting_id = NEW.posting_id;
      SELECT p.written_by INTO writer FROM ledger_postings p
        WHERE p.tenant_id = NEW.tenant_id AND p.posting_id = NEW.posting_id;
      IF total IS DISTINCT FROM 0 OR sides < 2 THEN
        RAISE EXCEPTION 'posting % does not balance: % entries, sum %', NEW.posting_id, sides, total
          USING ERRCODE = 'check_violation', CONSTRAINT = 'balanced';
      END IF;
      IF writer IS DISTINCT FROM pg_current_xact_id()::text THEN
        RAISE EXCEPTION 'posting % is closed', NEW.posting_id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'posting_closed';
      END IF;
      RETURN NULL;
    END $$
    """,
    # One round trip for a webhook: the tenant is set, and its message is kept. NULL: there is no such tenant.
    """
    CREATE FUNCTION receive_webhook(tenant text, sender text, event text, content bytea) RETURNS boolean
    LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      IF NOT EXISTS (SELECT 1 FROM tenants WHERE tenant_id = tenant) THEN
        RETURN NULL;
      END IF;
      INSERT INTO inbox (tenant_id, source, event_id, body) VALUES (tenant, sender, event, content)
        ON CONFLICT DO NOTHING;
      RETURN FOUND;
    END $$
    """,
    # The scheduled work asks for whom it is to be done; the names of the tenants are all that it gives away.
    """
    CREATE FUNCTION all_tenants() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT tenant_id FROM tenants ORDER BY tenant_id;
    END
    """,
)

TRIGGERS = (
    """
    CREATE TRIGGER legal_move BEFORE UPDATE OF state ON disputes FOR EACH ROW
      WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_move()
    """,
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    *(
        f"CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced()"
        for table in APPEND_ONLY
    ),
)

READ_FOR_IT = ("payments", "payment_operations", "orders", "shipments")

CARRIED_OVER = (
    # A capture is for its shipment; of an order with several, nobody wrote down which one it was.
    """
    UPDATE payment_operations f SET reference = CASE kind WHEN 'authorize' THEN 'checkout' WHEN 'capture' THEN coalesce(
      (SELECT min(s.shipment_id) FROM orders o JOIN shipments s USING (tenant_id, order_number)
       WHERE o.tenant_id = f.tenant_id AND o.payment_id = f.payment_id), 'capture') ELSE kind END
    """,
    # Under the ids that the code gives them, so that nothing is posted twice.
    """
    WITH posted AS (
      INSERT INTO ledger_postings (tenant_id, posting_id, payment_id, kind, currency)
      SELECT tenant_id, 'capture/' || intent_id || '/' || captured_minor, payment_id, 'capture', currency
      FROM payments WHERE captured_minor > 0 RETURNING tenant_id, posting_id, payment_id
    )
    INSERT INTO ledger_entries (tenant_id, posting_id, account, amount_minor)
    SELECT g.tenant_id, g.posting_id, side.account, side.sign * p.captured_minor
    FROM posted g JOIN payments p USING (tenant_id, payment_id),
      (VALUES ('receivable', 1), ('captured', -1)) AS side(account, sign)
    """,
)

STATES = {
    ("payments", "state", "paymentstate"): (
        "pending", "requires_action", "authorized", "lapsed", "captured", "refunded", "voided", "failed",
    ),
    ("payment_operations", "kind", "operationkind"): ("authorize", "capture", "void", "refund"),
    ("payment_operations", "state", "operationstate"): ("pending", "settling", "succeeded", "reversed", "failed"),
}  # fmt: skip
"""(table, column, constraint) → what it may hold from now on."""
