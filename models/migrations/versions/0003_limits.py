"""The limits of single columns, which the models state beside the column and 0001 left out."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LIMITS = (
    ("variants", "weight", "weight_grams > 0"),
    ("prices", "amount", "amount_minor >= 0"),
    ("tax_rates", "basis_points", "basis_points BETWEEN 0 AND 10000"),
    ("shipping_rates", "amount", "amount_minor >= 0"),
    ("reservations", "quantity", "quantity > 0"),
    ("checkouts", "total", "total_minor >= 0"),
    ("payments", "amount", "amount_minor > 0"),
    ("payment_operations", "amount", "amount_minor >= 0"),
    ("orders", "total", "total_minor > 0"),
    ("order_lines", "quantity", "quantity > 0"),
)


def upgrade() -> None:
    """Add them; PostgreSQL sees to it that the rows there are keep them."""
    for table, name, condition in LIMITS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
