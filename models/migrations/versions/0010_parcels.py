"""What is in which parcel and what of the money is for it; cancelled pieces, and who cancelled them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.rules_0010 import (
    APPEND_ONLY,
    CARRIED_OVER,
    EXECUTABLE,
    FUNCTIONS,
    READ_FOR_IT,
    TENANT_TABLES,
    TRIGGERS,
)
from settings import app_role

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen orders and parcels, create what is new, carry over what there is, and put it under the same rules."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _widen()
    _create_lines()
    _create_cancellations()
    _carry_over()
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


def _number(name: str, default: str | None = "0", *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=default, nullable=nullable)


def _widen() -> None:
    op.add_column("order_lines", _number("cancelled"))
    op.create_check_constraint(op.f("ck_order_lines_cancelled"), "order_lines", "cancelled BETWEEN 0 AND quantity")
    for column in (
        _number("place"),
        _number("shipping_minor"),
        _number("waived_minor"),
        _number("paid_minor", None, nullable=True),
    ):
        op.add_column("shipments", column)
    op.add_column("shipments", sa.Column("waits_for_stock", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("ship_by", "picked_at", "packed_at"):
        op.add_column("shipments", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_shipments_money"), "shipments", "shipping_minor >= 0 AND waived_minor >= 0 AND paid_minor >= 0"
    )


def _create_lines() -> None:
    op.create_table(
        "shipment_lines",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        _number("quantity", None),
        _number("cancelled"),
        _number("gross_minor", None),
        _number("tax_minor", None),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shipment_lines_quantity")),
        sa.CheckConstraint("cancelled BETWEEN 0 AND quantity", name=op.f("ck_shipment_lines_cancelled")),
        sa.CheckConstraint("0 <= tax_minor AND tax_minor <= gross_minor", name=op.f("ck_shipment_lines_money")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_shipment_lines_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shipment_id"],
            ["shipments.tenant_id", "shipments.shipment_id"],
            name=op.f("fk_shipment_lines_tenant_id_shipment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_number", "sku"],
            ["order_lines.tenant_id", "order_lines.order_number", "order_lines.sku"],
            name=op.f("fk_shipment_lines_tenant_id_order_number_sku"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "shipment_id", "sku", name=op.f("pk_shipment_lines")),
    )
    op.create_index("ix_shipment_lines_order", "shipment_lines", ["tenant_id", "order_number", "sku"])


def _create_cancellations() -> None:
    op.create_table(
        "order_cancellations",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("cancellation_id", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        _number("amount_minor", None),
        _number("refund_minor", None),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "0 <= refund_minor AND refund_minor <= amount_minor", name=op.f("ck_order_cancellations_money")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_order_cancellations_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_number"],
            ["orders.tenant_id", "orders.order_number"],
            name=op.f("fk_order_cancellations_tenant_id_order_number"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "cancellation_id", name=op.f("pk_order_cancellations")),
    )
    op.create_index("ix_order_cancellations_order", "order_cancellations", ["tenant_id", "order_number"])


def _carry_over() -> None:
    """Of all tenants, so the owner is unbound for it."""
    for table in READ_FOR_IT:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statement in CARRIED_OVER:
        op.execute(sa.text(statement))
    for table in READ_FOR_IT:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
