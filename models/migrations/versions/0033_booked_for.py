"""Which of the order's addresses a parcel was created for at its carrier."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of parcels that are in a carrier's books already it is told by their workflows."""
    op.add_column("shipments", sa.Column("booked_for", sa.BigInteger(), nullable=True))
