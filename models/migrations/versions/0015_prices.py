"""Price lists, promotion codes with their uses, shipping methods with bands, tax by region and class of goods."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.rules_0015 import (
    CARRIED_OVER,
    EXECUTABLE,
    FUNCTIONS,
    LISTS,
    MOVES,
    READ_FOR_IT,
    TENANT_TABLES,
    TRIGGERS,
)
from settings import app_role

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new, widen what there is with what holds today, and put all under the same rules."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _price_lists()
    _promotions()
    _shipping_methods()
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING (tenant_id = current_tenant())"
            " WITH CHECK (tenant_id = current_tenant())"
        )
    for table in READ_FOR_IT:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(sa.text(LISTS))
    _prices()
    _orders()
    for statement in CARRIED_OVER:
        op.execute(sa.text(statement))
    _rates()
    for table in dict.fromkeys((*READ_FOR_IT, *TENANT_TABLES)):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(sa.text(statement))
    moves = sa.table("legal_moves", *(sa.column(name) for name in ("machine", "state", "next_state")))
    op.bulk_insert(moves, [{"machine": machine, "state": state, "next_state": to} for machine, state, to in MOVES])
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TENANT_TABLES)} TO {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")


def _text(name: str, default: str | None = None, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=null)


def _whole(name: str, default: str | None = None, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=default, nullable=null)


def _flag(name: str, *, default: bool) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.true() if default else sa.false(), nullable=False)


def _time(name: str, *, set_now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if set_now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not set_now)


def _texts(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)


def _states(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _of_tenant(table: str, *key: str, columns: Sequence[sa.schema.SchemaItem]) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Text(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", *key, name=op.f(f"pk_{table}")),
    )


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _price_lists() -> None:
    _of_tenant("price_lists", "list_id", columns=[
        _text("list_id"), _text("name"), sa.Column("currency", sa.CHAR(3), nullable=True), _texts("countries"),
        _text("price_tier", null=True), _whole("priority", "0"), _time("starts_at"), _time("ends_at"),
        _flag("active", default=True), _time("created_at", set_now=True),
        _check("price_lists", "priority", "priority BETWEEN 0 AND 1000000"),
        _check("price_lists", "window", "starts_at < ends_at"),
        _check("price_lists", "default_ranks_last", "(list_id = 'default') = (priority = 0)"),
        _check("price_lists", "default_is_for_all",
               "list_id <> 'default' OR (active AND currency IS NULL AND countries = '{}'"
               " AND price_tier IS NULL AND starts_at IS NULL AND ends_at IS NULL)"),
    ])  # fmt: skip


def _prices() -> None:
    op.add_column("prices", _text("list_id", "default"))
    op.add_column("prices", _whole("compare_at_minor", null=True))
    op.create_check_constraint(op.f("ck_prices_compare_at"), "prices", "compare_at_minor > amount_minor")
    op.drop_constraint(op.f("pk_prices"), "prices", type_="primary")
    op.create_primary_key(op.f("pk_prices"), "prices", ["tenant_id", "sku", "currency", "list_id"])
    op.create_foreign_key(
        op.f("fk_prices_tenant_id_list_id"), "prices", "price_lists", ["tenant_id", "list_id"], ["tenant_id", "list_id"]
    )
    op.create_index("ix_prices_list", "prices", ["tenant_id", "list_id", "sku"])


def _promotions() -> None:
    _of_tenant("promotions", "code", columns=[
        _text("code"), _text("name"), sa.Column("kind", _states("promotionkind", "percent", "fixed"), nullable=False),
        _whole("basis_points", null=True), _whole("amount_minor", null=True),
        sa.Column("currency", sa.CHAR(3), nullable=True), _whole("minimum_minor", "0"), _texts("skus"),
        _texts("products"), _time("starts_at"), _time("ends_at"), _flag("active", default=True),
        _flag("stackable", default=False), _flag("first_order_only", default=False), _whole("usage_limit", null=True),
        _whole("customer_limit", null=True), _time("created_at", set_now=True),
        _check("promotions", "code", "code = upper(code)"),
        _check("promotions", "what_it_takes_off",
               "(kind = 'percent') = (basis_points IS NOT NULL) AND (kind = 'fixed') = (amount_minor IS NOT NULL)"),
        _check("promotions", "basis_points", "basis_points BETWEEN 1 AND 10000"),
        _check("promotions", "amount", "amount_minor > 0"),
        _check("promotions", "minimum", "minimum_minor >= 0"),
        _check("promotions", "amounts_have_currency",
               "currency IS NOT NULL OR (amount_minor IS NULL AND minimum_minor = 0)"),
        _check("promotions", "window", "starts_at < ends_at"),
        _check("promotions", "first_order_is_once", "NOT first_order_only OR coalesce(customer_limit, 0) = 1"),
        _check("promotions", "usage_limit", "usage_limit > 0"),
        _check("promotions", "customer_limit", "customer_limit > 0"),
    ])  # fmt: skip
    states = _states("redemptionstate", "held", "redeemed", "released")
    _of_tenant("promotion_redemptions", "checkout_id", "code", columns=[
        _text("checkout_id"), _text("code"), _text("customer_id"), sa.Column("state", states, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False), _whole("discount_minor"), _time("at", set_now=True),
        _check("promotion_redemptions", "discount", "discount_minor >= 0"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "code"], ["promotions.tenant_id", "promotions.code"],
            name=op.f("fk_promotion_redemptions_tenant_id_code"),
        ),
    ])  # fmt: skip
    op.create_index(
        "ix_promotion_redemptions_live",
        "promotion_redemptions",
        ["tenant_id", "code", "customer_id"],
        postgresql_where=sa.text("state <> 'released'"),
    )


def _shipping_methods() -> None:
    _of_tenant("shipping_methods", "method", columns=[
        _text("method"), _text("name"), _text("promise", null=True), _whole("min_days", null=True),
        _whole("max_days", null=True), _flag("members_free", default=True), _whole("position", "0"),
        _flag("active", default=True),
        _check("shipping_methods", "days", "0 <= min_days AND min_days <= max_days"),
    ])  # fmt: skip


def _rates() -> None:
    """What a rate was for, it is for any weight and value, any region and class."""
    op.add_column("shipping_rates", _whole("min_weight_grams", "0"))
    op.add_column("shipping_rates", _whole("min_order_minor", "0"))
    op.add_column("shipping_rates", _whole("max_weight_grams", null=True))
    op.drop_constraint(op.f("pk_shipping_rates"), "shipping_rates", type_="primary")
    key = ["tenant_id", "method", "country", "currency", "min_weight_grams", "min_order_minor"]
    op.create_primary_key(op.f("pk_shipping_rates"), "shipping_rates", key)
    op.create_foreign_key(
        op.f("fk_shipping_rates_tenant_id_method"), "shipping_rates", "shipping_methods",
        ["tenant_id", "method"], ["tenant_id", "method"],
    )  # fmt: skip
    weight = "0 <= min_weight_grams AND min_weight_grams < coalesce(max_weight_grams, 9223372036854775807)"
    op.create_check_constraint(op.f("ck_shipping_rates_weight"), "shipping_rates", weight)
    op.create_check_constraint(op.f("ck_shipping_rates_order_value"), "shipping_rates", "min_order_minor >= 0")
    op.add_column("tax_rates", _text("region", ""))
    op.add_column("tax_rates", _text("tax_class", "standard"))
    op.drop_constraint(op.f("pk_tax_rates"), "tax_rates", type_="primary")
    op.create_primary_key(op.f("pk_tax_rates"), "tax_rates", ["tenant_id", "country", "region", "tax_class"])
    op.create_check_constraint(op.f("ck_tax_rates_region"), "tax_rates", "region = upper(region)")
    op.add_column("variants", _text("tax_class", "standard"))


def _orders() -> None:
    op.add_column("orders", _whole("discount_minor", "0"))
    op.add_column("orders", _whole("shipping_tax_minor", "0"))
    op.create_check_constraint(op.f("ck_orders_discount"), "orders", "discount_minor >= 0")
    op.add_column("order_lines", _whole("discount_minor", "0"))
    op.add_column("order_lines", _whole("list_minor", null=True))
    op.add_column("order_lines", _whole("tax_basis_points", null=True))
    op.add_column("order_lines", _flag("tax_included", default=True))
    op.create_check_constraint(op.f("ck_order_lines_discount"), "order_lines", "discount_minor >= 0")
