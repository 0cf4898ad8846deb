"""The outbox of e-mails, written by the events that cause them; and what watchers of a parcel look at."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0017 import EXECUTABLE, FUNCTIONS, MOVES, READ_BEFORE_A_TENANT_IS_KNOWN, TRIGGERS
from settings import app_role

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MILESTONES = (
    "order_placed", "payment_action", "parcel_handed_over", "out_for_delivery", "ready_for_pickup", "parcel_delayed",
    "parcel_exception", "parcel_delivered", "order_cancelled", "order_partly_cancelled", "refunded",
)  # fmt: skip


def upgrade() -> None:
    """Create the table and what fills it, and put it under the same rules as all others."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _create()
    names = ("machine", "state", "next_state")
    moves = sa.table("legal_moves", *(sa.column(name) for name in names))
    op.bulk_insert(moves, [dict(zip(names, move, strict=True)) for move in MOVES])
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(sa.text(statement))
    op.execute("ALTER TABLE mails ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE mails FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON mails USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())"
    )
    for table in READ_BEFORE_A_TENANT_IS_KNOWN:
        op.execute(f"CREATE POLICY owner_reads ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON mails TO {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")


def _create() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "mails",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tenant_id", "checkout_id")),
        sa.Column("milestone", sa.String(32), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(32), server_default="pending", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint(f"milestone IN ({', '.join(map(repr, _MILESTONES))})", name=op.f("ck_mails_milestone")),
        sa.CheckConstraint("state IN ('pending', 'sent', 'failed', 'moot')", name=op.f("ck_mails_mailstate")),
        sa.CheckConstraint("(state = 'pending') = (ended_at IS NULL)", name=op.f("ck_mails_ended")),
        sa.CheckConstraint("state <> 'failed' OR problem IS NOT NULL", name=op.f("ck_mails_problem")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_mails_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "checkout_id"],
            ["checkouts.tenant_id", "checkouts.checkout_id"],
            name=op.f("fk_mails_tenant_id_checkout_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "checkout_id", "milestone", "part", name=op.f("pk_mails")),
    )
    op.create_index("ix_mails_due", "mails", ["due_at"], postgresql_where=sa.text("state = 'pending'"))
    op.create_index(
        "ix_mails_failed", "mails", ["tenant_id", "created_at"], postgresql_where=sa.text("state = 'failed'")
    )
