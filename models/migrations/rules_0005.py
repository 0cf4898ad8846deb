"""The SQL of migration 0005, as it was: never edited, a later migration changes it."""

TENANT_TABLES = ("stock_adjustments",)

APPEND_ONLY = ("stock_adjustments",)

FUNCTIONS = (
    # The level of a known SKU at a known location, locked; 0 of 0 where there is none yet, which is not made here.
    """
    CREATE FUNCTION lock_level(place text, thing text, OUT wrong text, OUT there bigint, OUT spoken_for bigint)
    LANGUAGE plpgsql AS $$
    BEGIN
      SELECT s.on_hand, s.reserved INTO there, spoken_for FROM stock_levels s
        WHERE s.location_id = place AND s.sku = thing FOR UPDATE;
      IF NOT FOUND THEN
        wrong := CASE
          WHEN NOT EXISTS (SELECT 1 FROM locations l WHERE l.location_id = place) THEN 'unknown_location'
          WHEN NOT EXISTS (SELECT 1 FROM variants v WHERE v.sku = thing) THEN 'unknown_sku' END;
        there := 0;
        spoken_for := 0;
      END IF;
    END $$
    """,
    # A level as it is to be, with the movement that leads there, or why not. Where there was none to lock, another
    # transaction may have made it since: that one is waited for, never overwritten, and the answer is `stock_changed`.
    """
    CREATE FUNCTION set_level(place text, thing text, there bigint, spoken_for bigint, wanted bigint, what text,
      whose text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
      IF wanted < spoken_for THEN
        RETURN 'below_reserved';
      END IF;
      UPDATE stock_levels s SET on_hand = wanted
        WHERE s.location_id = place AND s.sku = thing AND s.on_hand = there AND s.reserved = spoken_for;
      IF NOT FOUND THEN
        INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand)
          VALUES (current_tenant(), place, thing, wanted) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
          RETURN 'stock_changed';
        END IF;
      END IF;
      IF wanted <> there THEN
        INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)
          VALUES (current_tenant(), place, thing, what, wanted - there, whose);
      END IF;
      RETURN 'done';
    END $$
    """,
    # Compare and swap: so many were counted, if still so many are there as the counter believed. One round trip.
    """
    CREATE FUNCTION count_stock(place text, thing text, counted bigint, expected bigint, why text,
      OUT outcome text, OUT there bigint, OUT spoken_for bigint) LANGUAGE plpgsql AS $$
    BEGIN
      LOOP
        SELECT l.wrong, l.there, l.spoken_for INTO outcome, there, spoken_for FROM lock_level(place, thing) l;
        IF outcome IS NOT NULL THEN
          RETURN;
        END IF;
        IF there <> expected THEN
          outcome := 'stock_changed';
          RETURN;
        END IF;
        outcome := set_level(place, thing, there, spoken_for, counted, 'adjusted', 'count: ' || why);
        EXIT WHEN outcome <> 'stock_changed';
      END LOOP;
      IF outcome = 'done' THEN
        there := counted;
      END IF;
    END $$
    """,
    # So many more or fewer, once for a key: a repeat is answered from the row of the first time. One round trip.
    """
    CREATE FUNCTION adjust_stock(key text, print text, place text, thing text, what text, change bigint, why text,
      OUT outcome text, OUT there bigint, OUT spoken_for bigint) LANGUAGE plpgsql AS $$
    DECLARE
      before stock_adjustments%ROWTYPE;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended(current_tenant() || '/stock_adjustments/' || key, 0));
      SELECT * INTO before FROM stock_adjustments a WHERE a.idempotency_key = key;
      IF FOUND THEN
        outcome := CASE WHEN before.fingerprint = print THEN 'done' ELSE 'key_reused' END;
        there := before.on_hand;
        spoken_for := before.reserved;
        RETURN;
      END IF;
      LOOP
        SELECT l.wrong, l.there, l.spoken_for INTO outcome, there, spoken_for FROM lock_level(place, thing) l;
        IF outcome IS NOT NULL THEN
          RETURN;
        END IF;
        outcome := set_level(place, thing, there, spoken_for, there + change, what, 'adjustment ' || key);
        EXIT WHEN outcome <> 'stock_changed';
      END LOOP;
      IF outcome = 'done' THEN
        there := there + change;
        INSERT INTO stock_adjustments (tenant_id, idempotency_key, fingerprint, location_id, sku, kind, quantity,
            reason, on_hand, reserved)
          VALUES (current_tenant(), key, print, place, thing, what, change, why, there, spoken_for);
      END IF;
    END $$
    """,
)

EXECUTABLE = (
    "lock_level(text, text)",
    "set_level(text, text, bigint, bigint, bigint, text, text)",
    "count_stock(text, text, bigint, bigint, text)",
    "adjust_stock(text, text, text, text, text, bigint, text)",
)

TRIGGERS = tuple(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    for table in APPEND_ONLY
)
