"""A member of a club, by SQL: for tests that are about what a membership opens, not about how one is joined."""

MEMBER = (
    """
    INSERT INTO membership_plans (tenant_id, plan_id, family, name, status, interval, grace_seconds, retry_seconds,
      refund_policy)
    VALUES (:t, :customer, :customer, 'Club', 'active', 'month', 0, '{}', 'nothing')
    """,
    """
    INSERT INTO membership_tiers (tenant_id, plan_id, tier_id, name, rank, entitlements, free_shipping,
      early_access_seconds)
    VALUES (:t, :customer, 'gold', 'Gold', 1, ARRAY[:entitlement], false, 0)
    """,
    """
    INSERT INTO memberships (tenant_id, membership_id, fingerprint, customer_id, family, plan_id, tier_id, state,
      interval, grace_seconds, retry_seconds, refund_policy, currency, amount_minor, period_starts_at, period_ends_at,
      benefits_until)
    VALUES (:t, :customer, 'f', :customer, :customer, :customer, 'gold', 'active', 'month', 0, '{}', 'nothing', 'EUR',
      0, now(), now() + interval '1 month', now() + interval '1 month')
    """,
)
"""Of tenant `t` a plan named as the customer is, whose one tier gives the `entitlement`, and the customer in it."""

FORGET = tuple(
    f"DELETE FROM {table} WHERE tenant_id = :t AND plan_id = :customer"
    for table in ("memberships", "membership_tiers", "membership_plans")
)
"""None of it was ever there: nobody looks after a membership that has no workflow."""
