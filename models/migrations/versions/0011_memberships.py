"""Memberships: plans with tiers and prices, who is a member until when, each period's payment, and what members buy."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from models.migrations.rules_0011 import EXECUTABLE, FUNCTIONS, MOVES, TENANT_TABLES, TRIGGERS
from settings import app_role

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new, let a payment be a membership's, and put all of it under the same rules."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _create_plans()
    _create_memberships()
    _widen_payments()
    _create_periods()
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


def _values(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, server_default=default)


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _reference(table: str, other: str, *columns: str) -> sa.ForeignKeyConstraint:
    own = ["tenant_id", *columns]
    return sa.ForeignKeyConstraint(own, [f"{other}.{one}" for one in own], name=op.f(f"fk_{table}_{'_'.join(own)}"))


def _of_tenant(table: str, key: list[str], *columns: sa.Column[Any] | sa.Constraint) -> None:
    op.create_table(
        table,
        _text("tenant_id"),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", *key, name=op.f(f"pk_{table}")),
    )


def _create_plans() -> None:
    table = "membership_plans"
    _of_tenant(
        table,
        ["plan_id"],
        *map(_text, ("plan_id", "family", "name")),
        sa.Column("status", _values("planstatus", "active", "archived"), nullable=False),
        sa.Column("interval", _values("interval", "month", "year"), nullable=False),
        _number("grace_seconds"),
        sa.Column("retry_seconds", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("refund_policy", _values("refundpolicy", "nothing", "pro_rata"), nullable=False),
        _at("created_at", nullable=False),
        _check(table, "grace", "grace_seconds >= 0"),
        _check(table, "retries", "0 <= ALL (retry_seconds)"),
    )
    table = "membership_tiers"
    _of_tenant(
        table,
        ["plan_id", "tier_id"],
        *map(_text, ("plan_id", "tier_id", "name")),
        _number("rank"),
        _text("price_tier", nullable=True),
        sa.Column("entitlements", ARRAY(sa.Text()), nullable=False),
        sa.Column("free_shipping", sa.Boolean(), nullable=False),
        _number("early_access_seconds"),
        _number("purchase_limit", nullable=True),
        _check(table, "early_access", "early_access_seconds >= 0"),
        _check(table, "limit", "purchase_limit >= 0"),
        _reference(table, "membership_plans", "plan_id"),
    )
    table = "membership_prices"
    _of_tenant(
        table,
        ["plan_id", "tier_id", "currency"],
        *map(_text, ("plan_id", "tier_id")),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        _number("amount_minor"),
        _check(table, "amount", "amount_minor >= 0"),
        _reference(table, "membership_tiers", "plan_id", "tier_id"),
    )


def _create_memberships() -> None:
    table = "memberships"
    states = _values("membershipstate", "pending", "active", "past_due", "lapsed", "cancelled", "failed")
    _of_tenant(
        table,
        ["membership_id"],
        *map(_text, ("membership_id", "fingerprint", "customer_id", "family", "plan_id", "tier_id")),
        _text("next_tier_id", nullable=True),
        sa.Column("state", states, nullable=False),
        sa.Column("interval", _values("interval", "month", "year"), nullable=False),
        _number("grace_seconds"),
        sa.Column("retry_seconds", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("refund_policy", _values("refundpolicy", "nothing", "pro_rata"), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        _number("amount_minor"),
        _number("period", default="0"),
        *map(_at, ("period_starts_at", "period_ends_at", "benefits_until")),
        sa.Column("ends_with_period", sa.Boolean(), server_default=sa.false(), nullable=False),
        *(
            _text(name, nullable=True)
            for name in ("saved_customer", "saved_method", "card", "attention_reason", "reason", "reason_message")
        ),
        _at("created_at", nullable=False),
        _at("ended_at"),
        _check(table, "amount", "amount_minor >= 0"),
        _check(table, "grace", "grace_seconds >= 0"),
        _check(table, "period", "period >= 0"),
        _check(table, "when_ended", "(state IN ('lapsed', 'cancelled', 'failed')) = (ended_at IS NOT NULL)"),
        _check(table, "benefits", "state NOT IN ('active', 'past_due') OR benefits_until IS NOT NULL"),
        _check(table, "benefits_last_the_period", "benefits_until >= period_ends_at"),
        _check(table, "period_has_length", "period_ends_at > period_starts_at"),
        _reference(table, "membership_tiers", "plan_id", "tier_id"),
    )
    op.create_index("ix_memberships_customer", table, ["tenant_id", "customer_id", "created_at"])
    op.create_index(
        "uq_memberships_living",
        table,
        ["tenant_id", "customer_id", "family"],
        unique=True,
        postgresql_where=sa.text("state IN ('pending', 'active', 'past_due')"),
    )
    table = "member_purchases"
    _of_tenant(
        table,
        ["checkout_id", "sku"],
        *map(_text, ("checkout_id", "sku", "membership_id")),
        *map(_number, ("period", "quantity", "most")),
        _check(table, "quantity", "quantity > 0"),
        _check(table, "most", "most >= 0"),
        _reference(table, "memberships", "membership_id"),
    )
    op.create_index("ix_member_purchases_membership", table, ["tenant_id", "membership_id", "period", "sku"])


def _widen_payments() -> None:
    op.alter_column("payments", "checkout_id", existing_type=sa.Text(), nullable=True)
    op.add_column("payments", _text("membership_id", nullable=True))
    op.add_column("payments", _number("membership_period", nullable=True))
    columns = ["tenant_id", "membership_id", "membership_period"]
    op.create_unique_constraint(op.f(f"uq_payments_{'_'.join(columns)}"), "payments", columns)
    key = ["tenant_id", "membership_id"]
    op.create_foreign_key(op.f("fk_payments_tenant_id_membership_id"), "payments", "memberships", key, key)
    for name, rule in (
        ("owner", "(checkout_id IS NULL) <> (membership_id IS NULL)"),
        ("period", "(membership_id IS NULL) = (membership_period IS NULL)"),
    ):
        op.create_check_constraint(op.f(f"ck_payments_{name}"), "payments", rule)
    op.drop_index("uq_payment_operations_pending", "payment_operations")
    op.create_index(
        "uq_payment_operations_pending",
        "payment_operations",
        ["tenant_id", "payment_id"],
        unique=True,
        postgresql_where=sa.text(
            "state = 'pending' AND NOT (kind = 'authorize' AND reference IN ('checkout', 'period'))"
        ),
    )


def _create_periods() -> None:
    table = "membership_periods"
    _of_tenant(
        table,
        ["membership_id", "period"],
        _text("membership_id"),
        _number("period"),
        _text("tier_id"),
        sa.Column("state", _values("periodstate", "due", "paid", "written_off"), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        _number("amount_minor"),
        _text("payment_id", nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        _at("settled_at"),
        _check(table, "period", "period >= 0"),
        _check(table, "amount", "amount_minor >= 0"),
        _check(table, "has_length", "ends_at > starts_at"),
        _check(table, "settled", "state = 'due' OR settled_at IS NOT NULL"),
        _check(table, "paid_for", "(amount_minor = 0) = (payment_id IS NULL)"),
        _reference(table, "memberships", "membership_id"),
        _reference(table, "payments", "payment_id"),
    )
