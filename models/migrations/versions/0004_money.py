"""Refunds, disputes, the ledger the database keeps balanced, drifts, and one round trip for a webhook."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.rules_0004 import (
    APPEND_ONLY,
    CARRIED_OVER,
    FUNCTIONS,
    MOVES,
    READ_FOR_IT,
    STATES,
    TENANT_TABLES,
    TRIGGERS,
)
from settings import app_role

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen what there is, create what is new, and put it under the same rules."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _widen_payments()
    _calls()
    _create_tables()
    _carry_over()
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
    op.execute("CREATE POLICY owner_reads ON tenants FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TENANT_TABLES)} TO {role}")
    op.execute(f"REVOKE UPDATE, DELETE ON {', '.join(APPEND_ONLY)} FROM {role}")
    op.execute(
        f"GRANT EXECUTE ON FUNCTION receive_webhook(text, text, text, bytea), all_tenants(),"
        f" refuse_unbalanced() TO {role}"
    )


def _widen_payments() -> None:
    for (table, column, constraint), values in STATES.items():
        name = op.f(f"ck_{table}_{constraint}")
        allowed = ", ".join(f"'{value}'" for value in values)
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"{column} IN ({allowed})")
    for column in ("charge_id", "saved_customer", "saved_method"):
        op.add_column("payments", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("payments", sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payments", sa.Column("multicapture", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_check_constraint(op.f("ck_payments_refunded"), "payments", "refunded_minor BETWEEN 0 AND captured_minor")
    op.drop_constraint(op.f("ck_payments_captured_something"), "payments", type_="check")
    op.create_check_constraint(
        op.f("ck_payments_captured_something"),
        "payments",
        "state NOT IN ('captured', 'refunded') OR captured_minor > 0",
    )
    op.add_column("payment_operations", sa.Column("reference", sa.Text(), server_default="", nullable=False))
    op.add_column("payment_operations", sa.Column("note", sa.Text(), nullable=True))


def _carry_over() -> None:
    """Give what was done before its purpose and its postings: of all tenants, so the owner is unbound for it."""
    for table in READ_FOR_IT:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statement in CARRIED_OVER:
        op.execute(sa.text(statement))
    for table in READ_FOR_IT:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.alter_column("payment_operations", "reference", server_default=None)
    op.create_index(
        "uq_payment_operations_reference",
        "payment_operations",
        ["tenant_id", "payment_id", "kind", "reference"],
        unique=True,
        postgresql_where=sa.text("state <> 'failed'"),
    )
    op.drop_index("uq_payment_operations_pending", "payment_operations")
    op.create_index(
        "uq_payment_operations_pending",
        "payment_operations",
        ["tenant_id", "payment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending' AND NOT (kind = 'authorize' AND reference = 'checkout')"),
    )


def _calls() -> None:
    """Who called a person is told apart from now on; who called before is not known."""
    calls = sa.Column("calls", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    op.add_column("orders", calls)
    op.execute("ALTER TABLE orders NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE orders SET calls = jsonb_build_object('order', attention_reason) WHERE attention_reason IS NOT NULL"
    )
    op.execute("ALTER TABLE orders FORCE ROW LEVEL SECURITY")


def _states(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _of_tenant(table: str, *columns: sa.Column[object] | sa.Constraint) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Text(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f(f"fk_{table}_tenant_id")),
    )


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _payment(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "payment_id"],
        ["payments.tenant_id", "payments.payment_id"],
        name=op.f(f"fk_{table}_tenant_id_payment_id"),
    )


def _create_tables() -> None:
    _of_tenant(
        "provider_customers",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "customer_id", name=op.f("pk_provider_customers")),
    )
    _of_tenant(
        "disputes",
        sa.Column("dispute_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column(
            "state",
            _states("disputestate", "inquiry", "inquiry_closed", "needs_response", "under_review", "won", "lost"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        _at("evidence_due_at", nullable=True),
        _at("opened_at"),
        _at("ended_at", nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_disputes_amount")),
        _payment("disputes"),
        sa.PrimaryKeyConstraint("tenant_id", "dispute_id", name=op.f("pk_disputes")),
    )
    op.create_index("ix_disputes_payment", "disputes", ["tenant_id", "payment_id"])
    _of_tenant(
        "ledger_postings",
        sa.Column("posting_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            _states(
                "postingkind", "capture", "fee", "fee_returned", "refund", "refund_reversed", "dispute_opened",
                "dispute_won", "dispute_lost",
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("written_by", sa.Text(), server_default=sa.text("pg_current_xact_id()::text"), nullable=False),
        _at("posted_at"),
        _payment("ledger_postings"),
        sa.PrimaryKeyConstraint("tenant_id", "posting_id", name=op.f("pk_ledger_postings")),
    )  # fmt: skip
    op.create_index("ix_ledger_postings_payment", "ledger_postings", ["tenant_id", "payment_id"])
    _of_tenant(
        "ledger_entries",
        sa.Column("posting_id", sa.Text(), nullable=False),
        sa.Column(
            "account",
            _states("ledgeraccount", "receivable", "captured", "refunded", "fees", "disputes", "chargebacks"),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_entries_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "posting_id"],
            ["ledger_postings.tenant_id", "ledger_postings.posting_id"],
            name=op.f("fk_ledger_entries_tenant_id_posting_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "posting_id", "account", name=op.f("pk_ledger_entries")),
    )
    _of_tenant(
        "drifts",
        sa.Column("drift_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("intent_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=True),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        _at("first_seen_at"),
        _at("last_seen_at"),
        _at("resolved_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "drift_id", name=op.f("pk_drifts")),
    )
    _of_tenant(
        "watermarks",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("compared_to", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "source", name=op.f("pk_watermarks")),
    )
