"""Webhooks of parcels that nobody knows are found without a look through all of the inbox; a parcel may be late."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


_TROUBLES = ("label", "stock", "authorization", "capture", "unknown", "exception", "late", "silence", "ended")


def upgrade() -> None:
    """Add the index, and allow one word more."""
    allowed = ", ".join(f"'{one}'" for one in _TROUBLES)
    op.drop_constraint(op.f("ck_shipments_trouble"), "shipments")
    op.create_check_constraint(op.f("ck_shipments_trouble"), "shipments", f"trouble IN ({allowed})")
    op.create_index(
        "ix_inbox_unknown",
        "inbox",
        ["tenant_id", "received_at", "event_id"],
        postgresql_where=sa.text("outcome = 'unknown_object' AND source <> 'stripe'"),
    )
