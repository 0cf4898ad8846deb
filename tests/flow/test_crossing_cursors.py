"""A cursor of one tenant's list is nothing in another's hands, whichever list it is of."""

import json
import time
import uuid
from datetime import UTC, datetime

import pytest

from gateways.signatures import sign
from tests.flow.access_kit import GUARDED, OPENAPI, Route
from tests.flow.drops_kit import new_drop
from tests.flow.every_kit import SCARF, Every
from tests.flow.kit import TENANT, Shop, until
from tests.flow.returns_kit import Returns
from tests.flow.test_crossing import settled, stranger


def has_cursors(route: Route) -> bool:
    """Whether its description takes one."""
    asked = OPENAPI["paths"][route.path][route.method.lower()].get("parameters", [])
    return any(one["name"] == "cursor" for one in asked)


LISTS = [route for route in GUARDED if route.method == "GET" and has_cursors(route)]


async def unknown_parcel(shop: Shop) -> None:
    """The carrier tells of a parcel that nobody knows."""
    scan = {
        "event_id": f"evt-{uuid.uuid4().hex}", "shipment_id": uuid.uuid4().hex, "reference": uuid.uuid4().hex,
        "tracking_number": "nobodys", "status": "in_transit", "code": "OC", "description": "On its way",
        "location": "Paris", "occurred_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    body = json.dumps(scan).encode()
    headers = {"Milepost-Signature": sign(shop.links.carrier_webhook_secret, body, int(time.time()))}
    answer = await shop.http.post(f"/webhooks/carriers/sandbox/{TENANT}", content=body, headers=headers)
    assert answer.status_code == 204, answer.text


@pytest.fixture(scope="module")
async def numbers(whole_shop: Shop) -> dict[str, str]:
    """Two of everything that is listed; and what the paths of lists within something are about."""
    every, order = Every(whole_shop), await Every(whole_shop).arrived()
    returned = [await Returns(whole_shop).ask(order, SCARF, reason="wrong_size") for _ in range(2)]
    assert [answer.status_code for answer in returned] == [201, 201], returned[-1].text
    for _ in range(2):
        await new_drop(whole_shop, whole_shop.new_sku())
        await every.price_list()
        await every.asked_refund()
        await unknown_parcel(whole_shop)
        fresh = await every.fresh()
        promotion = {"name": "Ten percent", "percent_basis_points": 1000}
        await every.call("PUT", f"/v1/promotions/{fresh['code']}", promotion)
        plan = {"name": "A plan", "interval": "month", "tiers": [{"id": "gold", "name": "Gold", "prices": {"EUR": 0}}]}
        await every.call("PUT", f"/v1/membership-plans/{fresh['plan_id']}", plan)
    return {"/v1/orders": order["number"], "/v1/price-lists": "default"}


async def cursor(shop: Shop, path: str) -> str:
    """Behind the first row of the demo tenant's list."""

    async def page() -> str | None:
        answer = await shop.http.get(path, params={"limit": 1})
        assert answer.status_code == 200, answer.text
        following: str | None = answer.json()["next_cursor"]
        return following

    found = await until(page)
    assert found
    return found


async def test_a_cursor_leads_no_other_tenant_anywhere(whole_shop: Shop, numbers: dict[str, str]) -> None:
    """One walk, so that the tables are compared once; each list must have a second page, or nothing is tried of it."""
    before, headers, reached = await settled(whole_shop), stranger(whole_shop), []
    for route in LISTS:
        path = route.address(number=numbers.get("/".join(route.path.split("/")[:3]), ""))
        taken: dict[str, int | str] = {"limit": 1, "cursor": await cursor(whole_shop, path)}
        assert (await whole_shop.http.get(path, params=taken)).status_code == 200, path
        answer = await whole_shop.http.get(path, params=taken, headers=headers)
        if (answer.status_code, answer.json().get("code")) not in {(400, "cursor_invalid"), (404, "not_found")}:
            reached.append(f"{path}: {answer.status_code} {answer.text[:200]}")
    assert reached == []
    assert await settled(whole_shop) == before
