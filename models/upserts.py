"""Bulk upserts of the catalog: a handful of statements for however many rows, each row all or nothing."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalog import Known, ListingStatus, ProductDraft, RowOutcome, RowResult, VariantDraft, vet
from models.base import Base
from models.catalog import Product, ProductMedia, Variant

_PRODUCT = (
    "product_id", "title", "description", "brand", "product_type", "tags", "attributes", "status", "publish_at",
    "unpublish_at", "access",
)  # fmt: skip
_VARIANT = (
    "sku", "product_id", "position", "title", "weight_grams", "options", "length_mm", "width_mm", "height_mm",
    "origin_country", "hs_code", "barcode", "status", "tax_class",
)  # fmt: skip
_MEDIA = ("product_id", "position", "url", "kind", "alt")

_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(current_tenant() || '/catalog', 0))")


async def upsert(session: AsyncSession, rows: Sequence[ProductDraft]) -> list[RowResult]:
    """Make the catalog say what the rows say; what became of each, in order. The same again changes nothing.

    Rows that the rules refuse are left out, the others are written. Variants that a row does not name any more are
    archived. One writer of a tenant's catalog at a time: others wait until this transaction ends.
    """
    await session.execute(_LOCK)
    known = await _known(session, rows)
    refusals = vet(rows, known)
    good = [row for row, no in zip(rows, refusals, strict=True) if no is None]
    if good:
        await _write(session, Product, _PRODUCT, [_product(row) for row in good])
        await _write_variants(session, [row for row in good if row.variants is not None])
        await _write_media(session, [row for row in good if row.media is not None])
    written = await _written(session, [row.product_id for row in good])
    return [
        RowResult(row.product_id, RowOutcome.REFUSED, refusal=no) if no else _result(row, known, written)
        for row, no in zip(rows, refusals, strict=True)
    ]


async def locked_version(session: AsyncSession, product_id: str) -> int | None:
    """The version of a product, None if there is none; the catalog stays so until this transaction ends."""
    await session.execute(_LOCK)
    found: int | None = await session.scalar(sa.select(Product.version).where(Product.product_id == product_id))
    return found


def _result(row: ProductDraft, known: Known, written: dict[str, tuple[int, bool]]) -> RowResult:
    version, changed = written[row.product_id]
    if row.product_id not in known.versions:
        return RowResult(row.product_id, RowOutcome.CREATED, version)
    return RowResult(row.product_id, RowOutcome.UPDATED if changed else RowOutcome.UNCHANGED, version)


def _texts(values: Iterable[str]) -> sa.Cast[Any]:
    return sa.cast(list(values), ARRAY[Any](sa.Text()))


def _any(values: Iterable[str]) -> sa.CollectionAggregate[Any]:
    return sa.any_(_texts(values))


async def _known(session: AsyncSession, rows: Sequence[ProductDraft]) -> Known:
    """What the tables have of the rows' ids and SKUs; it stays so, because the catalog is locked."""
    ids = sorted({row.product_id for row in rows})
    skus = sorted({one.sku for row in rows for one in row.variants or ()})
    versions = await session.execute(
        sa.select(Product.product_id, Product.version).where(Product.product_id == _any(ids))
    )
    owners = await session.execute(sa.select(Variant.sku, Variant.product_id).where(Variant.sku == _any(skus)))
    return Known({row.product_id: row.version for row in versions}, {row.sku: row.product_id for row in owners})


async def _written(session: AsyncSession, ids: Iterable[str]) -> dict[str, tuple[int, bool]]:
    """Product → its version, and whether this transaction has changed it: the trigger's word."""
    ours = Product.written_by == sa.text("pg_current_xact_id()::text")
    found = await session.execute(
        sa.select(Product.product_id, Product.version, ours.label("ours")).where(Product.product_id == _any(ids))
    )
    return {row.product_id: (row.version, row.ours) for row in found}


async def _write(session: AsyncSession, model: type[Base], names: Sequence[str], rows: list[dict[str, Any]]) -> None:
    """Insert the rows, or change those that differ, in one statement."""
    if not rows:
        return
    table = sa.inspect(model).local_table
    given = _recordset(table, names, rows)
    source = sa.select(sa.func.current_tenant(), *(given.c[name] for name in names))
    statement = insert(model).from_select(["tenant_id", *names], source, include_defaults=False)
    keys = [column.name for column in table.primary_key]
    changed = [name for name in names if name not in keys]
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in changed},
        where=sa.tuple_(*(table.c[name] for name in changed)).is_distinct_from(
            sa.tuple_(*(statement.excluded[name] for name in changed))
        ),
    )
    await session.execute(statement)


def _recordset(table: sa.FromClause, names: Sequence[str], rows: list[dict[str, Any]]) -> sa.TableValuedAlias:
    """The rows as a table, sent as one JSON value; plain types, so that the table's own CHECKs have the say."""
    columns = [sa.column(name, _plain(table.c[name].type)) for name in names]
    sent = sa.cast(sa.bindparam(None, rows, JSONB()), JSONB())
    return sa.func.jsonb_to_recordset(sent).table_valued(*columns).render_derived(name="given", with_types=True)


def _plain(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    return sa.Text() if isinstance(kind, sa.String) else kind


def _product(row: ProductDraft) -> dict[str, Any]:
    seen = row.listing
    return {
        "product_id": row.product_id,
        "title": row.title,
        "description": row.description,
        "brand": row.brand,
        "product_type": row.product_type,
        "tags": list(row.tags),
        "attributes": dict(row.attributes),
        "status": seen.status.value,
        "publish_at": seen.publish_at.isoformat() if seen.publish_at else None,
        "unpublish_at": seen.unpublish_at.isoformat() if seen.unpublish_at else None,
        "access": seen.access,
    }


async def _write_variants(session: AsyncSession, rows: Sequence[ProductDraft]) -> None:
    """What is not named any more is archived, what is named is written."""
    if not rows:
        return
    named = [_variant(row.product_id, place, one) for row in rows for place, one in enumerate(row.variants or ())]
    await session.execute(
        sa.update(Variant)
        .where(
            Variant.product_id == _any(row.product_id for row in rows),
            Variant.sku != sa.all_(_texts(one["sku"] for one in named)),
            Variant.status != ListingStatus.ARCHIVED,
        )
        .values(status=ListingStatus.ARCHIVED),
        execution_options={"synchronize_session": False},
    )
    await _write(session, Variant, _VARIANT, named)


def _variant(product: str, place: int, one: VariantDraft) -> dict[str, Any]:
    return {
        "sku": one.sku,
        "product_id": product,
        "position": place,
        "title": one.title,
        "weight_grams": one.weight_grams,
        "options": dict(one.options),
        "length_mm": one.length_mm,
        "width_mm": one.width_mm,
        "height_mm": one.height_mm,
        "origin_country": one.origin_country,
        "hs_code": one.hs_code,
        "barcode": one.barcode,
        "status": one.status.value,
        "tax_class": one.tax_class,
    }


async def _write_media(session: AsyncSession, rows: Sequence[ProductDraft]) -> None:
    """The links as they are listed; those behind the last one go."""
    if not rows:
        return
    counts = [{"product_id": row.product_id, "position": len(row.media or ())} for row in rows]
    table = sa.inspect(ProductMedia).local_table
    kept = _recordset(table, ("product_id", "position"), counts)
    await session.execute(
        sa.delete(ProductMedia).where(
            ProductMedia.product_id == kept.c.product_id, ProductMedia.position >= kept.c.position
        ),
        execution_options={"synchronize_session": False},
    )
    links = [
        {"product_id": row.product_id, "position": place, "url": one.url, "kind": one.kind.value, "alt": one.alt}
        for row in rows
        for place, one in enumerate(row.media or ())
    ]
    await _write(session, ProductMedia, _MEDIA, links)
