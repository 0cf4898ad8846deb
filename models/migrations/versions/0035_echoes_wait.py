"""A webhook that echoes our own call is due when that has been answered, and kept so in the same statement."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0035 import EXECUTABLE, FUNCTIONS
from settings import app_role

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The function beside the one that processes of the version before call."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    for statement in FUNCTIONS:
        op.execute(sa.text(statement.replace(":", r"\:")))
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")
