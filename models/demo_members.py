"""The demo shop's club: a plan with two tiers, and one product that only its members see."""

import json

import sqlalchemy as sa

_TIERS = [
    {"tier_id": "silver", "name": "Silver", "rank": 1, "entitlements": [], "free_shipping": True, "early": 0,
     "limit": None, "prices": {"EUR": 900, "USD": 1000}},
    {"tier_id": "gold", "name": "Gold", "rank": 2, "entitlements": ["archive"], "free_shipping": True, "early": 3600,
     "limit": 2, "prices": {"EUR": 1900, "USD": 2100}},
]  # fmt: skip

_STATEMENTS = tuple(
    sa.text(statement)
    for statement in (
        """
        INSERT INTO membership_plans (tenant_id, plan_id, family, name, status, "interval", grace_seconds,
          retry_seconds, refund_policy)
        VALUES (current_tenant(), 'maison', 'maison', 'Maison Club', 'active', 'month', 604800,
          ARRAY[86400, 259200, 432000], 'pro_rata') ON CONFLICT DO NOTHING
        """,
        """
        INSERT INTO membership_tiers (tenant_id, plan_id, tier_id, name, rank, price_tier, entitlements, free_shipping,
          early_access_seconds, purchase_limit)
        SELECT current_tenant(), 'maison', t.tier_id, t.name, t.rank, t.tier_id, t.entitlements, t.free_shipping,
          t.early, t."limit"
        FROM jsonb_to_recordset(CAST(:tiers AS jsonb)) AS t(tier_id text, name text, rank bigint, entitlements text[],
          free_shipping boolean, early bigint, "limit" bigint) ON CONFLICT DO NOTHING
        """,
        """
        INSERT INTO membership_prices (tenant_id, plan_id, tier_id, currency, amount_minor)
        SELECT current_tenant(), 'maison', t->>'tier_id', p.key, p.value::bigint
        FROM jsonb_array_elements(CAST(:tiers AS jsonb)) t, jsonb_each_text(t->'prices') p ON CONFLICT DO NOTHING
        """,
        """
        INSERT INTO products (tenant_id, product_id, brand, status, title, description, product_type, tags, attributes,
          access)
        VALUES (current_tenant(), 'archive-carre', 'Maison Milepost', 'active', 'Carré from the archive',
          'A pattern of 1957, printed again for members.', 'scarves', '["silk", "archive"]',
          '{"material": "silk", "width_cm": 90}', 'archive') ON CONFLICT DO NOTHING
        """,
        """
        UPDATE variants SET product_id = 'archive-carre', options = '{"pattern": "1957"}'
        WHERE sku = 'CARRE-ARCHIVE-04' AND product_id IS NULL
        """,
    )
)


def found_club(connection: sa.Connection) -> None:
    """Add what is not there, as the owner with the tenant set."""
    values = {"tiers": json.dumps(_TIERS)}
    for statement in _STATEMENTS:
        connection.execute(statement, values if ":tiers" in statement.text else {})
