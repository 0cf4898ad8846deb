"""Whoever gives stock back locks in the order of whoever takes it; what has left early was not given back to a drop.

`reserve_stock` and `locate_stock`, which nothing has called since 0014, are gone.
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0022 import EXECUTABLE, FUNCTIONS, GONE
from settings import app_role

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column, and functions; the rights of those that are replaced stay."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    op.add_column("reservations", sa.Column("shipped", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_reservations_shipped"), "reservations", "shipped >= 0")
    for function in GONE:
        op.execute(f"DROP FUNCTION {function}")
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")
