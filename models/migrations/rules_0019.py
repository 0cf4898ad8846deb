"""The SQL of migration 0019, as it was: never edited, a later migration changes it."""

TENANT_TABLES = ("returns", "return_lines", "return_steps")

APPEND_ONLY = ("return_steps",)

_MOVES = """
returns requested approved
returns requested rejected
returns requested cancelled
returns approved label_sent
returns approved received
returns approved expired
returns approved cancelled
returns label_sent in_transit
returns label_sent received
returns label_sent expired
returns label_sent cancelled
returns in_transit received
returns in_transit cancelled
returns received inspected
returns inspected refunded
returns inspected rejected
"""
MOVES = tuple(tuple(line.split()) for line in _MOVES.strip().splitlines())

FUNCTIONS = (
    # The parcel's line is the queue that returns of its pieces stand in: locked first, then counted anew, because under
    # READ COMMITTED each statement of a volatile function sees what was committed before it began. Pieces of a return
    # that never came, or was refused before it came, may be asked for again.
    """
    CREATE FUNCTION refuse_over_delivered() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      there bigint;
      coming bigint;
    BEGIN
      SELECT l.quantity - l.cancelled INTO there FROM shipment_lines l
        WHERE l.tenant_id = NEW.tenant_id AND l.shipment_id = NEW.shipment_id AND l.sku = NEW.sku FOR NO KEY UPDATE;
      SELECT coalesce(sum(r.quantity), 0) INTO coming FROM return_lines r JOIN returns b USING (tenant_id, return_id)
        WHERE r.tenant_id = NEW.tenant_id AND r.shipment_id = NEW.shipment_id AND r.sku = NEW.sku
          AND r.return_id <> NEW.return_id AND b.state NOT IN ('expired', 'cancelled')
          AND (b.state <> 'rejected' OR b.received_at IS NOT NULL);
      IF coming + NEW.quantity > there OR NOT EXISTS (SELECT 1 FROM shipments s
          JOIN returns b ON b.tenant_id = s.tenant_id AND b.order_number = s.order_number
          WHERE s.tenant_id = NEW.tenant_id AND s.shipment_id = NEW.shipment_id AND s.state = 'delivered'
            AND b.return_id = NEW.return_id) THEN
        RAISE EXCEPTION 'return_lines: % of % more than was delivered in % and is not on its way back',
          NEW.quantity, NEW.sku, NEW.shipment_id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'returned_at_most_delivered';
      END IF;
      RETURN NEW;
    END $$
    """,
)

EXECUTABLE = ("refuse_over_delivered()",)

TRIGGERS = (
    (
        "CREATE TRIGGER legal_move BEFORE UPDATE OF state ON returns FOR EACH ROW"
        " WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_move()"
    ),
    (
        "CREATE TRIGGER returned_at_most_delivered AFTER INSERT OR UPDATE OF quantity, sku, shipment_id, return_id"
        " ON return_lines FOR EACH ROW EXECUTE FUNCTION refuse_over_delivered()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON return_steps FOR EACH ROW"
        " EXECUTE FUNCTION refuse_change()"
    ),
)
