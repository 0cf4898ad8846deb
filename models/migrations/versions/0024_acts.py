"""An order says whether it is held and why, and a parcel what it calls a person for."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TROUBLES = ("label", "stock", "authorization", "capture", "unknown", "exception", "silence", "ended")


def upgrade() -> None:
    """Two columns; of what is held or calls already, nothing is known."""
    op.add_column("orders", sa.Column("held_reason", sa.Text(), nullable=True))
    kinds = sa.Enum(*_TROUBLES, name="trouble", native_enum=False, create_constraint=False, length=32)
    op.add_column("shipments", sa.Column("trouble", kinds, nullable=True))
    allowed = ", ".join(f"'{one}'" for one in _TROUBLES)
    op.create_check_constraint(op.f("ck_shipments_trouble"), "shipments", f"trouble IN ({allowed})")
