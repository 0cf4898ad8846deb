"""Stock is counted and adjusted by functions that compare before they write; checkouts left behind are found fast."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0005 import APPEND_ONLY, EXECUTABLE, FUNCTIONS, TENANT_TABLES, TRIGGERS
from settings import app_role

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, its functions and the index, and put them under the same rules as all others."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _create_table()
    op.create_index(
        "ix_checkouts_unfinished",
        "checkouts",
        ["tenant_id", "checkout_id"],
        postgresql_where=sa.text("state IN ('open', 'awaiting_payment')"),
    )
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(sa.text(statement))
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING (tenant_id = current_tenant())"
            " WITH CHECK (tenant_id = current_tenant())"
        )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TENANT_TABLES)} TO {role}")
    op.execute(f"REVOKE UPDATE, DELETE ON {', '.join(APPEND_ONLY)} FROM {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")


def _create_table() -> None:
    kinds = sa.Enum(
        "received", "reserved", "released", "allocated", "shipped", "returned", "adjusted",
        name="movementkind", native_enum=False, create_constraint=True, length=32,
    )  # fmt: skip
    op.create_table(
        "stock_adjustments",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("kind", kinds, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "quantity <> 0 AND (kind = 'adjusted' OR (kind IN ('received', 'returned') AND quantity > 0))",
            name=op.f("ck_stock_adjustments_quantity"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_stock_adjustments_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id", "sku"],
            ["stock_levels.tenant_id", "stock_levels.location_id", "stock_levels.sku"],
            name=op.f("fk_stock_adjustments_tenant_id_location_id_sku"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "idempotency_key", name=op.f("pk_stock_adjustments")),
    )
