"""Whatever is wrong with a product or a search, it is refused with the field it is about, and changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flow.catalog_kit import bulk, find
from tests.flow.kit import KEY, Shop


@pytest.fixture
def nothing_changes(whole_shop: Shop) -> Iterator[None]:
    """Every row of the catalog before and after."""
    look = "SELECT (SELECT count(*) FROM variants), (SELECT count(*) FROM product_media), count(*), sum(version)"
    before = whole_shop.sql(f"{look} FROM products")
    yield
    assert whole_shop.sql(f"{look} FROM products") == before


def variants(**changed: Any) -> dict[str, Any]:
    """A product with one variant, but for what is changed."""
    return {"variants": [{"sku": "BAD-1", "weight_grams": 1} | changed]}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"title": "a\x00b"}, "title"),
    ({"title": None}, "title"),
    ({"status": None}, "status"),
    ({"description": "x" * 10_001}, "description"),
    ({"description": "\x00"}, "description"),
    ({"tags": ["Silk"]}, "tags.0"),
    ({"tags": ["x"] * 51}, "tags"),
    ({"attributes": {"Width": 1}}, "attributes.Width"),
    ({"attributes": {"width": None}}, "attributes.width"),
    ({"attributes": {"width": {"cm": 90}}}, "attributes.width"),
    ({"attributes": {"width": 10**16}}, "attributes.width"),
    ({"attributes": {"width": ["a", 1]}}, "attributes.width"),
    ({"attributes": {f"a{n}": n for n in range(51)}}, "attributes"),
    ({"publish_at": "2026-01-01"}, "publish_at"),
    ({"publish_at": "2026-01-01T00:00:00"}, "publish_at"),
    ({"publish_at": 1767225600}, "publish_at"),
    ({"publish_at": "1767225600"}, "publish_at"),
    ({"publish_at": "9999-12-31T23:59:59-12:00"}, "publish_at"),
    ({"publish_at": "2026-02-01T00:00:00Z", "unpublish_at": "2026-02-01T00:00:00Z"}, "row"),
    ({"access": "VIP only"}, "access"),
    ({"version": -1}, "version"),
    ({"version": "1"}, "version"),
    ({"surprise": 1}, "surprise"),
    ({"variants": [{"sku": "A", "weight_grams": 1}] * 101}, "variants"),
    (variants(sku="no spaces"), "variants.0.sku"),
    (variants(weight_grams=0), "variants.0.weight_grams"),
    (variants(weight_grams=1.5), "variants.0.weight_grams"),
    (variants(weight_grams=10**30), "variants.0.weight_grams"),
    (variants(options={"size": ""}), "variants.0.options.size"),
    (variants(options={f"o{n}": "x" for n in range(6)}), "variants.0.options"),
    (variants(origin_country="UK"), "variants.0.origin_country"),
    (variants(origin_country="it"), "variants.0.origin_country"),
    (variants(hs_code="6214.10"), "variants.0.hs_code"),
    (variants(hs_code="62141"), "variants.0.hs_code"),
    (variants(hs_code=621410), "variants.0.hs_code"),
    (variants(barcode="4006381333932"), "variants.0.barcode"),
    (variants(dimensions={"length_mm": 1, "width_mm": 1}), "variants.0.dimensions.height_mm"),
    ({"media": [{"url": "http://example.com/a.jpg"}]}, "media.0.url"),
    ({"media": [{"url": "javascript:alert(1)"}]}, "media.0.url"),
    ({"media": [{"url": "https://"}]}, "media.0.url"),
    ({"media": [{"url": "https://user:pw@example.com/"}]}, "media.0.url"),
    ({"media": [{"url": "https://example.com:99999/"}]}, "media.0.url"),
    ({"media": [{"url": "https://example.com/a", "kind": "virus"}]}, "media.0.kind"),
    ({"id": "no spaces"}, "id"),
    ({"id": None}, "id"),
]


@pytest.mark.usefixtures("nothing_changes")
async def test_wrong_rows_are_refused_with_their_field(whole_shop: Shop) -> None:
    """All in one request, each for its own reason; none of them changes anything."""
    good = {"id": "bad", "title": "T", "status": "active"}
    rows = [good | {"id": f"bad-{n}"} | changed for n, (changed, _) in enumerate(WRONG)]
    answer = await bulk(whole_shop, *rows)
    told = [(one["code"], one["field"]) for one in answer["rows"]]
    assert told == [("invalid_row", field) for _, field in WRONG]
    assert all(one["detail"] for one in answer["rows"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"products": []}, 422, "invalid_request"),
        ({"products": {}}, 422, "invalid_request"),
        ({"products": [{}] * 501}, 422, "invalid_request"),
        ({"products": [{}], "more": 1}, 422, "invalid_request"),
        ({"products": ["x" * 5_000_000]}, 413, "body_too_large"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_request(whole_shop: Shop, body: dict[str, Any], status: int, code: str) -> None:
    answer = await whole_shop.http.post("/v1/products/bulk", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.usefixtures("nothing_changes")
async def test_a_wrong_product(whole_shop: Shop) -> None:
    """PUT names all that is wrong, in the manner of every route."""
    answer = await whole_shop.http.put("/v1/products/bad", json={"status": "gone"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert {one["field"] for one in answer.json()["errors"]} == {"title", "status"}
    twins = [{"sku": sku, "weight_grams": 1} for sku in ("BAD-1", "BAD-2")]
    answer = await whole_shop.http.put("/v1/products/bad", json={"title": "T", "status": "draft", "variants": twins})
    assert (answer.status_code, answer.json()["code"]) == (422, "duplicate_options")
    large = {"title": "T", "status": "draft", "description": "x" * 300_000}
    assert (await whole_shop.http.put("/v1/products/bad", json=large)).status_code == 413


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"sort": "price"}, {"sort": "relevance"}, {"view": "mine"},
        {"status": "active"}, {"view": "all", "status": "gone"}, {"q": "x" * 201}, {"q": "a\x00b"}, {"tag": "Silk"},
        {"type": ""}, {"updated_since": "yesterday"}, {"updated_since": "2026-01-01T00:00:00"}, {"atrr__x": "1"},
        {"attr__X": "1"}, {"attr__x": ""}, {"attr__x": "\x00"}, {"attr__x__min": "ten"}, {"attr__x__min": "1e9"},
        {"option__size__min": "1"}, {"option__": "1"}, {"surprise": "1"}, {"cursor": "x" * 4001},
    ],
    ids=str,
)  # fmt: skip
async def test_a_wrong_search(whole_shop: Shop, query: dict[str, str]) -> None:
    """422 with the field; no filter is left out in silence."""
    answer = await find(whole_shop, 422, **query)
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["errors"][0]["field"] in {name.replace("__", ".") for name in query} | {
        "type.0",
        "tag.0",
        "status.0",
    }


@pytest.mark.parametrize("path", ["products/nothing", "variants/nothing", "products/%00", "variants/a'b"])
async def test_what_is_not_there(whole_shop: Shop, path: str) -> None:
    """404, or 422 for what no id can be; 401 without a key."""
    answer = await whole_shop.http.get(f"/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) in ((404, "not_found"), (422, "invalid_request"))
    nobody = await whole_shop.http.get(f"/v1/{path}", headers={"Authorization": ""})
    assert nobody.status_code == 401
    assert KEY not in answer.text
