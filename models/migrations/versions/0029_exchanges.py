"""Exchanges: what is wanted instead of what comes back, its stock, and parcels that are sent beside an order."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0029 import FUNCTIONS, LINE_RULES, MOVES, RETURN_STATES

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_STATES = ("asked", "reserved", "none_left", "sent", "released")


def upgrade() -> None:
    """Columns, and the rules that see them. Every parcel so far is sent for its order."""
    reasons = sa.Enum("order", "exchange", name="sentfor", native_enum=False, length=32)
    op.add_column("shipments", sa.Column("sent_for", reasons, nullable=False, server_default="order"))
    op.create_check_constraint(op.f("ck_shipments_sentfor"), "shipments", "sent_for IN ('order', 'exchange')")
    op.drop_constraint(op.f("fk_shipment_lines_tenant_id_order_number_sku"), "shipment_lines", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_shipment_lines_tenant_id_order_number"),
        "shipment_lines",
        "orders",
        ["tenant_id", "order_number"],
        ["tenant_id", "order_number"],
    )
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    _extend_returns()
    moves = sa.table("legal_moves", *(sa.column(name) for name in ("machine", "state", "next_state")))
    op.bulk_insert(moves, [{"machine": machine, "state": state, "next_state": to} for machine, state, to in MOVES])


def _extend_returns() -> None:
    states = ", ".join(f"'{state}'" for state in RETURN_STATES)
    for table, column in (("returns", "state"), ("return_steps", "reached")):
        op.drop_constraint(op.f(f"ck_{table}_returnstate"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_returnstate"), table, f"{column} IN ({states})")
    kinds = sa.Enum(*_STATES, name="exchangestate", native_enum=False, length=32)
    op.add_column("returns", sa.Column("exchange_state", kinds, nullable=True))
    allowed = ", ".join(f"'{state}'" for state in _STATES)
    op.create_check_constraint(op.f("ck_returns_exchangestate"), "returns", f"exchange_state IN ({allowed})")
    op.add_column("returns", sa.Column("exchange_location_id", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_returns_exchanged_is_sent"), "returns", "state <> 'exchanged' OR exchange_state = 'sent'"
    )
    op.add_column("return_lines", sa.Column("exchange_for", sa.Text(), nullable=True))
    for name in ("exchange_gross_minor", "exchange_tax_minor"):
        op.add_column("return_lines", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in ("exchanged", "exchanged_minor"):
        op.add_column("return_lines", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    for name, rule in LINE_RULES.items():
        op.create_check_constraint(op.f(f"ck_return_lines_{name}"), "return_lines", rule)
