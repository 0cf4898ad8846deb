"""The SQL of migration 0035, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # As `receive_webhook` with five arguments. `wait`: seconds until it is due.
    """
    CREATE FUNCTION receive_webhook(
      tenant text, sender text, event text, content bytea, told text, wait double precision
    ) RETURNS boolean
    LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      IF NOT EXISTS (SELECT 1 FROM tenants WHERE tenant_id = tenant) THEN
        RETURN NULL;
      END IF;
      INSERT INTO inbox (tenant_id, source, event_id, body, outcome, due_at, handled_at)
        VALUES (tenant, sender, event, content, told, now() + make_interval(secs => wait),
                CASE WHEN told IS NOT NULL THEN now() END)
        ON CONFLICT DO NOTHING;
      RETURN FOUND;
    END $$
    """,
)

EXECUTABLE = ("receive_webhook(text, text, text, bytea, text, double precision)",)
