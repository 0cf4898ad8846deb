"""Products with their variants and media, what counts their versions, and views that search without reading it all."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.rules_0006 import FUNCTIONS, READ_BY_OWNER, TENANT_TABLES, TRIGGERS, VIEW_NAMES, VIEWS
from settings import app_role

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATUS = sa.Enum(
    "draft", "active", "archived", name="listingstatus", native_enum=False, create_constraint=False, length=32
)
_WORDS = """
    array_to_tsvector(ARRAY['@' || tenant_id])
    || setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', brand || ' ' || product_type), 'B')
    || setweight(to_tsvector('simple', tags), 'B')
    || setweight(jsonb_to_tsvector('simple', attributes, '["string"]'), 'C')
    || setweight(to_tsvector('simple', description), 'D')"""


def upgrade() -> None:
    """Create the tables, widen `variants`, and put all under the rules of the others."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    _products()
    _variants()
    _media()
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING (tenant_id = current_tenant())"
            " WITH CHECK (tenant_id = current_tenant())"
        )
    for table in READ_BY_OWNER:
        op.execute(f"CREATE POLICY owner_reads ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    for statement in (*TRIGGERS, *VIEWS):
        op.execute(sa.text(statement))
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TENANT_TABLES)} TO {role}")
    op.execute(f"GRANT SELECT ON {', '.join(VIEW_NAMES)} TO {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION lock_catalog(), stamp_product(), touch_product() TO {role}")


def _text(name: str, default: str | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=nullable)


def _json(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), server_default=default, nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    default = None if nullable else sa.text("clock_timestamp()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _tenant_of(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f(f"fk_{table}_tenant_id"))


def _product_of(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "product_id"],
        ["products.tenant_id", "products.product_id"],
        name=op.f(f"fk_{table}_tenant_id_product_id"),
    )


def _products() -> None:
    op.create_table(
        "products",
        _text("tenant_id"),
        _text("product_id"),
        _text("title"),
        _text("description", ""),
        _text("brand", ""),
        _text("product_type", ""),
        _json("tags", "[]"),
        _json("attributes", "{}"),
        sa.Column("status", _STATUS, server_default="draft", nullable=False),
        _at("publish_at", nullable=True),
        _at("unpublish_at", nullable=True),
        _text("access", nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        _at("created_at"),
        _at("updated_at"),
        sa.Column("written_by", sa.Text(), server_default=sa.text("pg_current_xact_id()::text"), nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), sa.Computed(_WORDS, persisted=True), nullable=False),
        sa.CheckConstraint("status IN ('draft', 'active', 'archived')", name=op.f("ck_products_listingstatus")),
        sa.CheckConstraint("product_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'", name=op.f("ck_products_product_id")),
        sa.CheckConstraint("publish_at < unpublish_at", name=op.f("ck_products_window")),
        sa.CheckConstraint(
            "jsonb_typeof(tags) = 'array' AND jsonb_typeof(attributes) = 'object'", name=op.f("ck_products_json")
        ),
        _tenant_of("products"),
        sa.PrimaryKeyConstraint("tenant_id", "product_id", name=op.f("pk_products")),
    )
    for name, columns in {
        "status": ["status"],
        "type": ["product_type"],
        "brand": ["brand"],
        "title": ["title", "product_id"],
        "created": ["created_at", "product_id"],
        "updated": ["updated_at", "product_id"],
    }.items():
        op.create_index(f"ix_products_{name}", "products", ["tenant_id", *columns])
    op.create_index(
        "ix_products_search",
        "products",
        ["search", "tags", "attributes"],
        postgresql_using="gin",
        postgresql_ops={"tags": "jsonb_path_ops"},
    )


def _variants() -> None:
    columns: tuple[sa.Column[Any], ...] = (
        _text("product_id", nullable=True),
        _json("options", "{}"),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("length_mm", "width_mm", "height_mm")),
        sa.Column("origin_country", sa.CHAR(length=2), nullable=True),
        _text("hs_code", nullable=True),
        _text("barcode", nullable=True),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("status", _STATUS, server_default="active", nullable=False),
    )
    for column in columns:
        op.add_column("variants", column)
    op.create_foreign_key(
        op.f("fk_variants_tenant_id_product_id"),
        "variants",
        "products",
        ["tenant_id", "product_id"],
        ["tenant_id", "product_id"],
    )
    for name, condition in {
        "listingstatus": "status IN ('draft', 'active', 'archived')",
        "options": "jsonb_typeof(options) = 'object'",
        "dimensions": "length_mm > 0 AND width_mm > 0 AND height_mm > 0",
        "all_dimensions": "num_nulls(length_mm, width_mm, height_mm) IN (0, 3)",
        "origin": "origin_country ~ '^[A-Z]{2}$'",
        "hs_code": "hs_code ~ '^[0-9]{6,10}$'",
    }.items():
        op.create_check_constraint(op.f(f"ck_variants_{name}"), "variants", condition)
    op.create_index("ix_variants_product", "variants", ["tenant_id", "product_id", "position"])
    op.create_index(
        "ix_variants_options",
        "variants",
        ["options"],
        postgresql_using="gin",
        postgresql_ops={"options": "jsonb_path_ops"},
        postgresql_where=sa.text("product_id IS NOT NULL"),
    )
    op.create_exclude_constraint(
        "ex_variants_options",
        "variants",
        ("tenant_id", "="),
        ("product_id", "="),
        ("options", "="),
        using="btree",
        where=sa.text("product_id IS NOT NULL AND status <> 'archived'"),
        deferrable=True,
        initially="DEFERRED",
    )


def _media() -> None:
    kinds = sa.Enum(
        "image", "video", "model", "document",
        name="mediakind", native_enum=False, create_constraint=True, length=32,
    )  # fmt: skip
    op.create_table(
        "product_media",
        _text("tenant_id"),
        _text("product_id"),
        sa.Column("position", sa.BigInteger(), nullable=False),
        _text("url"),
        sa.Column("kind", kinds, nullable=False),
        _text("alt", ""),
        sa.CheckConstraint("position >= 0", name=op.f("ck_product_media_position")),
        sa.CheckConstraint("url ~ '^https://'", name=op.f("ck_product_media_url")),
        _tenant_of("product_media"),
        _product_of("product_media"),
        sa.PrimaryKeyConstraint("tenant_id", "product_id", "position", name=op.f("pk_product_media")),
    )
