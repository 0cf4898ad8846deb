"""The audit's checks of prices and promotion codes: each is one statement that finds what must not be."""

PRICE_CHECKS = {
    "prices: a line is what its pieces cost, less the discount": """
        SELECT order_number || '/' || sku, quantity || ' at ' || unit_minor || ' less ' || discount_minor || ', net '
          || net_minor || ', gross ' || gross_minor || CASE WHEN tax_included THEN ', tax in it' ELSE '' END
        FROM order_lines
        WHERE unit_minor * quantity - discount_minor <> CASE WHEN tax_included THEN gross_minor ELSE net_minor END""",
    "promotions: no code is used more often than it may be": """
        SELECT p.code, u.uses || ' uses of ' || p.usage_limit FROM promotions p CROSS JOIN LATERAL (
          SELECT count(*) AS uses FROM promotion_redemptions r
          WHERE r.tenant_id = p.tenant_id AND r.code = p.code AND r.state <> 'released') u
        WHERE u.uses > p.usage_limit""",
    "promotions: no shopper uses a code more often than a shopper may": """
        SELECT p.code, count(*) || ' uses of ' || p.customer_limit || ' by ' || r.customer_id
        FROM promotions p JOIN promotion_redemptions r USING (tenant_id, code)
        WHERE r.state <> 'released' AND p.customer_limit IS NOT NULL
        GROUP BY p.tenant_id, p.code, p.customer_limit, r.customer_id HAVING count(*) > p.customer_limit""",
    "promotions: a use is its checkout's, then its order's": """
        SELECT r.checkout_id, r.code || ' is ' || r.state || ', checkout is ' || coalesce(c.state, 'unknown')
          || coalesce(', order is ' || o.state, '')
        FROM promotion_redemptions r LEFT JOIN checkouts c USING (tenant_id, checkout_id)
        LEFT JOIN orders o USING (tenant_id, checkout_id)
        WHERE CASE r.state
          WHEN 'held' THEN coalesce(c.state, 'unknown') NOT IN ('open', 'awaiting_payment')
          WHEN 'redeemed' THEN coalesce(o.state, 'cancelled') = 'cancelled'
          ELSE coalesce(c.state, 'unknown') IN ('open', 'awaiting_payment')
            OR coalesce(o.state, 'cancelled') <> 'cancelled'
          END""",
    "promotions: what codes took off an order is its discount": """
        SELECT o.order_number,
          'discount ' || o.discount_minor || ', codes took off ' || coalesce(sum(r.discount_minor), 0)
        FROM orders o LEFT JOIN promotion_redemptions r USING (tenant_id, checkout_id)
        GROUP BY o.tenant_id, o.order_number, o.discount_minor
        HAVING o.discount_minor <> coalesce(sum(r.discount_minor), 0)""",
}
