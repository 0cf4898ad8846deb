"""Stock has terms (safety stock, backorder), many carts are reserved at once, and units that come cover who waits.

`reserve_stock` and `locate_stock` stay for processes of the version before; a later migration drops them.
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0014 import (
    EXECUTABLE,
    FREE,
    FUNCTIONS,
    KINDS,
    LEVEL_RULES,
    REPLACED,
    RESERVATION_RULES,
)
from settings import app_role

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns, rules and functions."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _extend_levels()
    _extend_reservations()
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    for table in ("stock_movements", "stock_adjustments"):
        op.drop_constraint(op.f(f"ck_{table}_movementkind"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_movementkind"), table, f"kind IN ({kinds})")
    for function in REPLACED:
        op.execute(f"DROP FUNCTION {function}")
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")


def _extend_levels() -> None:
    for name in ("safety_stock", "backorder_limit", "backordered"):
        op.add_column("stock_levels", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    kinds = sa.Enum("backorder", "preorder", name="backorderkind", native_enum=False, create_constraint=True, length=32)
    op.add_column("stock_levels", sa.Column("backorder_kind", kinds, server_default="backorder", nullable=False))
    op.add_column("stock_levels", sa.Column("expected_on", sa.Date(), nullable=True))
    op.add_column("stock_levels", sa.Column("free", sa.BigInteger(), sa.Computed(FREE, persisted=True), nullable=False))
    op.drop_constraint(op.f("ck_stock_levels_not_oversold"), "stock_levels", type_="check")
    for name, condition in LEVEL_RULES.items():
        op.create_check_constraint(op.f(f"ck_stock_levels_{name}"), "stock_levels", condition)


def _extend_reservations() -> None:
    op.add_column("reservations", sa.Column("backordered", sa.BigInteger(), server_default="0", nullable=False))
    kinds = sa.Enum("backorder", "preorder", name="backorderkind", native_enum=False, create_constraint=True, length=32)
    op.add_column("reservations", sa.Column("backorder_kind", kinds, nullable=True))
    op.add_column("reservations", sa.Column("expected_on", sa.Date(), nullable=True))
    op.add_column("reservations", sa.Column("arrival", sa.BigInteger(), sa.Identity(always=True), nullable=False))
    for name, condition in RESERVATION_RULES.items():
        op.create_check_constraint(op.f(f"ck_reservations_{name}"), "reservations", condition)
    op.create_index(
        "ix_reservations_waiting",
        "reservations",
        ["tenant_id", "location_id", "sku", "arrival"],
        postgresql_where=sa.text("backordered > 0"),
    )
