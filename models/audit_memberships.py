"""The promise of memberships, checked against the tables: who is a member has paid, and who has paid is a member."""

MEMBERSHIP_CHECKS = {
    "memberships: a paid period has its payment": """
        SELECT m.membership_id || '/' || m.period,
          'paid ' || m.amount_minor || ', payment is ' || coalesce(p.state, 'unknown') || ' of '
          || coalesce(p.captured_minor, 0)
        FROM membership_periods m LEFT JOIN payments p USING (tenant_id, payment_id)
        WHERE m.state = 'paid' AND m.amount_minor > 0
          AND (coalesce(p.state, 'unknown') NOT IN ('captured', 'refunded') OR p.captured_minor <> m.amount_minor)""",
    "memberships: no payment without a paid period": """
        SELECT p.payment_id, 'payment is ' || p.state || ', period is ' || coalesce(m.state, 'unknown')
        FROM payments p LEFT JOIN membership_periods m USING (tenant_id, payment_id)
        WHERE p.membership_id IS NOT NULL AND p.state IN ('authorized', 'captured')
          AND coalesce(m.state, 'unknown') <> 'paid'""",
    "memberships: who is a member has paid": """
        SELECT s.membership_id, s.state || ' in period ' || s.period || ' until '
          || coalesce(s.period_ends_at::text, 'never') || ', which is ' || coalesce(m.state, 'unknown')
        FROM memberships s LEFT JOIN membership_periods m USING (tenant_id, membership_id, period)
        WHERE s.state IN ('active', 'past_due')
          AND (m.state IS DISTINCT FROM 'paid' OR m.ends_at IS DISTINCT FROM s.period_ends_at)""",
    "memberships: nothing is due of one that ended": """
        SELECT m.membership_id || '/' || m.period, 'due, membership is ' || s.state
        FROM membership_periods m JOIN memberships s USING (tenant_id, membership_id)
        WHERE m.state = 'due' AND s.state IN ('lapsed', 'cancelled', 'failed')""",
    "memberships: a renewal is looked after": """
        SELECT membership_id, 'still ' || state || ', its benefits ended at ' || benefits_until FROM memberships
        WHERE state IN ('active', 'past_due') AND attention_reason IS NULL
          AND benefits_until < now() - interval '1 day'""",
    "memberships: nobody has bought more than their limit": """
        SELECT p.membership_id || '/' || p.sku, 'bought ' || member_bought(p.membership_id, p.period, p.sku)
          || ' in period ' || p.period || ', limit ' || max(p.most)
        FROM member_purchases p GROUP BY p.tenant_id, p.membership_id, p.period, p.sku
        HAVING member_bought(p.membership_id, p.period, p.sku) > max(p.most)""",
}
