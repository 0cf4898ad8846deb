"""The SQL of migration 0017, as it was: never edited, a later migration changes it."""

MOVES = (
    ("mails", "pending", "sent"),
    ("mails", "pending", "failed"),
    ("mails", "pending", "moot"),
    ("mails", "failed", "pending"),
)

FUNCTIONS = (
    # Which mail an event is the cause of; none for most.
    """
    CREATE FUNCTION mail_of(event_type text, data jsonb) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE event_type
      WHEN 'order.placed' THEN 'order_placed'
      WHEN 'order.cancelled' THEN 'order_cancelled'
      WHEN 'order.partly_cancelled' THEN 'order_partly_cancelled'
      WHEN 'payment.action_required' THEN 'payment_action'
      WHEN 'payment.refunded' THEN 'refunded'
      WHEN 'shipment.handed_over' THEN 'parcel_handed_over'
      WHEN 'shipment.delivered' THEN 'parcel_delivered'
      WHEN 'shipment.lost' THEN 'parcel_exception'
      WHEN 'shipment.returned_to_sender' THEN 'parcel_exception'
      WHEN 'shipment.scan' THEN CASE data ->> 'status'
        WHEN 'out_for_delivery' THEN 'out_for_delivery'
        WHEN 'ready_for_pickup' THEN 'ready_for_pickup'
        WHEN 'delayed' THEN 'parcel_delayed'
        WHEN 'attempt_failed' THEN 'parcel_delayed'
        WHEN 'on_hold' THEN 'parcel_delayed'
      END
    END
    """,
    # In the transaction of the event, whoever writes it, and once: what tells one mail of a kind from another is the
    # parcel, refund or cancellation that the event names. A shopper who is paying at this moment is left in peace for
    # five minutes; whether it is still wanted is looked at as it is sent.
    """
    CREATE FUNCTION write_mail() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      kind text := mail_of(NEW.type, NEW.data);
    BEGIN
      INSERT INTO mails (tenant_id, checkout_id, milestone, part, event_id, due_at)
        SELECT NEW.tenant_id, NEW.checkout_id, kind,
          coalesce(NEW.data ->> 'parcel', NEW.data ->> 'refund', NEW.data ->> 'cancellation', ''), NEW.event_id,
          now() + CASE kind WHEN 'payment_action' THEN interval '5 minutes' ELSE interval '0' END
        FROM checkouts c WHERE c.tenant_id = NEW.tenant_id AND c.checkout_id = NEW.checkout_id
        ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$
    """,
    # Mails of all tenants that are due, oldest first, and of each order the oldest only: they go out in order.
    """
    CREATE FUNCTION mails_due(most integer)
    RETURNS TABLE (tenant_id text, checkout_id text, milestone text, part text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT m.tenant_id, m.checkout_id, m.milestone, m.part FROM mails m
      WHERE m.state = 'pending' AND m.due_at <= now() AND NOT EXISTS (
        SELECT FROM mails e WHERE e.tenant_id = m.tenant_id AND e.checkout_id = m.checkout_id AND e.state = 'pending'
          AND e.event_id < m.event_id AND (e.attempts > 0 OR e.due_at <= now()))
      ORDER BY m.due_at, m.event_id LIMIT most;
    END
    """,
    # The last event of each of these timelines, of all tenants: one look for everybody who watches a parcel.
    """
    CREATE FUNCTION last_events(tenants text[], checkouts text[])
    RETURNS TABLE (tenant_id text, checkout_id text, event_id bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT w.tenant_id, w.checkout_id,
        (SELECT max(e.event_id) FROM events e WHERE e.tenant_id = w.tenant_id AND e.checkout_id = w.checkout_id)
      FROM unnest(tenants, checkouts) AS w (tenant_id, checkout_id);
    END
    """,
)

TRIGGERS = (
    (
        "CREATE TRIGGER write_mail AFTER INSERT ON events FOR EACH ROW"
        " WHEN (mail_of(NEW.type, NEW.data) IS NOT NULL) EXECUTE FUNCTION write_mail()"
    ),
    (
        "CREATE TRIGGER legal_move BEFORE UPDATE OF state ON mails FOR EACH ROW"
        " WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_move()"
    ),
)

READ_BEFORE_A_TENANT_IS_KNOWN = ("mails", "events")
"""What the security-definer functions above, which run as the owner, must find."""

EXECUTABLE = ("mail_of(text, jsonb)", "mails_due(integer)", "last_events(text[], text[])")
