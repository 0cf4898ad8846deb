"""Carriers: what was created before it is bought, how a scan finds its parcel, and parcels nobody hears of."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen two tables; the rules that they are under cover the new columns."""
    op.add_column("shipments", sa.Column("rate_id", sa.Text()))
    op.add_column("shipments", sa.Column("label_id", sa.Text()))
    op.add_column("shipments", sa.Column("silent_since", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_shipments_rate"), "shipments", "rate_id IS NULL OR carrier_shipment_id IS NOT NULL"
    )
    op.create_index("ix_shipments_carrier", "shipments", ["tenant_id", "carrier", "carrier_shipment_id"])
    op.create_index("ix_shipments_number", "shipments", ["tenant_id", "tracking_number"])
    op.add_column("tracking_events", sa.Column("told_by", sa.Text()))
