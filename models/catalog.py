"""What can be bought: products, their variants and media. What it costs is in `models/prices.py`."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from domain.catalog import ListingStatus, MediaKind
from models.base import Base, TenantRow

_WORDS = """
    array_to_tsvector(ARRAY['@' || tenant_id])
    || setweight(to_tsvector('simple', title), 'A')
    || setweight(to_tsvector('simple', brand || ' ' || product_type), 'B')
    || setweight(to_tsvector('simple', tags), 'B')
    || setweight(jsonb_to_tsvector('simple', attributes, '["string"]'), 'C')
    || setweight(to_tsvector('simple', description), 'D')"""
"""What a product is found by. Its tenant is among it, so that the index looks through one tenant's words only."""


class Product(TenantRow, Base):
    """What a page of the shop shows, under the merchant's own id. `access`: the entitlement needed; None: everybody.

    A trigger counts `version` and sets `updated_at`, once a transaction, also for a change of a variant or a link.
    """

    __tablename__ = "products"

    product_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    brand: Mapped[str] = mapped_column(server_default="")
    product_type: Mapped[str] = mapped_column(server_default="")
    tags: Mapped[list[str]] = mapped_column(JSONB(), server_default="[]")
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    status: Mapped[ListingStatus] = mapped_column(server_default=ListingStatus.DRAFT)
    publish_at: Mapped[datetime | None]
    unpublish_at: Mapped[datetime | None]
    access: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())
    written_by: Mapped[str] = mapped_column(server_default=sa.text("pg_current_xact_id()::text"))
    search: Mapped[str] = mapped_column(TSVECTOR(), sa.Computed(_WORDS, persisted=True), deferred=True)

    __table_args__ = (
        sa.CheckConstraint("product_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'", name="product_id"),
        sa.CheckConstraint("publish_at < unpublish_at", name="window"),
        sa.CheckConstraint("jsonb_typeof(tags) = 'array' AND jsonb_typeof(attributes) = 'object'", name="json"),
        sa.Index("ix_products_status", "tenant_id", "status"),
        sa.Index("ix_products_type", "tenant_id", "product_type"),
        sa.Index("ix_products_brand", "tenant_id", "brand"),
        sa.Index("ix_products_title", "tenant_id", "title", "product_id"),
        sa.Index("ix_products_created", "tenant_id", "created_at", "product_id"),
        sa.Index("ix_products_updated", "tenant_id", "updated_at", "product_id"),
        sa.Index(
            "ix_products_search",
            "search",
            "tags",
            "attributes",
            postgresql_using="gin",
            postgresql_ops={"tags": "jsonb_path_ops"},
        ),
    )


class Variant(TenantRow, Base):
    """A thing that can be bought, by its SKU; of a product, or by itself. Never deleted: sold before, it is archived.

    Grams and millimetres; origin as ISO 3166-1 alpha-2; the HS code in 6 to 10 digits.
    """

    __tablename__ = "variants"

    sku: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    weight_grams: Mapped[int] = mapped_column(sa.CheckConstraint("weight_grams > 0", name="weight"))
    product_id: Mapped[str | None]
    options: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    length_mm: Mapped[int | None]
    width_mm: Mapped[int | None]
    height_mm: Mapped[int | None]
    origin_country: Mapped[str | None] = mapped_column(sa.CHAR(2))
    hs_code: Mapped[str | None]
    barcode: Mapped[str | None]
    position: Mapped[int] = mapped_column(server_default="0")
    status: Mapped[ListingStatus] = mapped_column(server_default=ListingStatus.ACTIVE)
    tax_class: Mapped[str] = mapped_column(server_default="standard")

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "product_id"], ["products.tenant_id", "products.product_id"]),
        sa.CheckConstraint("jsonb_typeof(options) = 'object'", name="options"),
        sa.CheckConstraint("length_mm > 0 AND width_mm > 0 AND height_mm > 0", name="dimensions"),
        sa.CheckConstraint("num_nulls(length_mm, width_mm, height_mm) IN (0, 3)", name="all_dimensions"),
        sa.CheckConstraint("origin_country ~ '^[A-Z]{2}$'", name="origin"),
        sa.CheckConstraint("hs_code ~ '^[0-9]{6,10}$'", name="hs_code"),
        sa.Index("ix_variants_product", "tenant_id", "product_id", "position"),
        sa.Index(
            "ix_variants_sku",
            "tenant_id",
            sa.func.upper(sa.literal_column("sku")).label("upper_sku"),
            postgresql_ops={"upper_sku": "text_pattern_ops"},
            postgresql_where=sa.text("product_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_variants_options",
            "options",
            postgresql_using="gin",
            postgresql_ops={"options": "jsonb_path_ops"},
            postgresql_where=sa.text("product_id IS NOT NULL"),
        ),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("product_id", "="),
            ("options", "="),
            name="ex_variants_options",
            using="btree",
            where=sa.text("product_id IS NOT NULL AND status <> 'archived'"),
            deferrable=True,
            initially="DEFERRED",
        ),
    )


class ProductMedia(TenantRow, Base):
    """A link to a picture or the like; nothing is kept here but the link. Positions count from 0."""

    __tablename__ = "product_media"

    product_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(sa.CheckConstraint("url ~ '^https://'", name="url"))
    kind: Mapped[MediaKind]
    alt: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "product_id"], ["products.tenant_id", "products.product_id"]),
        sa.CheckConstraint("position >= 0", name="position"),
    )
