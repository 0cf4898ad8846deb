"""All there is to say of an order, in one round trip."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0031 import EXECUTABLE, FUNCTIONS
from settings import app_role

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two functions, for the application's role."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    for statement in FUNCTIONS:
        op.execute(sa.text(statement.replace(":", r"\:")))
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")
