"""One key sent twice at once is one cart at a drop's gate; a line sleeps until shortly before the sale."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0013 import FUNCTIONS

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the functions; their rights stay."""
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
