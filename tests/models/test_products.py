"""What a search finds, in which order, for whom; and that the pages of a walk are the list."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalog import Listing, ListingStatus, ProductDraft
from domain.searching import AttributeRange, ProductQuery, SortBy
from models import products, upserts
from models.catalog import Product
from tests.models.catalog_kit import names, page, product, put, several, variant
from tests.models.kit import Server, Shop

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
GOODS = (
    product(
        "scarf",
        variant("S-1", size="M", colour="blue"),
        variant("S-2", size="L", colour="red"),
        title="Silk scarf",
        description="Printed in Como, for an Écharpe",
        brand="Maison",
        product_type="scarves",
        tags=["silk", "summer"],
        attributes={"material": ["silk", "wool"], "width": 90, "washable": False, "code": "90"},
    ),
    product(
        "bag",
        variant("B-1", size="L", colour="blue"),
        title="Bag",
        description="Lined with silk",
        product_type="bags",
        tags=["leather"],
        attributes={"material": "calf", "width": 30.5, "washable": True},
    ),
    product("coat", title="Wool coat", brand="Maison", tags=["winter", "silk"], attributes={"width": "wide"}),
)


def having(**attributes: str) -> ProductQuery:
    """Products with these attributes."""
    return ProductQuery(attributes=tuple((name, (value,)) for name, value in attributes.items()))


def between(least: str | None, most: str | None) -> ProductQuery:
    """Products of that width."""
    ends = [None if end is None else Decimal(end) for end in (least, most)]
    return ProductQuery(ranges=(AttributeRange("width", *ends),))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (ProductQuery("silk", sort=SortBy.RELEVANCE), ["scarf", "coat", "bag"]),
        (ProductQuery("SILK sca", sort=SortBy.RELEVANCE), ["scarf"]),
        (ProductQuery("écharpe"), ["scarf"]),
        (ProductQuery("éch"), ["scarf"]),
        (ProductQuery('"silk scarf"'), ["scarf"]),
        (ProductQuery('"scarf silk"'), []),
        (ProductQuery("silk -wool"), ["bag"]),
        (ProductQuery("bag or coat"), ["bag", "coat"]),
        (ProductQuery("-silk"), []),
        (ProductQuery("calf"), ["bag"]),
        (ProductQuery("& | ! :* <-> ()"), []),
        (ProductQuery("@demo"), []),
        (ProductQuery(types=("bags", "scarves")), ["bag", "scarf"]),
        (ProductQuery(brands=("Maison",)), ["coat", "scarf"]),
        (ProductQuery(tags=("silk",)), ["coat", "scarf"]),
        (ProductQuery(tags=("silk", "summer")), ["scarf"]),
        (having(material="silk"), ["scarf"]),
        (having(material="calf", washable="true"), ["bag"]),
        (having(width="90"), ["scarf"]),
        (having(width="90.0"), ["scarf"]),
        (having(width="wide"), ["coat"]),
        (having(code="90"), ["scarf"]),
        (having(nothing="90"), []),
        (between("30.5", "90"), ["bag", "scarf"]),
        (between("30.6", None), ["scarf"]),
        (between(None, "89.9"), ["bag"]),
        (ProductQuery(options=(("size", ("L",)),)), ["bag", "scarf"]),
        (ProductQuery(options=(("size", ("L",)), ("colour", ("blue",)))), ["bag"]),
        (ProductQuery(options=(("colour", ("red", "blue")),)), ["bag", "scarf"]),
        (ProductQuery("silk", tags=("leather",), options=(("size", ("L",)),)), ["bag"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
async def test_what_is_found(server: Server, asked: ProductQuery, found: list[str]) -> None:
    shop, other = server.new_shop(), server.new_shop()
    await put(shop, *GOODS)
    await put(other, *GOODS)
    ordered = asked if asked.sort is SortBy.RELEVANCE else replace(asked, sort=SortBy.ID, descending=False)
    assert await names(shop, ordered) == found


@pytest.mark.parametrize("sort", SortBy)
@pytest.mark.parametrize("descending", [True, False])
async def test_the_pages_are_the_list(server: Server, sort: SortBy, descending: bool) -> None:
    """Ties included: all but a few have the same title, rank and instant."""
    shop = server.new_shop()
    await put(shop, *(replace(row, title="Thing") for row in several(7)), product("zz", title="A thing, thing"))
    asked = ProductQuery("thing", sort=sort, descending=descending)
    whole = await names(shop, asked)
    assert len(set(whole)) == 8
    for most in (1, 3, 8):
        assert await names(shop, asked, most) == whole
    assert await names(shop, replace(asked, descending=not descending)) == whole[::-1]


async def test_a_walk_meets_what_was_there_throughout_once(shop: Shop) -> None:
    """Products that come and go between two pages move nobody else."""
    await put(shop, *several(6))
    asked = ProductQuery(sort=SortBy.ID, descending=False)
    first = await page(shop, asked, most=3)
    await put(
        shop, product("a-new"), product("p00004a"), replace(product("p00001"), listing=Listing(ListingStatus.DRAFT))
    )
    rest = await page(shop, asked, first.next_place, most=9)
    assert [one.product.product_id for one in rest.shown] == ["p00003", "p00004", "p00004a", "p00005"]


async def test_a_storefront_sees_what_is_on_sale_and_its_variants_on_sale(shop: Shop) -> None:
    hidden = {
        "draft": Listing(ListingStatus.DRAFT),
        "archived": Listing(ListingStatus.ARCHIVED),
        "later": Listing(publish_at=datetime(2199, 1, 1, tzinfo=UTC)),
        "over": Listing(unpublish_at=datetime(2020, 1, 1, tzinfo=UTC)),
        "vip": Listing(access="vip"),
    }
    rows = [product(name, variant(f"{name}-1"), listing=how) for name, how in hidden.items()]
    drafted = replace(variant("open-2", size="L"), status=ListingStatus.DRAFT)
    await put(shop, product("open", variant("open-1", size="M"), drafted), *rows)
    assert await names(shop, ProductQuery()) == ["open"]
    assert set(await names(shop, ProductQuery(entitlements=frozenset({"vip", "x"})))) == {"open", "vip"}
    assert set(await names(shop, ProductQuery(everything=True))) == {"open", *hidden}
    drafts = ProductQuery(everything=True, statuses=(ListingStatus.DRAFT,))
    assert await names(shop, drafts) == ["draft"]
    async with shop.transaction() as session:
        seen = await products.get(session, "open")
        assert seen is not None
        assert [one.sku for one in seen.variants] == ["open-1"]
        assert await products.get_variant(session, "open-2") is None
        for name in hidden:
            assert await products.get(session, name) is None
            assert await products.get_variant(session, f"{name}-1") is None
            assert await products.get(session, name, everything=True) is not None
            assert await products.get_variant(session, f"{name}-1", everything=True) is not None
        assert await products.get(session, "vip", {"vip"}) is not None
        assert await products.get_variant(session, "vip-1", {"vip"}) is not None
    alone = shop.new_sku()
    async with shop.transaction() as session:
        assert await products.get_variant(session, alone) is not None


instants = st.none() | st.integers(-2, 2).map(lambda n: NOON + n * MOMENT)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ListingStatus), instants, instants, st.sampled_from([None, "vip", "press"]), st.booleans())
async def test_the_database_and_the_rule_agree_to_the_microsecond(
    shop: Shop, status: ListingStatus, begin: datetime | None, end: datetime | None, access: str | None, vip: bool
) -> None:
    if begin is not None and end is not None and begin >= end:
        begin, end = end, begin + MOMENT
    listing, held = Listing(status, begin, end, access), {"vip"} if vip else set()
    await put(shop, ProductDraft("p", "T", listing=listing))
    async with shop.transaction() as session:
        for n in range(-3, 5):
            at = NOON + n * MOMENT
            clock = sa.literal(at, sa.DateTime(timezone=True))
            seen = await session.scalar(sa.select(Product.product_id).where(products.visible(Product, held, clock)))
            assert (seen is not None) == listing.visible(at, held)


async def test_whoever_asks_for_what_is_new_misses_nothing_that_is_being_written(shop: Shop) -> None:
    """A change that began before the question and ends after it is in its answer, not lost between two answers."""
    await put(shop, *several(2))
    asked = ProductQuery(updated_since=datetime(2020, 1, 1, tzinfo=UTC), sort=SortBy.UPDATED, descending=False)
    first = await page(shop, asked)
    assert len(first.shown) == 2
    async with shop.transaction() as writing:
        await upserts.upsert(writing, [product("p00000", title="New"), product("q")])
        asking = asyncio.create_task(page(shop, replace(asked, updated_since=first.as_of)))
        await shop.server.someone_waits()
    second = await asking
    assert [one.product.product_id for one in second.shown] == ["p00000", "q"]
    third = await page(shop, replace(asked, updated_since=second.as_of))
    assert third.shown == []


async def test_the_views_show_a_tenant_its_own_rows_and_nobody_any(server: Server, shop: Shop) -> None:
    """They are read as the owner, whom row-level security lets read all: they keep to the tenant themselves."""
    other = server.new_shop()
    await put(shop, *several(2))
    await put(other, *several(3))
    for view, column in (("catalog_products", "product_id"), ("catalog_variants", "sku")):
        seen = f"SELECT DISTINCT tenant_id FROM {view} WHERE {column} IS NOT NULL"
        assert shop.rows(seen) == [(shop.tenant,)]
        assert other.rows(f"{seen} AND tenant_id = '{shop.tenant}'") == []
        assert server.rows(seen) == server.rows(seen, tenant="") == []
        assert server.refusal(f"DELETE FROM {view}", tenant=shop.tenant) == "42501"
