"""The SQL of migration 0016, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # As before; but what is kept back is not for sale, and what may be sold before it is there is.
    """
    CREATE OR REPLACE FUNCTION drop_stock(thing text) RETURNS bigint LANGUAGE sql STABLE
    BEGIN ATOMIC
      SELECT coalesce(sum(s.free + s.backorder_limit - s.backordered), 0)::bigint
      FROM stock_levels s WHERE s.sku = thing;
    END
    """,
    # Which of these checkouts are known, which customers have a place in line for one of the SKUs, and how many units
    # of each SKU a newcomer can get. A SKU in a drop is left out unless the sale is on for everybody, nobody else can
    # join its line, and nothing came back that the next look would give out.
    """
    CREATE FUNCTION glance_at(checkouts text[], customers text[], skus text[])
    RETURNS TABLE (what text, name text, most bigint, drop_name text) LANGUAGE sql STABLE
    BEGIN ATOMIC
      SELECT 'known', c.checkout_id, NULL::bigint, NULL::text FROM checkouts c
        WHERE c.tenant_id = current_tenant() AND c.checkout_id = ANY (glance_at.checkouts)
      UNION ALL
      SELECT 'in_line', t.customer_id, NULL, NULL FROM drop_tickets t
        WHERE t.tenant_id = current_tenant() AND t.sku = ANY (glance_at.skus)
          AND t.customer_id = ANY (glance_at.customers) AND t.state IN ('waiting', 'granted')
      UNION ALL
      SELECT 'sku', v.sku, drop_stock(v.sku), NULL FROM variants v
        WHERE v.tenant_id = current_tenant() AND v.sku = ANY (glance_at.skus)
          AND NOT EXISTS (SELECT 1 FROM drop_skus k WHERE k.tenant_id = v.tenant_id AND k.sku = v.sku)
      UNION ALL
      SELECT 'sku', k.sku, least(k.allotment - k.taken - k.granted, drop_stock(k.sku) - k.granted), k.drop_id
        FROM drop_skus k JOIN drops d USING (tenant_id, drop_id)
        WHERE k.tenant_id = current_tenant() AND k.sku = ANY (glance_at.skus)
          AND now() >= d.opens_at AND now() < d.closes_at AND k.waiting >= d.line_length
          AND NOT EXISTS (SELECT 1 FROM drop_claims c WHERE c.tenant_id = k.tenant_id AND c.drop_id = k.drop_id
                          AND c.live < c.quantity)
          AND NOT EXISTS (SELECT 1 FROM drop_tickets t WHERE t.tenant_id = k.tenant_id AND t.drop_id = k.drop_id
                          AND t.sku = k.sku AND t.state = 'granted' AND t.granted_until <= now());
    END
    """,
    # The same as a tenant, in one statement that is a transaction of its own: one round trip.
    """
    CREATE FUNCTION glance_as(tenant text, checkouts text[], customers text[], skus text[])
    RETURNS TABLE (what text, name text, most bigint, drop_name text) LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      RETURN QUERY SELECT * FROM glance_at(checkouts, customers, skus);
    END $$
    """,
)

EXECUTABLE = ("glance_at(text[], text[], text[])", "glance_as(text, text[], text[], text[])")
