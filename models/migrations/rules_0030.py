"""The SQL of migration 0030, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # As before, and what became of returns and memberships, and stock that comes later than was said. A renewal that is
    # declined is told of; a first payment that is, the customer sees as they join.
    """
    CREATE OR REPLACE FUNCTION mail_of(event_type text, data jsonb) RETURNS text LANGUAGE sql IMMUTABLE
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
      WHEN 'shipment.stock_delayed' THEN 'stock_delayed'
      WHEN 'shipment.scan' THEN CASE data ->> 'status'
        WHEN 'out_for_delivery' THEN 'out_for_delivery'
        WHEN 'ready_for_pickup' THEN 'ready_for_pickup'
        WHEN 'delayed' THEN 'parcel_delayed'
        WHEN 'attempt_failed' THEN 'parcel_delayed'
        WHEN 'on_hold' THEN 'parcel_delayed'
      END
      WHEN 'return.label_sent' THEN 'return_label'
      WHEN 'return.received' THEN 'return_received'
      WHEN 'return.rejected' THEN 'return_rejected'
      WHEN 'membership.joined' THEN 'member_joined'
      WHEN 'membership.renewed' THEN 'member_renewed'
      WHEN 'membership.not_paid' THEN CASE WHEN (data ->> 'period')::bigint > 0 THEN 'member_not_paid' END
      WHEN 'membership.changed' THEN CASE WHEN (data ->> 'ends')::boolean THEN 'member_ending' END
      WHEN 'membership.cancelled' THEN 'member_cancelled'
      WHEN 'membership.lapsed' THEN 'member_lapsed'
    END
    """,
    # What tells one mail of a kind from another: the parcel, refund, cancellation, return or period that the event
    # names, and of stock that comes later the day as well;
    # and which time it is that somebody ends their membership with this period.
    """
    CREATE FUNCTION mail_part(event_type text, data jsonb) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE event_type
      WHEN 'shipment.stock_delayed' THEN (data ->> 'parcel') || '/' || (data ->> 'expected_on')
      WHEN 'membership.changed' THEN (data ->> 'period') || '/' || (data ->> 'time')
      ELSE coalesce(data ->> 'parcel', data ->> 'refund', data ->> 'cancellation', data ->> 'return_id',
        data ->> 'period', '')
    END
    """,
    """
    CREATE OR REPLACE FUNCTION write_mail() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      kind text := mail_of(NEW.type, NEW.data);
    BEGIN
      INSERT INTO mails (tenant_id, checkout_id, milestone, part, event_id, due_at)
        SELECT NEW.tenant_id, NEW.checkout_id, kind, mail_part(NEW.type, NEW.data), NEW.event_id,
          now() + CASE kind WHEN 'payment_action' THEN interval '5 minutes' ELSE interval '0' END
        WHERE EXISTS (SELECT FROM checkouts c
            WHERE c.tenant_id = NEW.tenant_id AND c.checkout_id = NEW.checkout_id)
          OR EXISTS (SELECT FROM memberships m
            WHERE m.tenant_id = NEW.tenant_id AND m.membership_id = NEW.checkout_id)
        ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$
    """,
)

OLD_NEWS = """
    DO $$
    DECLARE
      tenant text;
    BEGIN
      FOR tenant IN SELECT DISTINCT e.tenant_id FROM events e LOOP
        PERFORM set_config('milepost.tenant', tenant, true);
        INSERT INTO mails (tenant_id, checkout_id, milestone, part, event_id, state, ended_at, problem)
          SELECT e.tenant_id, e.checkout_id, mail_of(e.type, e.data), mail_part(e.type, e.data), e.event_id,
            'moot', now(), 'happened before there were e-mails of it'
          FROM events e WHERE e.tenant_id = tenant AND mail_of(e.type, e.data) IS NOT NULL
            AND (EXISTS (SELECT FROM checkouts c WHERE c.tenant_id = tenant AND c.checkout_id = e.checkout_id)
              OR EXISTS (SELECT FROM memberships m WHERE m.tenant_id = tenant AND m.membership_id = e.checkout_id))
          ORDER BY e.event_id
          ON CONFLICT DO NOTHING;
      END LOOP;
      PERFORM set_config('milepost.tenant', '', true);
    END $$
"""
"""What happened before is not told of now, and the audit, which wants a mail for each such event, has its row."""

EXECUTABLE = ("mail_part(text, jsonb)",)
