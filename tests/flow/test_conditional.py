"""What people edit is not overwritten unseen: each resource, with no `If-Match`, a stale one, the right one, `*`."""

import asyncio
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.flow.drops_kit import terms
from tests.flow.kit import Shop
from tests.flow.price_kit import new_code, new_list

BANDS = [{"amount": 500}]
TIERS = [{"id": "gold", "name": "Gold", "prices": {"EUR": 0, "USD": 0}}]
WINDOW = {"starts_at": "2026-11-27T00:00:00+01:00", "ends_at": "2199-12-01T00:00:00-05:00"}
"""Instants in other zones than the database answers in: the tag is that of the instant."""


@dataclass(frozen=True)
class Editable:
    """A resource that people edit: a way to one of a test's own, and two things that may be put there."""

    path: str
    body: dict[str, Any]
    changed: dict[str, Any]
    made: int = 201
    begins_with: str | None = None
    """Made by a POST there; None: by the PUT that changes it, too."""


_LIST = {"name": "L", "priority": 10, "currency": "EUR", "countries": ["FR", "DE"], **WINDOW}
_RATES = [{"countries": ["FR", "DE"], "currency": "EUR", "bands": BANDS}]
_DROP = terms("DROP-SKU", early_access={"gold": 60})
RESOURCES = {
    "product": Editable(
        "/v1/products/{own}?view=all", {"title": "T", "status": "draft", "attributes": {"width": 1.5}}, {"title": "U"}
    ),
    "price list": Editable("/v1/price-lists/{own}", _LIST, {"priority": 11}),
    "promotion": Editable("/v1/promotions/{own}", {"name": "C", "percent_basis_points": 1000, **WINDOW}, {"name": "D"}),
    "shipping method": Editable("/v1/shipping-methods/{own}", {"name": "M", "rates": _RATES}, {"rates": []}),
    "tax rates": Editable(
        "/v1/tax-rates/LI", {"included": True, "rates": [{"basis_points": 810}]}, {"included": False}, made=200
    ),
    "membership plan": Editable(
        "/v1/membership-plans/{own}", {"name": "P", "interval": "month", "tiers": TIERS}, {"grace_seconds": 5}
    ),
    "drop": Editable("/v1/drops/{own}", _DROP, {"limit_per_customer": 2}, begins_with="/v1/drops"),
    "role": Editable("/v1/access/roles/{own}", {"scopes": ["orders:read"]}, {"scopes": ["orders:act"]}, made=200),
}


async def begun(shop: Shop, kind: Editable) -> tuple[str, dict[str, Any], httpx.Response]:
    """One of the test's own: where it is, what it is, and the answer that made it."""
    own = f"c{uuid.uuid4().hex[:10]}"
    path, body = kind.path.format(own=own), dict(kind.body)
    if kind.begins_with:
        body["skus"] = [{"sku": shop.new_sku(5)}]
        return path, body, await shop.http.post(kind.begins_with, json={"id": own} | body)
    return path, body, await shop.http.put(path, json=body)


async def tidy(shop: Shop, kind: Editable, path: str) -> None:
    """What would be seen by other tests is taken away."""
    if path.startswith("/v1/tax-rates/"):
        await shop.edit(path, kind.body | {"rates": []})
    if path.startswith("/v1/shipping-methods/"):
        await shop.edit(path, kind.body | {"active": False})


def told(answer: httpx.Response) -> tuple[int, str | None]:
    """Its status and its code."""
    return answer.status_code, answer.json().get("code") if answer.status_code >= 400 else None


@pytest.mark.parametrize("name", RESOURCES)
async def test_it_is_changed_by_who_has_seen_it(shop: Shop, name: str) -> None:
    kind = RESOURCES[name]
    path, body, made = await begun(shop, kind)
    assert made.status_code == kind.made, made.text
    read = await shop.http.get(path)
    assert read.headers["etag"] == made.headers["etag"]
    first = {"If-Match": read.headers["etag"]}
    changed = body | kind.changed

    assert told(await shop.http.put(path, json=changed)) == (428, "if_match_required")
    assert told(await shop.http.put(path, json=changed, headers={"If-Match": '"0"'})) == (412, "precondition_failed")
    weak = {"If-Match": f"W/{first['If-Match']}"}
    assert told(await shop.http.put(path, json=changed, headers=weak)) == (412, "precondition_failed")
    assert (await shop.http.get(path)).json() == read.json()

    saved = await shop.http.put(path, json=changed, headers=first)
    assert saved.status_code == 200, saved.text
    assert (await shop.http.get(path)).headers["etag"] == saved.headers["etag"] != first["If-Match"]
    stale = await shop.http.put(path, json=body, headers=first)
    assert told(stale) == (412, "precondition_failed")
    assert stale.headers["etag"] == saved.headers["etag"]
    either = {"If-Match": f"{first['If-Match']}, {saved.headers['etag']}"}
    assert (await shop.http.put(path, json=changed, headers=either)).status_code == 200
    assert (await shop.http.put(path, json=changed, headers={"If-Match": "*"})).status_code == 200
    await tidy(shop, kind, path)


@pytest.mark.parametrize("name", RESOURCES)
async def test_of_five_who_saw_the_same_one_changes_it(shop: Shop, name: str) -> None:
    kind = RESOURCES[name]
    path, body, made = await begun(shop, kind)
    seen = {"If-Match": made.headers["etag"]}
    bodies = [
        body | kind.changed | ({} if name in ("tax rates", "role") else {_named(body): f"N{n}"}) for n in range(5)
    ]
    answers = await asyncio.gather(*(shop.http.put(path, json=one, headers=seen) for one in bodies))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 4}
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert (await shop.http.get(path)).json() == won
    await tidy(shop, kind, path)


def _named(body: dict[str, Any]) -> str:
    return "name" if "name" in body else "title"


@pytest.mark.parametrize("name", RESOURCES)
async def test_what_is_not_there_matches_nothing(shop: Shop, name: str) -> None:
    path = RESOURCES[name].path.format(own="nothing-yet")
    for tag in ("*", '"0"'):
        answer = await shop.http.put(path, json=RESOURCES[name].body, headers={"If-Match": tag})
        assert told(answer) in ((412, "precondition_failed"), (404, "not_found"))
    assert (await shop.http.get(path)).status_code == 404


async def test_sales_move_no_tag(shop: Shop) -> None:
    """Who edits a code or a drop while it is being used is not told to begin again."""
    code, sku = await new_code(shop), shop.new_sku(5)
    drop = f"c{uuid.uuid4().hex[:10]}"
    await shop.http.post("/v1/drops", json={"id": drop, **terms(skus=[{"sku": sku, "allotment": 3}])})
    paths = (f"/v1/promotions/{code}", f"/v1/drops/{drop}")
    before = [await shop.http.get(path) for path in paths]
    assert (await shop.buy(sku, promotion_codes=[code])).status_code == 201
    after = [await shop.http.get(path) for path in paths]
    for one, two in zip(before, after, strict=True):
        assert one.json() != two.json()
        assert one.headers["etag"] == two.headers["etag"]


async def test_a_list_is_not_deleted_unseen(shop: Shop) -> None:
    path, body, made = await begun(shop, RESOURCES["price list"])
    assert told(await shop.http.delete(path)) == (428, "if_match_required")
    await shop.edit(path, body | {"priority": 12})
    seen = {"If-Match": made.headers["etag"]}
    assert told(await shop.http.delete(path, headers=seen)) == (412, "precondition_failed")
    assert (await shop.edit(path, None, method="DELETE")).status_code == 204


async def test_a_feed_names_the_version_in_the_body(shop: Shop) -> None:
    """A product takes either; both must hold where both are sent."""
    path, body, made = await begun(shop, RESOURCES["product"])
    assert made.json()["version"] == 1
    two = await shop.http.put(path, json=body | {"title": "Two", "version": 1})
    assert (two.status_code, two.json()["version"]) == (200, 2)
    stale = {"If-Match": made.headers["etag"]}
    assert told(await shop.http.put(path, json=body | {"version": 2}, headers=stale)) == (412, "precondition_failed")
    seen = {"If-Match": two.headers["etag"]}
    assert told(await shop.http.put(path, json=body | {"version": 1}, headers=seen)) == (409, "version_changed")


async def test_a_refused_precondition_does_not_use_up_a_key(shop: Shop) -> None:
    """The mended request may come under the same Idempotency-Key."""
    path, body, made = await begun(shop, RESOURCES["promotion"])
    key = {"Idempotency-Key": uuid.uuid4().hex}
    changed = body | {"name": "Mended"}
    stale = await shop.http.put(path, json=changed, headers=key | {"If-Match": '"0"'})
    assert told(stale) == (412, "precondition_failed")
    mended = await shop.http.put(path, json=changed, headers=key | {"If-Match": made.headers["etag"]})
    assert (mended.status_code, mended.json()["name"]) == (200, "Mended")
    again = await shop.http.put(path, json=changed, headers=key | {"If-Match": made.headers["etag"]})
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (200, "true")


async def test_a_price_is_not_overwritten_unseen(shop: Shop) -> None:
    """A row that says what the price was is refused where it is another by now, or none; of five such rows one wins."""
    made, sku = await new_list(shop), shop.new_sku()
    path, row = f"/v1/price-lists/{made}/prices", {"sku": sku, "currency": "EUR"}

    async def put(amount: int | None, *seen: int | None) -> str:
        expected = {"expected": {"amount": seen[0]} if seen[0] else None} if seen else {}
        answer = await shop.http.put(path, json={"prices": [row | {"amount": amount} | expected]})
        (told,) = answer.json()["results"]
        return str(told["code"] or told["outcome"])

    assert await put(100, 99) == "price_changed"
    assert await put(100, None) == "created"
    assert await put(200, None) == "price_changed"
    assert await put(None, 99) == "price_changed"
    first = await asyncio.gather(*(put(amount, 100) for amount in range(201, 206)))
    assert Counter(first) == {"updated": 1, "price_changed": 4}
    assert await put(300) == "updated"
    await put(None, 300)
    again = await asyncio.gather(*(put(amount, None) for amount in range(401, 406)))
    assert Counter(again) == {"created": 1, "price_changed": 4}
