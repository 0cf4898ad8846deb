"""The audit log says why, and holds each act that came past our API once."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column more, and one row an act by hand: no request's id has a slash."""
    op.add_column("audit_log", sa.Column("reason", sa.Text(), nullable=True))
    op.create_index(
        "uq_audit_log_by_hand",
        "audit_log",
        ["tenant_id", "request_id"],
        unique=True,
        postgresql_where=sa.text("request_id LIKE 'temporal/%'"),
    )
