"""E-mails of memberships and returns, and of stock that comes later; who a member's are for."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0030 import EXECUTABLE, FUNCTIONS, OLD_NEWS
from settings import app_role

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_MILESTONES = (
    "order_placed", "payment_action", "parcel_handed_over", "out_for_delivery", "ready_for_pickup", "parcel_delayed",
    "parcel_exception", "parcel_delivered", "order_cancelled", "order_partly_cancelled", "refunded", "stock_delayed",
    "return_label", "return_received", "return_rejected", "member_joined", "member_renewed", "member_not_paid",
    "member_ending", "member_cancelled", "member_lapsed",
)  # fmt: skip


def upgrade() -> None:
    """A mail may be about a membership, so what it is about is not a checkout only: the trigger looks for either."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    op.add_column("memberships", sa.Column("email", sa.Text(), nullable=True))
    op.drop_constraint(op.f("fk_mails_tenant_id_checkout_id"), "mails", type_="foreignkey")
    op.drop_constraint(op.f("ck_mails_milestone"), "mails", type_="check")
    op.create_check_constraint(
        op.f("ck_mails_milestone"), "mails", f"milestone IN ({', '.join(map(repr, _MILESTONES))})"
    )
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")
    op.execute(sa.text(OLD_NEWS))
