"""Bulk upserts: each row all or nothing, exact repeats change nothing, and the database refuses what rules forget."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from domain.catalog import Listing, ListingStatus, ProductDraft
from tests.models.catalog_kit import links, product, put, several, told, variant
from tests.models.kit import Server, Shop, at_once

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
FULL = product(
    "p",
    variant("A", size="M"),
    variant("B", size="L"),
    media=links("1.jpg", "2.jpg"),
    tags=["silk"],
    attributes={"width": 90},
)


def skus(shop: Shop) -> list[tuple[str, str, int]]:
    """SKU, status, position."""
    return [tuple(row) for row in shop.rows("SELECT sku, status, position FROM variants ORDER BY sku")]


@contextmanager
def counted(server: Server) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    engine = server.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


async def test_a_product_is_created_then_unchanged_then_updated(shop: Shop) -> None:
    assert await told(shop, FULL) == [("created", 1)]
    assert await told(shop, FULL) == [("unchanged", 1)]
    assert await told(shop, replace(FULL, title="Other")) == [("updated", 2)]
    assert await told(shop, FULL, product("q")) == [("updated", 3), ("created", 1)]


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "T"},
        {"description": "D"},
        {"tags": ["silk", "new"]},
        {"attributes": {"width": 90.5}},
        {"listing": Listing(ListingStatus.DRAFT)},
        {"listing": Listing(publish_at=NOON)},
        {"listing": Listing(access="vip")},
        {"media": links("1.jpg")},
        {"media": links("2.jpg", "1.jpg")},
        {"media": []},
        {"variants": [variant("A", size="M")]},
        {"variants": [replace(variant("A", size="M"), hs_code="621410"), variant("B", size="L")]},
        {"variants": [variant("B", size="L"), variant("A", size="M")]},
        {"variants": []},
        {"title": "T", "variants": [], "media": []},
    ],
    ids=str,
)
async def test_each_change_makes_one_version(shop: Shop, changed: dict[str, object]) -> None:
    await put(shop, FULL)
    other = replace(FULL, **changed)  # type: ignore[arg-type]
    assert await told(shop, other) == [("updated", 2)]
    assert await told(shop, other) == [("unchanged", 2)]


async def test_refused_rows_harm_no_others(shop: Shop) -> None:
    await put(shop, FULL)
    rows = [
        product("new", variant("A")),
        product("good", variant("C")),
        product("good"),
        product("late", variant("C")),
        product("twins", variant("D"), variant("E")),
        replace(FULL, version=7, title="Not now"),
        replace(FULL, version=1, title="Now"),
    ]
    results = await put(shop, *rows)
    assert [(one.outcome.value, one.refusal.code.value if one.refusal else None) for one in results] == [
        ("refused", "sku_taken"), ("created", None), ("refused", "duplicate_id"), ("refused", "duplicate_sku"),
        ("refused", "duplicate_options"), ("refused", "version_changed"), ("updated", None),
    ]  # fmt: skip
    assert {row.product_id for row in shop.rows("SELECT product_id FROM products")} == {"p", "good"}
    assert [one[0] for one in skus(shop)] == ["A", "B", "C"]


async def test_however_many_rows_there_are_a_handful_of_statements_writes_them(shop: Shop, server: Server) -> None:
    with counted(server) as few:
        await put(shop, *several(1, prefix="a"))
    with counted(server) as many:
        results = await put(shop, *several(300, prefix="b"))
    assert len(many) == len(few) <= 10
    assert {one.outcome.value for one in results} == {"created"}
    assert shop.rows("SELECT count(*) FROM variants") == [(602,)]


async def test_a_variant_that_is_not_named_any_more_is_archived_and_can_come_back(shop: Shop) -> None:
    await put(shop, FULL)
    await put(shop, replace(FULL, variants=[variant("B", size="M")]))
    assert skus(shop) == [("A", "archived", 0), ("B", "active", 0)]
    await put(shop, replace(FULL, variants=None, title="Other"))
    assert skus(shop) == [("A", "archived", 0), ("B", "active", 0)]
    await put(shop, replace(FULL, variants=[variant("B", size="L"), variant("A", size="M")]))
    assert skus(shop) == [("A", "active", 1), ("B", "active", 0)]


async def test_variants_may_exchange_their_options(shop: Shop) -> None:
    await put(shop, FULL)
    swapped = replace(FULL, variants=[variant("A", size="L"), variant("B", size="M")])
    assert await told(shop, swapped) == [("updated", 2)]
    assert shop.rows("SELECT sku, options->>'size' FROM variants ORDER BY 1") == [("A", "L"), ("B", "M")]


async def test_a_sku_that_was_there_before_its_product_is_taken_up_with_its_stock(shop: Shop) -> None:
    sku = shop.new_sku(5)
    assert await told(shop, product("p", replace(variant(sku), title="Named"))) == [("created", 1)]
    assert shop.rows("SELECT product_id, title FROM variants") == [("p", "Named")]
    assert shop.level(sku) == (5, 0)


async def test_a_sku_stays_with_its_product_even_archived(shop: Shop) -> None:
    await put(shop, FULL)
    await put(shop, replace(FULL, variants=[]))
    (other,) = await put(shop, product("q", variant("A")))
    assert other.refusal is not None
    assert other.refusal.message.startswith("A belongs to p.")


async def test_writers_at_once_neither_wait_for_each_other_for_ever_nor_overwrite_unseen(shop: Shop) -> None:
    rows = list(several(20))

    async def write(order: list[ProductDraft]) -> list[str]:
        return [outcome for outcome, _ in await told(shop, *order)]

    answers = await at_once([lambda: write(rows), lambda: write(rows[::-1]), lambda: write(rows[5:] + rows[:5])])
    told_of = sorted(outcome for answer in answers for outcome in answer)
    assert told_of == ["created"] * 20 + ["unchanged"] * 40
    claims = [lambda n=n: told(shop, product("p", title=f"By {n}", version=0)) for n in range(5)]
    outcomes = sorted(outcome for answer in await at_once(claims) for outcome, _ in answer)
    assert outcomes == ["created"] + ["refused"] * 4


async def test_a_change_by_hand_makes_a_version_too_and_one_that_is_none_does_not(shop: Shop) -> None:
    await put(shop, FULL)
    version = "SELECT version FROM products WHERE product_id = 'p'"
    shop.run("UPDATE variants SET weight_grams = 5 WHERE sku = 'A'", "UPDATE products SET brand = 'B', version = 99")
    assert shop.rows(version) == [(2,)]
    shop.run("DELETE FROM product_media WHERE position = 1")
    assert shop.rows(version) == [(3,)]
    assert shop.rows("SELECT updated_at > created_at FROM products") == [(True,)]


OPTIONS = "23P01/ex_variants_options"


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ('UPDATE variants SET options = \'{"size": "M"}\'', OPTIONS),
        ("UPDATE variants SET options = '[]'", "23514/ck_variants_options"),
        ("UPDATE variants SET hs_code = '62.14'", "23514/ck_variants_hs_code"),
        ("UPDATE variants SET origin_country = 'it'", "23514/ck_variants_origin"),
        ("UPDATE variants SET status = 'gone'", "23514/ck_variants_listingstatus"),
        ("UPDATE variants SET length_mm = 1", "23514/ck_variants_all_dimensions"),
        ("UPDATE variants SET length_mm = 1, width_mm = 0, height_mm = 1", "23514/ck_variants_dimensions"),
        ("UPDATE variants SET product_id = 'nobody'", "23503/fk_variants_tenant_id_product_id"),
        ("UPDATE products SET publish_at = now(), unpublish_at = now()", "23514/ck_products_window"),
        ("UPDATE products SET tags = '{}'", "23514/ck_products_json"),
        ("UPDATE products SET status = 'sold'", "23514/ck_products_listingstatus"),
        ("UPDATE product_media SET url = 'http://example.com/1.jpg'", "23514/ck_product_media_url"),
        ("UPDATE product_media SET position = -1 WHERE position = 0", "23514/ck_product_media_position"),
    ],
)
async def test_the_database_refuses_it_too(shop: Shop, statement: str, refusal: str) -> None:
    await put(shop, FULL)
    assert shop.refusal(statement) == refusal


async def test_equal_ids_and_skus_of_two_tenants_never_meet(server: Server, shop: Shop) -> None:
    other = server.new_shop()
    assert await told(shop, FULL) == await told(other, FULL) == [("created", 1)]
    assert await told(other, replace(FULL, title="Theirs", variants=[])) == [("updated", 2)]
    assert shop.rows("SELECT title, version FROM products") == [("Thing p", 1)]
    assert skus(shop) == [("A", "active", 0), ("B", "active", 1)]


async def test_instants_are_kept_to_the_microsecond(shop: Shop) -> None:
    at = NOON + timedelta(microseconds=1)
    row = product("p", listing=Listing(publish_at=NOON, unpublish_at=at))
    await put(shop, row)
    assert shop.rows("SELECT publish_at, unpublish_at FROM products") == [(NOON, at)]
    assert await told(shop, row) == [("unchanged", 1)]
