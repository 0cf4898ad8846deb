"""The catalog as somebody sees it, with what it costs them."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar, cast

import strawberry
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.scalars import JSON

from api.catalog import product_out, variant_out
from api.catalog_query import named
from api.catalog_viewer import CatalogViewer
from api.graph.asking import Asking, Info
from api.graph.scalars import MinorUnits, PageInfo, cursors_of, place_of
from api.problems import Problem
from api.schemas.base import CountryCode, CurrencyCode, Short
from api.schemas.catalog import Tag
from domain.access import CallerKind
from domain.searching import ProductQuery, SortBy
from models import in_bulk, products
from models.memberships import standings


class _Market(BaseModel):
    currency: CurrencyCode
    country: CountryCode


class _Kinds(BaseModel):
    types: list[Short] = Field(max_length=20)
    brands: list[Short] = Field(max_length=20)
    tags: list[Tag] = Field(max_length=20)


class _Words(BaseModel):
    customer_id: Short | None = None
    words: Short | None = None


@strawberry.type
class Price:
    """What one piece costs; `compare_at` is the price before a sale."""

    amount: MinorUnits
    compare_at: MinorUnits | None
    currency: str
    price_list: str


@strawberry.type
class Variant:
    """A thing that can be bought."""

    sku: str
    product_id: str | None
    title: str
    status: str
    options: JSON
    weight_grams: int
    tax_class: str

    @strawberry.field
    async def price(self, info: Info, currency: str, country: str, customer_id: str | None = None) -> Price | None:
        """In that market, for that customer's price tier; null where it has no price."""
        asking, market = info.context, _Market(currency=currency, country=country)
        viewer = _viewer(asking, everything=False, customer_id=customer_id)
        tier = None
        if viewer.customer_id is not None:
            standing = await asking.load(standings, viewer.customer_id)
            tier = standing.price_tier if standing else None
        found = await asking.load(in_bulk.prices, (self.sku, market.currency, market.country, tier))
        if found is None:
            return None
        return Price(
            amount=found.amount_minor,
            compare_at=found.compare_at_minor,
            currency=market.currency,
            price_list=found.list_id,
        )


@strawberry.type
class Media:
    """A link to a picture or the like."""

    url: str
    kind: str
    alt: str
    position: int


@strawberry.type
class Product:
    """What a page of the shop shows."""

    id: strawberry.ID
    title: str
    description: str
    brand: str | None
    product_type: str | None
    tags: list[str]
    attributes: JSON
    status: str
    access: str | None
    version: int
    variants: list[Variant]
    media: list[Media]


@strawberry.input
class OptionFilter:
    """Products with a variant whose option of that name is any of the values."""

    name: str
    values: list[str]


@strawberry.input
class AttributeFilter:
    """Products whose attribute of that name is any of the values, or a number between both ends, which belong to it."""

    name: str
    values: list[str] | None = None
    least: float | None = None
    most: float | None = None


@strawberry.type
class ProductEdge:
    """A product and its place in the list."""

    cursor: str
    node: Product


@strawberry.type
class ProductConnection:
    """A page of products."""

    edges: list[ProductEdge]
    page_info: PageInfo

    @strawberry.field
    def nodes(self) -> list[Product]:
        """Those of the page, without their cursors."""
        return [one.node for one in self.edges]


def _viewer(asking: Asking, *, everything: bool, customer_id: str | None) -> CatalogViewer:
    """For whom it is read: the rule of `api/catalog_viewer.py`."""
    if asking.caller.kind is CallerKind.PUBLISHABLE and (everything or customer_id is not None):
        detail = "A publishable key reads the storefront, for nobody in particular. Use a secret key, on your server."
        raise Problem(403, "secret_key_required", detail)
    return CatalogViewer(
        asking.caller.tenant, everything, asking.shopper.number or _Words(customer_id=customer_id).customer_id
    )


Seen = TypeVar("Seen")


async def _seen(
    viewer: CatalogViewer, session: AsyncSession, look: Callable[[frozenset[str]], Awaitable[Seen]]
) -> Seen:
    return await look(await viewer.entitlements(session))


async def product(
    info: Info,
    id: strawberry.ID,  # noqa: A002
    everything: bool = False,
    customer_id: str | None = None,
) -> Product | None:
    """A product; null for one that is not there, or not shown to them. `everything`: drafts and archived as well."""
    viewer = _viewer(info.context, everything=everything, customer_id=customer_id)
    name = _Words(words=id).words or ""
    found = await info.context.read(
        lambda session: _seen(viewer, session, lambda held: products.get(session, name, held, everything=everything))
    )
    return cast("Product", product_out(found)) if found else None


async def variant(info: Info, sku: str, everything: bool = False, customer_id: str | None = None) -> Variant | None:
    """A variant by its SKU; null for one that is not there, or not shown to them."""
    viewer = _viewer(info.context, everything=everything, customer_id=customer_id)
    name = _Words(words=sku).words or ""
    found = await info.context.read(
        lambda session: _seen(
            viewer, session, lambda held: products.get_variant(session, name, held, everything=everything)
        )
    )
    return cast("Variant", variant_out(found)) if found else None


def _pairs(options: list[OptionFilter] | None, attributes: list[AttributeFilter] | None) -> Iterator[tuple[str, str]]:
    """The filters as the route's query string has them, so that one function reads both."""
    for option in options or ():
        yield from ((f"option.{option.name}", value) for value in option.values)
    for one in attributes or ():
        yield from ((f"attr.{one.name}", value) for value in one.values or ())
        for end, bound in (("min", one.least), ("max", one.most)):
            if bound is not None:
                yield f"attr.{one.name}.{end}", f"{Decimal(str(bound)):f}"


async def search(
    info: Info,
    words: str | None = None,
    types: list[str] | None = None,
    brands: list[str] | None = None,
    tags: list[str] | None = None,
    options: list[OptionFilter] | None = None,
    attributes: list[AttributeFilter] | None = None,
    everything: bool = False,
    customer_id: str | None = None,
    first: int = 20,
    after: str | None = None,
) -> ProductConnection:
    """Products by words, the best first; without words the newest first."""
    asking, viewer = info.context, _viewer(info.context, everything=everything, customer_id=customer_id)
    told = _Words(words=words).words if words else None
    kinds = _Kinds(types=types or [], brands=brands or [], tags=tags or [])
    by_option, by_attribute, ranges = named(list(_pairs(options, attributes)))
    asked = ProductQuery(
        words=told,
        everything=everything,
        types=tuple(kinds.types),
        brands=tuple(kinds.brands),
        tags=tuple(kinds.tags),
        options=by_option,
        attributes=by_attribute,
        ranges=ranges,
        sort=SortBy.RELEVANCE if told else SortBy.CREATED,
    )
    query = asked.name() | viewer.name()
    place = place_of(asking, query, first, after)
    page = await asking.read(
        lambda session: _seen(
            viewer, session, lambda held: products.search(session, replace(asked, entitlements=held), place, first)
        )
    )
    cursors = cursors_of(asking, query, page.places)
    edges = [
        ProductEdge(cursor=cursor, node=cast("Product", product_out(one)))
        for cursor, one in zip(cursors, page.shown, strict=True)
    ]
    more = PageInfo(has_next_page=page.next_place is not None, end_cursor=cursors[-1] if cursors else None)
    return ProductConnection(edges=edges, page_info=more)
