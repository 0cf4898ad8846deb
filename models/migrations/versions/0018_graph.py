"""Documents of GraphQL by their hash, and the index by which orders are listed."""

import sqlalchemy as sa
from alembic import op

from settings import app_role

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table under the rules of all others, and the index."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    op.create_table(
        "persisted_queries",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint(
            "sha256 = encode(sha256(convert_to(document, 'UTF8')), 'hex')", name=op.f("ck_persisted_queries_sha256")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_persisted_queries_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", name=op.f("pk_persisted_queries")),
    )
    op.create_index("ix_persisted_queries_used", "persisted_queries", ["tenant_id", "used_at"])
    op.create_index("ix_orders_placed", "orders", ["tenant_id", "placed_at", "order_number"])
    op.create_index("ix_orders_customer", "orders", ["tenant_id", "customer_id", "placed_at", "order_number"])
    op.execute("ALTER TABLE persisted_queries ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE persisted_queries FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON persisted_queries USING (tenant_id = current_tenant())"
        " WITH CHECK (tenant_id = current_tenant())"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON persisted_queries TO {role}")
