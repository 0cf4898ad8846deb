"""With ten thousand products of a tenant beside another's, the application's role reads by index, whatever is asked."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from domain.catalog import ListingStatus
from domain.searching import AttributeRange, ProductQuery, SortBy
from models import products
from tests.models.kit import SUPERUSER, Server, Shop

COUNT = 10_000
WORDS = ("silk", "wool", "calf", "gold", "linen", "cotton", "steel")


@pytest.fixture(scope="module")
def crowd(server: Server) -> Shop:
    """A tenant with a large catalog, and another one with as large a one."""
    shops = [server.new_shop(), server.new_shop()]
    url = sa.make_url(server.urls[SUPERUSER]).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for shop in shops:
            _load(connection, shop.tenant)
        connection.execute("VACUUM ANALYZE products, variants, product_media")
    return shops[0]


def _load(connection: psycopg.Connection[Any], tenant: str) -> None:
    with connection.cursor() as cursor:
        columns = "tenant_id, product_id, title, description, brand, product_type, tags, attributes, status, created_at"
        with cursor.copy(f"COPY products ({columns}, updated_at) FROM STDIN") as copy:
            for n in range(COUNT):
                copy.write_row(_product(tenant, n))
        with cursor.copy("COPY variants (tenant_id, sku, product_id, title, weight_grams, options) FROM STDIN") as copy:
            for n in range(COUNT):
                copy.write_row((tenant, f"V{n:06}", f"p{n:06}", "Thing", 100, f'{{"size": "{n % 400}"}}'))
        with cursor.copy("COPY product_media (tenant_id, product_id, position, url, kind) FROM STDIN") as copy:
            for n in range(COUNT):
                copy.write_row((tenant, f"p{n:06}", 0, f"https://example.com/{n}.jpg", "image"))


def _product(tenant: str, n: int) -> tuple[object, ...]:
    at = datetime.fromtimestamp(1_700_000_000 + n * 60, UTC)
    word = WORDS[n % 7]
    told = f"{word} number{n} of series{n % 500}"
    tags, attributes = f'["{word}", "t{n % 300}"]', f'{{"width": {n % 1000}, "m{n % 50}": "x{n % 250}", "k": {n % 3}}}'
    status = "draft" if n % 200 == 0 else "active"
    return (
        tenant,
        f"p{n:06}",
        f"Thing {told}",
        told * 3,
        f"b{n % 200}",
        f"t{n % 100}",
        tags,
        attributes,
        status,
        at,
        at,
    )


SINCE = datetime.fromtimestamp(1_700_000_000 + (COUNT - 40) * 60, UTC)
ANY = "ix_products_"

QUESTIONS = {
    "newest": (ProductQuery(), "ix_products_created"),
    "by title": (ProductQuery(sort=SortBy.TITLE, descending=False), "ix_products_title"),
    "by id": (ProductQuery(sort=SortBy.ID, descending=False), "pk_products"),
    "synced": (ProductQuery(everything=True, updated_since=SINCE, sort=SortBy.UPDATED), "ix_products_updated"),
    "a rare word": (ProductQuery("number77", sort=SortBy.RELEVANCE), "ix_products_search"),
    "a beginning": (ProductQuery("silk number7", sort=SortBy.RELEVANCE), "ix_products_search"),
    "words": (ProductQuery("silk series77 thing", sort=SortBy.TITLE), "ix_products_search"),
    "a SKU": (ProductQuery("v000077", sort=SortBy.RELEVANCE), "ix_variants_sku"),
    "the beginning of a SKU": (ProductQuery("V00007", everything=True), "ix_variants_sku"),
    "a tag": (ProductQuery(tags=("t77",)), "ix_products_search"),
    "an attribute": (ProductQuery(attributes=(("m7", ("x57",)),)), "ix_products_search"),
    "a range": (ProductQuery(ranges=(AttributeRange("n7", Decimal(5), None),)), "ix_products_search"),
    "an option": (ProductQuery(options=(("size", ("77",)),)), "ix_variants_options"),
    "a type": (ProductQuery(types=("t77",)), ANY),
    "a brand": (ProductQuery(brands=("b77",)), ANY),
    "drafts": (ProductQuery(everything=True, sort=SortBy.TITLE, statuses=(ListingStatus.DRAFT,)), ANY),
}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a plan."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


async def plans(shop: Shop, act: Callable[[AsyncSession], Awaitable[object]]) -> list[dict[str, Any]]:
    """How the statements of a read are carried out, by the application's role under row-level security."""
    sent: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        if "FROM " in statement:
            sent.append((statement, values))

    engine = shop.server.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    async with shop.transaction() as session:
        await act(session)
        sa.event.remove(engine, "before_cursor_execute", note)
        connection = await session.connection()
        found = []
        for statement, values in sent:
            told = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
            found.append(told.scalar_one()[0]["Plan"])
    assert found
    return found


def visited(plan: dict[str, Any]) -> float:
    """Rows that its scans looked at, those that were thrown away included."""
    seen = 0.0
    for node in nodes(plan):
        if "Relation Name" in node:
            lost = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            seen += (node["Actual Rows"] + lost) * node["Actual Loops"]
    return seen


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_search_reads_by_index(crowd: Shop, question: str) -> None:
    asked, index = QUESTIONS[question]
    first, *others = await plans(crowd, lambda session: products.search(session, asked, None, 20))
    used = [node["Index Name"] for node in nodes(first) if "Index Name" in node]
    assert [name for name in used if name.startswith(index)], used
    for plan in (first, *others):
        assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}
        assert visited(plan) < COUNT / 8


async def test_the_next_page_begins_where_the_last_one_ended(crowd: Shop) -> None:
    """A page deep in the list costs what the first one does."""
    place = ["Thing silk number7000 of series0", "p007000"]
    asked = ProductQuery(sort=SortBy.TITLE, descending=False)
    for plan in await plans(crowd, lambda session: products.search(session, asked, place, 20)):
        assert visited(plan) < 100


async def test_one_product_and_one_variant_are_read_by_their_keys(crowd: Shop) -> None:
    async def read(session: AsyncSession) -> None:
        assert await products.get(session, "p000077") is not None
        assert await products.get_variant(session, "V000077") is not None

    for plan in await plans(crowd, read):
        assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}
        assert visited(plan) <= 3
