"""Reading the catalog: one product, one variant, and searches that use their indexes at any size.

Searches look for ids in the views of migration 0006, where text and JSON operators may use indexes, and read what they
found through row-level security.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalog import ListingStatus
from domain.searching import AttributeRange, ProductQuery, SortBy, readings, sku_begun, split_prefix
from models.base import now
from models.catalog import Product, ProductMedia, Variant

Place = Sequence[str | int | float | bool | None]
Condition = sa.ColumnElement[bool]

_FOUND = sa.table("catalog_products", *(sa.column(one.name, one.type) for one in Product.__table__.columns))
_CHOICES = sa.table(
    "catalog_variants",
    *(sa.column(name, Variant.__table__.c[name].type) for name in ("product_id", "sku", "options", "status")),
)
_SYNC = sa.text(
    "SELECT pg_advisory_xact_lock_shared(hashtextextended(current_tenant() || '/catalog', 0)), clock_timestamp() AS at"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A product with what belongs to it, in order of position."""

    product: Product
    variants: Sequence[Variant]
    media: Sequence[ProductMedia]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, where the next one begins (None: there is none), and the instant it is true of.

    `as_of` is told for the first page: every change that is not in the list happens after it.
    """

    shown: Sequence[Shown]
    next_place: Place | None
    as_of: datetime | None
    places: Sequence[Place]
    """Where each one stands, for lists whose every row has a cursor."""


def visible(product: Any, entitlements: Collection[str], at: sa.ColumnElement[datetime] | None = None) -> Condition:
    """Whether a storefront shows it: `domain.catalog.Listing.visible`, by the database's clock."""
    at = now() if at is None else at
    gates = [product.access.is_(None)]
    if entitlements:
        gates.append(product.access.in_(sorted(entitlements)))
    return sa.and_(
        product.status == ListingStatus.ACTIVE,
        sa.or_(product.publish_at.is_(None), product.publish_at <= at),
        sa.or_(product.unpublish_at.is_(None), product.unpublish_at > at),
        sa.or_(*gates),
    )


async def get(
    session: AsyncSession, product_id: str, entitlements: Collection[str] = (), *, everything: bool = False
) -> Shown | None:
    """A product as somebody with these entitlements sees it; with `everything` all of it, whatever its status."""
    query = sa.select(Product).where(Product.product_id == product_id)
    if not everything:
        query = query.where(visible(Product, entitlements))
    found = (await session.scalars(query)).one_or_none()
    return (await _whole(session, [found], everything=everything))[0] if found else None


async def get_variant(
    session: AsyncSession, sku: str, entitlements: Collection[str] = (), *, everything: bool = False
) -> Variant | None:
    """A variant whose product may be seen, or that has none; with `everything` any."""
    query = sa.select(Variant).where(Variant.sku == sku)
    if not everything:
        query = query.outerjoin(Product, Variant.product_id == Product.product_id).where(
            Variant.status == ListingStatus.ACTIVE,
            sa.or_(Variant.product_id.is_(None), visible(Product, entitlements)),
        )
    return (await session.scalars(query)).one_or_none()


async def search(session: AsyncSession, asked: ProductQuery, place: Place | None, most: int) -> Page:
    """A page of at most so many. With `updated_since` it waits for writers under way, so that none is missed."""
    as_of = await _as_of(session, asked) if place is None else None
    rows = (await session.execute(statement(asked, place, most + 1))).all()
    shown = await _whole(session, [row.Product for row in rows[:most]], everything=asked.everything)
    places = [[_told(row.key), row.Product.product_id] for row in rows[:most]]
    return Page(shown, places[-1] if len(rows) > most else None, as_of, places)


async def _as_of(session: AsyncSession, asked: ProductQuery) -> datetime:
    if asked.updated_since is None:
        return (await session.execute(sa.select(now()))).scalar_one()
    return (await session.execute(_SYNC)).one().at  # type: ignore[no-any-return]


def statement(asked: ProductQuery, place: Place | None, most: int) -> sa.Select[Product, Any]:
    """The products and their place in the order: ids from the views, rows from the table."""
    wanted = _wanted(asked.words) if asked.words else None
    by_sku = _by_sku(asked)
    order_by = _key(asked.sort, wanted, by_sku)
    key = order_by.label("key")
    mine = _FOUND.c.product_id
    inner = sa.select(mine, key).where(*_conditions(asked, wanted, by_sku))
    if place is not None:
        after = sa.tuple_(order_by, mine)
        there = sa.tuple_(sa.cast(place[0], key.type), sa.cast(place[1], sa.Text()))
        inner = inner.where(after < there if asked.descending else after > there)
    ends = (key.desc(), mine.desc()) if asked.descending else (key.asc(), mine.asc())
    hits = inner.order_by(*ends).limit(most).subquery("hits")
    order = (hits.c.key, hits.c.product_id)
    outer = sa.select(Product, hits.c.key).join(hits, Product.product_id == hits.c.product_id)
    return outer.order_by(*(one.desc() if asked.descending else one.asc() for one in order))


def _wanted(words: str) -> sa.ColumnElement[Any]:
    """The words as PostgreSQL's web search reads them, the last one also as the beginning of a word."""
    head, begun = split_prefix(words)
    whole = sa.func.websearch_to_tsquery("simple", words, type_=TSQUERY())
    if begun is None:
        return whole
    typing = sa.func.to_tsquery("simple", begun + ":*", type_=TSQUERY())
    if not head:
        return typing
    return sa.func.websearch_to_tsquery("simple", head, type_=TSQUERY()).op("&&", return_type=TSQUERY())(typing)


def _by_sku(asked: ProductQuery) -> Condition | None:
    """Whether the words are the SKU of a variant of it, or its beginning; None if they cannot be."""
    begun = sku_begun(asked.words) if asked.words else None
    if begun is None:
        return None
    query = sa.select(_CHOICES.c.product_id).where(sa.func.upper(_CHOICES.c.sku).startswith(begun, autoescape=True))
    if not asked.everything:
        query = query.where(_CHOICES.c.status == ListingStatus.ACTIVE)
    return _FOUND.c.product_id == sa.any_(sa.func.array(query.scalar_subquery(), type_=ARRAY(sa.Text())))


_ABOVE_ANY_WORD = 2.0
"""`ts_rank` stays below 1: who asks for a SKU gets it first."""


def _key(sort: SortBy, wanted: sa.ColumnElement[Any] | None, by_sku: Condition | None) -> sa.ColumnElement[Any]:
    match sort:
        case SortBy.RELEVANCE:
            rank: sa.ColumnElement[Any] = sa.func.ts_rank(_FOUND.c.search, wanted, type_=sa.REAL())
            return rank if by_sku is None else sa.cast(sa.case((by_sku, _ABOVE_ANY_WORD), else_=rank), sa.REAL())
        case SortBy.ID:
            return _FOUND.c.product_id
        case SortBy.TITLE:
            return _FOUND.c.title
        case SortBy.CREATED:
            return _FOUND.c.created_at
        case SortBy.UPDATED:
            return _FOUND.c.updated_at


def _told(key: object) -> str | float:
    """A place as a cursor keeps it: exact, and read back by PostgreSQL."""
    if isinstance(key, datetime):
        return key.isoformat()
    return key if isinstance(key, float) else str(key)


def _conditions(asked: ProductQuery, wanted: sa.ColumnElement[Any] | None, by_sku: Condition | None) -> list[Condition]:
    found = _FOUND.c
    conditions = [] if asked.everything else [visible(found, asked.entitlements)]
    own = found.search.op("@@", return_type=sa.Boolean())(_own_words())
    if wanted is not None:
        spoken = sa.and_(found.search.op("@@", return_type=sa.Boolean())(wanted), own)
        conditions.append(spoken if by_sku is None else sa.or_(spoken, by_sku))
    if asked.tags or asked.attributes or asked.ranges:
        conditions.append(own)
    for column, values in (
        (found.status, asked.statuses),
        (found.product_type, asked.types),
        (found.brand, asked.brands),
    ):
        if values:
            conditions.append(column.in_(values))
    if asked.tags:
        conditions.append(_holds(found.tags, list(asked.tags)))
    for name, values in asked.attributes:
        conditions.append(
            sa.or_(
                *(
                    _holds(found.attributes, {name: held})
                    for value in values
                    for read in readings(value)
                    for held in ([read, [read]] if isinstance(read, str) else [read])
                )
            )
        )
    conditions += [_between(one) for one in asked.ranges]
    if asked.options:
        conditions.append(found.product_id.in_(_choosing(asked)))
    if asked.updated_since is not None:
        conditions.append(found.updated_at >= asked.updated_since)
    return conditions


def _own_words() -> sa.ColumnElement[Any]:
    """Every product of the tenant has this word, and no other's: the index reads this tenant's part only."""
    return sa.cast(sa.func.concat("'@", sa.func.current_tenant(), "'"), TSQUERY())


def _holds(column: sa.ColumnElement[Any], value: object) -> Condition:
    return column.op("@>", return_type=sa.Boolean())(sa.cast(value, JSONB()))


def _between(one: AttributeRange) -> Condition:
    """A number of that name; the index finds those that have the name, and each is looked at."""
    held = _FOUND.c.attributes
    value = sa.case(
        (sa.func.jsonb_typeof(held[one.name]) == "number", sa.cast(held[one.name].astext, sa.Numeric())), else_=None
    )
    ends = [value >= one.least] if one.least is not None else []
    ends += [value <= one.most] if one.most is not None else []
    return sa.and_(held.op("?", return_type=sa.Boolean())(one.name), *ends)


def _choosing(asked: ProductQuery) -> sa.Select[Any]:
    """Products that have one variant with all of these options."""
    query = sa.select(_CHOICES.c.product_id)
    if not asked.everything:
        query = query.where(_CHOICES.c.status == ListingStatus.ACTIVE)
    for name, values in asked.options:
        query = query.where(sa.or_(*(_holds(_CHOICES.c.options, {name: value}) for value in values)))
    return query


async def _whole(session: AsyncSession, found: Sequence[Product], *, everything: bool) -> list[Shown]:
    """The products with their variants and links: two more statements for all of them."""
    ids = [one.product_id for one in found]
    if not ids:
        return []
    variants = sa.select(Variant).where(Variant.product_id.in_(ids)).order_by(Variant.position, Variant.sku)
    if not everything:
        variants = variants.where(Variant.status == ListingStatus.ACTIVE)
    media = sa.select(ProductMedia).where(ProductMedia.product_id.in_(ids)).order_by(ProductMedia.position)
    chosen = _by_product((await session.scalars(variants)).all())
    linked = _by_product((await session.scalars(media)).all())
    return [Shown(one, chosen[one.product_id], linked[one.product_id]) for one in found]


def _by_product(rows: Iterable[Any]) -> dict[str | None, list[Any]]:
    grouped: dict[str | None, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.product_id].append(row)
    return grouped
