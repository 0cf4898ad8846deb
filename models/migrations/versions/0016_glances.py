"""One look for many carts: known, in line, sold out."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0016 import EXECUTABLE, FUNCTIONS
from settings import app_role

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the function."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")
