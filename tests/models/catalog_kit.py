"""Products to put into a catalog, and how a test asks for them again."""

from collections.abc import Sequence
from typing import Any

from domain.catalog import MediaDraft, ProductDraft, RowResult, VariantDraft
from domain.searching import ProductQuery
from models import products, upserts
from models.products import Page, Place
from tests.models.kit import Shop


def variant(sku: str, **options: str) -> VariantDraft:
    """A variant with these options."""
    return VariantDraft(sku, "A variant", 100, options)


def product(name: str, *variants: VariantDraft, **more: Any) -> ProductDraft:
    """An active product; without variants they stay as they are."""
    return ProductDraft(name, more.pop("title", f"Thing {name}"), variants=variants or None, **more)


def links(*urls: str) -> list[MediaDraft]:
    """Pictures."""
    return [MediaDraft(f"https://example.com/{url}") for url in urls]


async def put(shop: Shop, *rows: ProductDraft) -> list[RowResult]:
    """One bulk upsert."""
    async with shop.transaction() as session:
        return await upserts.upsert(session, rows)


async def told(shop: Shop, *rows: ProductDraft) -> list[tuple[str, int | None]]:
    """One bulk upsert: outcome and version of each."""
    return [(one.outcome.value, one.version) for one in await put(shop, *rows)]


async def page(shop: Shop, asked: ProductQuery, place: Place | None = None, most: int = 100) -> Page:
    """One page of a search."""
    async with shop.transaction() as session:
        return await products.search(session, asked, place, most)


async def names(shop: Shop, asked: ProductQuery, most: int = 100) -> list[str]:
    """The ids of a whole list, walked in pages of so many."""
    found: list[str] = []
    place: Place | None = None
    while True:
        seen = await page(shop, asked, place, most)
        found += [one.product.product_id for one in seen.shown]
        if (place := seen.next_place) is None:
            return found


def several(count: int, *, prefix: str = "p") -> Sequence[ProductDraft]:
    """So many products of two variants and a picture."""
    return [
        product(
            f"{prefix}{n:05}",
            variant(f"{prefix}{n:05}-M", size="M"),
            variant(f"{prefix}{n:05}-L", size="L"),
            media=links(f"{n}.jpg"),
        )
        for n in range(count)
    ]
