"""A preorder is sold against its limit and leaves when it is released; indexes for SKUs, codes, drops and renewals."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

FREE = (
    "CASE WHEN backorder_kind = 'preorder' THEN 0 ELSE greatest(on_hand - safety_stock - reserved + backordered, 0) END"
)


DROP_STOCK = """
    CREATE OR REPLACE FUNCTION drop_stock(thing text) RETURNS bigint LANGUAGE sql STABLE
    BEGIN ATOMIC
      SELECT coalesce(sum({}), 0)::bigint FROM stock_levels s WHERE s.sku = thing;
    END
    """
"""What a drop can still give; with the column by name, which is held to."""


def upgrade() -> None:
    """The column anew, because older servers cannot change what one is computed by. One function is bound to it, and
    lets go of it meanwhile; the others find it by its name. Units sold from the shelf stay sold."""
    op.execute(sa.text(DROP_STOCK.format("0")))
    op.drop_column("stock_levels", "free")
    op.add_column("stock_levels", sa.Column("free", sa.BigInteger(), sa.Computed(FREE, persisted=True), nullable=False))
    op.execute(sa.text(DROP_STOCK.format("s.free + s.backorder_limit - s.backordered")))
    op.create_index(
        "ix_variants_sku",
        "variants",
        ["tenant_id", sa.text("upper(sku) text_pattern_ops")],
        postgresql_where=sa.text("product_id IS NOT NULL"),
    )
    op.create_index("ix_promotions_created", "promotions", ["tenant_id", "created_at", "code"])
    op.create_index("ix_drops_opens", "drops", ["tenant_id", "opens_at", "drop_id"])
    op.create_index(
        "ix_memberships_renewal",
        "memberships",
        ["tenant_id", "period_ends_at"],
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "ix_memberships_open",
        "memberships",
        ["tenant_id", "membership_id"],
        postgresql_where=sa.text("state IN ('pending', 'past_due')"),
    )
