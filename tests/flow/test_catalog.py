"""The catalog over HTTP: kept in step in bulk, searched, read by shoppers and by those who tend it."""

import uuid

import pytest

from tests.flow.access_kit import bearer, new_key, new_tenant, owner
from tests.flow.catalog_kit import bulk, find, ids, scarf
from tests.flow.kit import Shop
from tests.members import FORGET, MEMBER


@pytest.fixture
def name() -> str:
    """One that nothing else has."""
    return f"s{uuid.uuid4().hex[:10]}"


@pytest.fixture
def other(whole_shop: Shop) -> dict[str, str]:
    """Another tenant's key, as a header."""
    return bearer(new_key(whole_shop, "catalog:read", "catalog:write", tenant=new_tenant(whole_shop)))


async def test_a_product_from_its_upsert_to_the_storefront(shop: Shop, name: str) -> None:
    assert await bulk(shop, scarf(name)) == {
        "created": 1, "updated": 0, "unchanged": 0, "refused": 0,
        "rows": [{"row": 0, "id": name, "result": "created", "version": 1, "code": None, "field": None,
                  "detail": None}],
    }  # fmt: skip
    seen = (await shop.http.get(f"/v1/products/{name}")).json()
    assert seen == (await find(shop, tag=name)).json()["items"][0]
    for field, value in scarf(name).items():
        if field not in ("tags", "variants", "media"):
            assert seen[field] == value
    assert seen["tags"] == sorted(["silk", name])
    assert seen["media"] == [
        {"url": f"https://example.com/{name}.jpg", "kind": "image", "alt": "A scarf", "position": 0}
    ]
    (first, _) = seen["variants"]
    assert first == scarf(name)["variants"][0] | {
        "product_id": name, "title": f"Scarf {name} · M", "status": "active", "position": 0,
        "tax_class": "standard",
    }  # fmt: skip
    assert (await shop.http.get(f"/v1/variants/{name}-M")).json() == first


async def test_a_result_for_each_row_and_a_repeat_changes_nothing(shop: Shop, name: str) -> None:
    rows = [
        scarf(name),
        scarf(name + "b", status="gone"),
        scarf(name + "c", variants=[scarf(name)["variants"][0]]),
        "nonsense",
        scarf(name),
        scarf(name + "d", variants=[]),
    ]
    answer = await bulk(shop, *rows)
    told = [(one["result"], one["code"], one["field"]) for one in answer["rows"]]
    assert told == [
        ("created", None, None),
        ("refused", "invalid_row", "status"),
        ("refused", "duplicate_sku", "variants.0.sku"),
        ("refused", "invalid_row", "row"),
        ("refused", "duplicate_id", "id"),
        ("created", None, None),
    ]
    assert [one["id"] for one in answer["rows"]] == [name, name + "b", name + "c", None, name, name + "d"]
    again = await bulk(shop, *rows)
    assert [one["result"] for one in again["rows"]] == ["unchanged", *["refused"] * 4, "unchanged"]
    assert again["rows"][0]["version"] == 1


async def test_hundreds_of_products_in_one_request(shop: Shop, name: str) -> None:
    """More than the 256 KiB that other routes take."""
    rows = [scarf(f"{name}-{n}", tags=[name], description="x" * 800) for n in range(400)]
    answer = await bulk(shop, *rows)
    assert answer["created"] == 400
    seen: list[str] = []
    cursor: str | None = None
    while cursor or not seen:
        page = await find(shop, tag=name, sort="id", limit=150, **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page.json()["next_cursor"]
    assert seen == sorted(row["id"] for row in rows)


async def test_one_product_is_put_and_put_again(shop: Shop, name: str) -> None:
    body = {key: value for key, value in scarf(name).items() if key != "id"}
    for status, version, changed in ((201, 1, {}), (200, 1, {}), (200, 2, {"title": "Other"})):
        answer = await shop.edit(f"/v1/products/{name}?view=all", body | changed)
        assert (answer.status_code, answer.json()["version"]) == (status, version)
    late = await shop.http.put(f"/v1/products/{name}", json=body | {"version": 1})
    assert (late.status_code, late.json()["code"]) == (409, "version_changed")
    taken = await shop.http.put(f"/v1/products/{name}x", json=body)
    assert (taken.status_code, taken.json()["code"]) == (409, "sku_taken")
    assert taken.json()["facts"] == {"field": "variants.0.sku"}


@pytest.mark.parametrize(
    "query",
    [
        {"q": "silk"}, {"q": "hemmed scar"}, {"q": "autumn -winter"}, {"type": "scarves"}, {"brand": "Maison"},
        {"option__size": "M"}, {"attr__material": "silk"}, {"attr__width_cm": "90"}, {"attr__washable": "false"},
        {"attr__seasons": "spring"}, {"attr__width_cm__min": "90", "attr__width_cm__max": "90"},
        {"updated_since": "2020-01-01T00:00:00Z"}, {"view": "all", "status": "active"}, {"sort": "-title"},
    ],
    ids=str,
)  # fmt: skip
async def test_it_is_found_by(shop: Shop, query: dict[str, str]) -> None:
    name = "found-by-everything"
    await bulk(shop, scarf(name))
    assert ids(await find(shop, tag=name, **query)) == [name]
    misses = {"q": "nothing", "type": "hats", "brand": "Other", "option__size": "XL", "attr__material": "wool"}
    for key in query.keys() & misses.keys():
        assert ids(await find(shop, tag=name, **query | {key: misses[key]})) == []


async def test_a_sku_or_its_beginning_finds_its_product_first(shop: Shop, name: str) -> None:
    """Whatever the case; a storefront not by a SKU that is not for sale, and nothing stands for any character."""
    sku = f"{name}-M".replace("_", "-")
    other = scarf(f"{name}-other", title=f"Goes with {sku}", tags=[name])
    old = scarf(f"{name}-old", tags=[name])
    old["variants"][0] |= {"sku": f"X.{name}-gone", "status": "archived"}
    await bulk(shop, scarf(name), other, old)
    assert ids(await find(shop, q=sku))[0] == name
    assert name in ids(await find(shop, q=sku.upper(), sort="title"))
    assert ids(await find(shop, q=sku, view="all"))[0] == name
    assert set(ids(await find(shop, q=name, tag=name))) == {name, other["id"], old["id"]}
    assert ids(await find(shop, q=f"x.{name}")) == []
    assert ids(await find(shop, q=f"x.{name}", view="all")) == [old["id"]]
    assert ids(await find(shop, q=name[:6] + "_")) == []
    first = await find(shop, q=name, tag=name, limit=1)
    seen = ids(first)
    for _ in range(2):
        first = await find(shop, q=name, tag=name, limit=1, cursor=first.json()["next_cursor"])
        seen += ids(first)
    assert sorted(seen) == sorted({name, other["id"], old["id"]})
    assert first.json()["next_cursor"] is None


async def test_what_is_not_on_sale_is_for_those_who_tend_it_only(shop: Shop, name: str) -> None:
    hidden = [
        scarf(name + "-draft", status="draft"),
        scarf(name + "-later", publish_at="2190-01-01T00:00:00+01:00"),
        scarf(name + "-over", unpublish_at="2020-01-01T00:00:00Z"),
        scarf(name + "-vip", access="members"),
    ]
    for row in hidden:
        row["tags"] = [name]
    await bulk(shop, *hidden)
    assert ids(await find(shop, tag=name)) == []
    assert len(ids(await find(shop, tag=name, view="all"))) == 4
    for row in hidden:
        for path in (f"/v1/products/{row['id']}", f"/v1/variants/{row['id']}-M"):
            assert (await shop.http.get(path)).json()["code"] == "not_found"
            assert (await shop.http.get(path, params={"view": "all"})).status_code == 200


async def test_a_publishable_key_sees_what_everybody_sees(shop: Shop, name: str) -> None:
    await bulk(shop, scarf(name))
    key = bearer(new_key(shop, "catalog:read", kind="publishable"))
    assert (await shop.http.get(f"/v1/products/{name}", headers=key)).status_code == 200
    for query in ({"view": "all"}, {"customer_id": "cus_ada"}):
        for path in ("/v1/products", f"/v1/products/{name}", f"/v1/variants/{name}-M"):
            answer = await shop.http.get(path, params=query, headers=key)
            assert (answer.status_code, answer.json()["code"]) == (403, "secret_key_required")
    refused = await shop.http.post("/v1/products/bulk", json={"products": [scarf(name)]}, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


async def test_a_member_finds_reads_and_buys_what_is_for_members(shop: Shop, name: str) -> None:
    sku, customer = shop.new_sku(2), f"cus_{name}"
    vip = [{"sku": sku, "weight_grams": 100}]
    await bulk(shop, scarf(name, access=name, variants=vip, tags=[name]))
    owner(shop, *MEMBER, customer=customer, entitlement=name)
    for whose, seen in ((customer, [name]), (f"{customer}-2", [])):
        assert ids(await find(shop, tag=name, customer_id=whose)) == seen
        for path in (f"/v1/products/{name}", f"/v1/variants/{sku}"):
            answer = await shop.http.get(path, params={"customer_id": whose})
            assert answer.status_code == (200 if seen else 404)
        who = {"id": whose, "email": "ada@example.com", "name": "Ada"}
        bought = await shop.buy(sku, customer=who)
        assert bought.json().get("code") == (None if seen else "members_only")
    first = await find(shop, view="storefront", customer_id=customer, limit=1)
    cursor = first.json()["next_cursor"]
    crossed = await find(shop, 400, view="storefront", customer_id=f"{customer}-2", limit=1, cursor=cursor)
    assert crossed.json()["code"] == "cursor_invalid"
    owner(shop, *FORGET, customer=customer)


async def test_two_tenants_never_meet(shop: Shop, name: str, other: dict[str, str]) -> None:
    """The same ids and SKUs are two products; neither is found, read or paged to by the other's key."""
    await bulk(shop, *(scarf(f"{name}-{n}", tags=[name]) for n in range(3)))
    page = await find(shop, tag=name, limit=1)
    cursor = page.json()["next_cursor"]
    for path in (f"/v1/products/{name}-1", f"/v1/variants/{name}-1-M"):
        assert (await shop.http.get(path, params={"view": "all"}, headers=other)).status_code == 404
    for query in ({"tag": name}, {"q": name}, {"option.size": "M"}, {"attr.material": "silk"}, {"view": "all"}):
        assert (await shop.http.get("/v1/products", params=query, headers=other)).json()["items"] == []
    crossed = await shop.http.get("/v1/products", params={"tag": name, "limit": 1, "cursor": cursor}, headers=other)
    assert (crossed.status_code, crossed.json()["code"]) == (400, "cursor_invalid")
    assert (await bulk(shop, scarf(f"{name}-1", title="Theirs"), headers=other))["created"] == 1
    assert (await shop.http.get(f"/v1/products/{name}-1")).json()["title"] == f"Scarf {name}-1"
    assert (await shop.http.get(f"/v1/products/{name}-1", headers=other)).json()["title"] == "Theirs"


async def test_a_cursor_is_of_its_query(shop: Shop, name: str) -> None:
    await bulk(shop, *(scarf(f"{name}-{n}", tags=[name]) for n in range(3)))
    cursor = (await find(shop, tag=name, limit=1)).json()["next_cursor"]
    assert len(ids(await find(shop, tag=name, limit=2, cursor=cursor))) == 2
    for changed in ({"tag": "silk"}, {"sort": "title"}, {"q": "silk"}, {"view": "all"}, {"attr__material": "silk"}):
        query = {"tag": name, "cursor": cursor} | changed
        assert (await find(shop, 400, **query)).json()["code"] == "cursor_invalid"
    for bad in (cursor[:-1], cursor + "A", ("B" if cursor[0] == "A" else "A") + cursor[1:], "nonsense", "é"):
        assert (await find(shop, 400, tag=name, cursor=bad)).json()["code"] == "cursor_invalid"


async def test_third_parties_keep_in_step(shop: Shop, name: str) -> None:
    await bulk(shop, scarf(name), scarf(name + "b"))
    whole = await find(shop, view="all", sort="updated", updated_since="2020-01-01T00:00:00Z", limit=200)
    since = whole.json()["as_of"]
    await bulk(shop, scarf(name, status="archived"), scarf(name + "b"))
    news = await find(shop, view="all", sort="updated", updated_since=since)
    assert [(one["id"], one["version"], one["status"]) for one in news.json()["items"]] == [(name, 2, "archived")]
