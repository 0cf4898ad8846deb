"""Drops: their windows and limits, what is taken of them, and the line; given out under the drop's own lock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.rules_0009 import EXECUTABLE, FUNCTIONS, MOVES, TENANT_TABLES, TRIGGERS
from settings import app_role

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, the functions and triggers, and put them under the same rules as all others."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _create_drops()
    _create_units()
    _create_line()
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(sa.text(statement))
    moves = sa.table("legal_moves", *(sa.column(name) for name in ("machine", "state", "next_state")))
    op.bulk_insert(moves, [{"machine": machine, "state": state, "next_state": to} for machine, state, to in MOVES])
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING (tenant_id = current_tenant())"
            " WITH CHECK (tenant_id = current_tenant())"
        )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TENANT_TABLES)} TO {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")


def _time(name: str, *, optional: bool = False, default: bool = False) -> sa.Column[object]:
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, nullable=optional, server_default=sa.text("now()") if default else None)


def _create_drops() -> None:
    op.create_table(
        "drops",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("drop_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        _time("opens_at"),
        _time("closes_at"),
        sa.Column("early_access", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("entitlement", sa.Text(), nullable=True),
        sa.Column("customer_limit", sa.BigInteger(), nullable=True),
        sa.Column("line_length", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("grant_seconds", sa.BigInteger(), server_default="300", nullable=False),
        _time("created_at", default=True),
        sa.CheckConstraint("customer_limit > 0", name=op.f("ck_drops_customer_limit")),
        sa.CheckConstraint("line_length BETWEEN 0 AND 10000", name=op.f("ck_drops_line_length")),
        sa.CheckConstraint("grant_seconds BETWEEN 10 AND 86400", name=op.f("ck_drops_grant_seconds")),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("ck_drops_window")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_drops_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "drop_id", name=op.f("pk_drops")),
    )


def _create_units() -> None:
    op.create_table(
        "drop_skus",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("drop_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("allotment", sa.BigInteger(), nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("taken", "granted", "waiting", "last_place")
        ),
        sa.CheckConstraint("waiting >= 0", name=op.f("ck_drop_skus_waiting")),
        sa.CheckConstraint("taken >= 0 AND granted >= 0", name=op.f("ck_drop_skus_units")),
        sa.CheckConstraint("taken + granted <= allotment", name=op.f("ck_drop_skus_not_oversold")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_drop_skus_tenant_id")),
        _to_drop("drop_skus"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku"], ["variants.tenant_id", "variants.sku"], name=op.f("fk_drop_skus_tenant_id_sku")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "drop_id", "sku", name=op.f("pk_drop_skus")),
        sa.UniqueConstraint("tenant_id", "sku", name=op.f("uq_drop_skus_tenant_id_sku")),
    )
    op.create_table(
        "drop_claims",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("checkout_id", "sku", "drop_id", "customer_id")),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=True),
        _time("at", default=True),
        sa.CheckConstraint("0 <= live AND live <= quantity", name=op.f("ck_drop_claims_live")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_drop_claims_tenant_id")),
        _to_drop("drop_claims"),
        sa.PrimaryKeyConstraint("tenant_id", "checkout_id", "sku", name=op.f("pk_drop_claims")),
    )
    op.create_index("ix_drop_claims_customer", "drop_claims", ["tenant_id", "drop_id", "customer_id"])
    freed = sa.text("live < quantity")
    op.create_index("ix_drop_claims_freed", "drop_claims", ["tenant_id", "drop_id"], postgresql_where=freed)


def _create_line() -> None:
    states = sa.Enum(
        "waiting", "granted", "used", "lapsed", "left",
        name="dropticketstate", native_enum=False, create_constraint=True, length=32,
    )  # fmt: skip
    names = ("ticket_id", "drop_id", "sku", "customer_id", "checkout_id")
    op.create_table(
        "drop_tickets",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in names),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("state", states, nullable=False),
        _time("granted_until", optional=True),
        _time("created_at", default=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_drop_tickets_quantity")),
        sa.CheckConstraint(
            "state <> 'granted' OR granted_until IS NOT NULL", name=op.f("ck_drop_tickets_granted_until")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_drop_tickets_tenant_id")),
        _to_drop("drop_tickets"),
        sa.PrimaryKeyConstraint("tenant_id", "ticket_id", name=op.f("pk_drop_tickets")),
        sa.UniqueConstraint(
            "tenant_id", "drop_id", "sku", "customer_id", name=op.f("uq_drop_tickets_tenant_id_drop_id_sku_customer_id")
        ),
    )
    waiting = sa.text("state IN ('waiting', 'granted')")
    columns = ["tenant_id", "drop_id", "sku", "place"]
    op.create_index("ix_drop_tickets_line", "drop_tickets", columns, postgresql_where=waiting)


def _to_drop(table: str) -> sa.ForeignKeyConstraint:
    columns, there = ["tenant_id", "drop_id"], ["drops.tenant_id", "drops.drop_id"]
    return sa.ForeignKeyConstraint(columns, there, name=op.f(f"fk_{table}_tenant_id_drop_id"))
