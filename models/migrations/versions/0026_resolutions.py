"""What was decided for a parcel that did not arrive, the parcel that goes in its place, and which address is meant."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0026 import EXECUTABLE, FUNCTIONS
from settings import app_role

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_HOW = ("reship", "refund", "wait")


def upgrade() -> None:
    """Columns that are empty until something is decided, and functions that heed them."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    op.add_column("orders", sa.Column("address_version", sa.BigInteger(), server_default="1", nullable=False))
    kinds = sa.Enum(*_HOW, name="resolution", native_enum=False, create_constraint=False, length=32)
    op.add_column("shipments", sa.Column("resolution", kinds, nullable=True))
    op.add_column("shipments", sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shipments", sa.Column("replaced_by", sa.Text(), nullable=True))
    allowed = ", ".join(f"'{one}'" for one in _HOW)
    op.create_check_constraint(op.f("ck_shipments_resolution"), "shipments", f"resolution IN ({allowed})")
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")
