"""Returns: what comes back out of which parcel, who decided what, and what was paid back for it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0019 import APPEND_ONLY, EXECUTABLE, FUNCTIONS, MOVES, TENANT_TABLES, TRIGGERS
from settings import app_role

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_STATES = (
    "requested", "approved", "label_sent", "in_transit", "received", "inspected", "refunded", "rejected", "expired",
    "cancelled",
)  # fmt: skip


def upgrade() -> None:
    """Create what is new, and put it under the same rules."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _create_returns()
    _create_lines()
    _create_steps()
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
    op.execute(f"REVOKE UPDATE, DELETE ON {', '.join(APPEND_ONLY)} FROM {role}")
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


def _create_returns() -> None:
    names = (
        "decided_by", "decision_note", "inspected_by", "refund_id", "carrier", "carrier_shipment_id", "rate_id",
        "label_id", "tracking_number", "tracking_url", "label_url",
    )  # fmt: skip
    numbers = ("goods_minor", "shipping_minor", "label_charge_minor", "label_cost_minor")
    _of_tenant(
        "returns",
        ["return_id"],
        *(_text(name) for name in ("return_id", "order_number", "fingerprint", "location_id", "actor", "note")),
        sa.Column("state", _values("returnstate", *_STATES), nullable=False),
        *(_text(name, nullable=True) for name in names),
        *(_number(name, nullable=True) for name in numbers),
        sa.Column("label_currency", sa.CHAR(3), nullable=True),
        _at("created_at", nullable=False),
        *(_at(name) for name in ("due_at", "received_at", "ended_at")),
        _reference("returns", "orders", "order_number"),
        _reference("returns", "locations", "location_id"),
        _check(
            "returns",
            "money",
            "(refund_id IS NULL) = (goods_minor IS NULL) AND (goods_minor IS NULL) = (shipping_minor IS NULL)"
            " AND (goods_minor IS NULL) = (label_charge_minor IS NULL) AND goods_minor >= 0 AND shipping_minor >= 0"
            " AND label_charge_minor >= 0 AND label_charge_minor <= goods_minor + shipping_minor",
        ),
        _check("returns", "refunded_has_refund", "state <> 'refunded' OR refund_id IS NOT NULL"),
    )
    op.create_index("ix_returns_order", "returns", ["tenant_id", "order_number"])
    op.create_index("ix_returns_carrier", "returns", ["tenant_id", "carrier", "carrier_shipment_id"])


def _create_lines() -> None:
    reasons = ("changed_mind", "wrong_size", "damaged", "wrong_item", "not_as_described")
    _of_tenant(
        "return_lines",
        ["return_id", "shipment_id", "sku"],
        *(_text(name) for name in ("return_id", "shipment_id", "sku")),
        _number("quantity"),
        sa.Column("reason", _values("returnreason", *reasons), nullable=False),
        *(_number(name, default="0") for name in ("restocked", "damaged", "rejected")),
        _number("gross_minor", nullable=True),
        _number("tax_minor", nullable=True),
        _reference("return_lines", "returns", "return_id"),
        _reference("return_lines", "shipment_lines", "shipment_id", "sku"),
        _check("return_lines", "quantity", "quantity > 0"),
        _check(
            "return_lines",
            "inspected",
            "restocked >= 0 AND damaged >= 0 AND rejected >= 0 AND restocked + damaged + rejected IN (0, quantity)",
        ),
        _check(
            "return_lines",
            "money",
            "(gross_minor IS NULL) = (tax_minor IS NULL) AND 0 <= tax_minor AND tax_minor <= gross_minor",
        ),
    )
    op.create_index("ix_return_lines_parcel", "return_lines", ["tenant_id", "shipment_id", "sku"])


def _create_steps() -> None:
    _of_tenant(
        "return_steps",
        ["step_id"],
        sa.Column("step_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _text("return_id"),
        sa.Column("reached", _values("returnstate", *_STATES), nullable=False),
        *(_text(name) for name in ("actor", "note")),
        _at("at", nullable=False),
        _reference("return_steps", "returns", "return_id"),
    )
    op.create_index("ix_return_steps_return", "return_steps", ["tenant_id", "return_id", "step_id"])
