"""Parcels that wait for stock hear that it has come."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0020 import FUNCTIONS

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the function; who may call it stays as it was."""
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
