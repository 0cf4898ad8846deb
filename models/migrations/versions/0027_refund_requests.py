"""Refunds by hand: who asked for what, and which second person allowed it."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0027 import MOVES, TRIGGERS
from settings import app_role

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TABLE = "refund_requests"
_STATES = ("awaiting_approval", "approved", "declined", "expired", "failed")
_CAUSES = ("goodwill", "lost_parcel", "other")


def _values(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _reference(other: str, column: str) -> sa.ForeignKeyConstraint:
    own = ["tenant_id", column]
    return sa.ForeignKeyConstraint(own, [f"{other}.{one}" for one in own], name=op.f(f"fk_{_TABLE}_{'_'.join(own)}"))


def upgrade() -> None:
    """Create the table, and put it under the same rules as all."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    op.create_table(
        _TABLE,
        _text("tenant_id"),
        *(_text(name) for name in ("refund_id", "order_number", "payment_id", "fingerprint", "actor", "note")),
        sa.Column("state", _values("refundrequeststate", *_STATES), nullable=False),
        sa.Column("cause", _values("refundcause", *_CAUSES), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("needs_second", sa.Boolean(), nullable=False),
        *(_text(name, nullable=True) for name in ("decided_by", "decision_note")),
        _at("created_at", nullable=False),
        *(_at(name) for name in ("due_at", "decided_at")),
        _reference("orders", "order_number"),
        _reference("payments", "payment_id"),
        sa.CheckConstraint("amount_minor > 0", name=op.f(f"ck_{_TABLE}_amount")),
        sa.CheckConstraint(
            "NOT needs_second OR state IN ('awaiting_approval', 'declined', 'expired')"
            " OR (decided_by IS NOT NULL AND decided_by <> actor)",
            name=op.f(f"ck_{_TABLE}_second_person"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f(f"fk_{_TABLE}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "refund_id", name=op.f(f"pk_{_TABLE}")),
    )
    op.create_index(f"ix_{_TABLE}_order", _TABLE, ["tenant_id", "order_number"])
    op.create_index(f"ix_{_TABLE}_actor", _TABLE, ["tenant_id", "actor", "created_at"])
    op.create_index(
        f"ix_{_TABLE}_waiting",
        _TABLE,
        ["tenant_id", "created_at", "refund_id"],
        postgresql_where=sa.text("state = 'awaiting_approval'"),
    )
    for statement in TRIGGERS:
        op.execute(sa.text(statement))
    moves = sa.table("legal_moves", *(sa.column(name) for name in ("machine", "state", "next_state")))
    op.bulk_insert(moves, [{"machine": machine, "state": state, "next_state": to} for machine, state, to in MOVES])
    op.execute(f"ALTER TABLE {_TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {_TABLE} USING (tenant_id = current_tenant())"
        " WITH CHECK (tenant_id = current_tenant())"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {_TABLE} TO {role}")
