"""An order's number is given to its checkout first, so that the counter is locked for a moment only."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0032 import EXECUTABLE, FUNCTIONS
from settings import app_role

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column, and the function for the application's role. Who has an order has its number there."""
    op.add_column("checkouts", sa.Column("given_number", sa.Text(), nullable=True))
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    for statement in FUNCTIONS:
        op.execute(sa.text(statement.replace(":", r"\:")))
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")
