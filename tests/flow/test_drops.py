"""A drop from the door to the doorstep: too early, too many, too late, and what is given back goes down the line."""

import asyncio
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from domain.ids import checkout_id, drop_line_workflow
from tests.flow.drops_kit import buyer, new_drop, place, terms
from tests.flow.kit import TENANT, Shop, until
from workflows.sweeper import SweeperWorkflow


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["code"]


async def test_before_its_time_nothing_begins_and_then_the_same_key_buys(shop: Shop) -> None:
    sku, key = shop.new_sku(5), uuid.uuid4().hex
    opens = datetime.now(UTC) + timedelta(hours=1)
    drop = await new_drop(shop, sku, opens_at=opens.isoformat(), closes_at=(opens + timedelta(hours=1)).isoformat())
    early = await shop.buy(sku, key=key)
    assert code(early) == (409, "drop_not_open")
    assert datetime.fromisoformat(early.json()["facts"]["opens_at"]) == opens
    assert shop.sql("SELECT 1 FROM checkouts WHERE checkout_id = :c", c=checkout_id(TENANT, key)) == []
    answer = await shop.edit(f"/v1/drops/{drop}", terms(sku))
    assert (answer.status_code, answer.json()["stage"]) == (200, "open")
    assert (await shop.buy(sku, key=key)).status_code == 201
    over = terms(sku, closes_at=datetime.now(UTC).isoformat())
    assert (await shop.edit(f"/v1/drops/{drop}", over)).json()["stage"] == "closed"
    assert code(await shop.buy(sku)) == (409, "drop_closed")
    assert (await shop.buy(sku, key=key)).status_code == 201


async def test_twenty_at_once_from_one_customer(shop: Shop) -> None:
    sku = shop.new_sku(50)
    await new_drop(shop, sku, limit_per_customer=2)
    answers = await asyncio.gather(*(shop.buy(sku, **buyer("ada")) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 2, 409: 18}
    assert {code(answer) for answer in answers if answer.status_code == 409} == {(409, "purchase_limit_reached")}
    assert shop.stock(sku) == (50, 2)


async def test_one_key_at_once_is_one_checkout(shop: Shop) -> None:
    sku, key = shop.new_sku(50), uuid.uuid4().hex
    await new_drop(shop, sku, limit_per_customer=1)
    answers = await asyncio.gather(*(shop.buy(sku, key=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert shop.stock(sku) == (50, 1)


async def test_what_is_given_back_goes_down_the_line(shop: Shop) -> None:
    sku = shop.new_sku(10)
    drop = await new_drop(shop, sku, skus=[{"sku": sku, "allotment": 1}], line_length=2)
    first = await shop.waiting(sku, **buyer("ada"))
    key = uuid.uuid4().hex
    second = await shop.buy(sku, key=key, **buyer("bea"))
    third = await shop.buy(sku, **buyer("cleo"))
    fourth = await shop.buy(sku, **buyer("dora"))
    assert [code(one) for one in (second, third, fourth)] == [(409, "out_of_stock")] * 3
    assert [one.json()["facts"].get("position") for one in (second, third, fourth)] == ["1", "2", None]
    assert (await place(shop, drop, second))["state"] == "waiting"

    await shop.http.post(f"/v1/checkouts/{first['id']}/cancel")
    granted = await place(shop, drop, second)
    assert (granted["state"], granted["position"]) == ("granted", None)
    assert (await place(shop, drop, third))["position"] == 1
    newcomer = await shop.buy(sku, **buyer("eve"))
    assert (code(newcomer), newcomer.json()["facts"]["position"]) == ((409, "out_of_stock"), "2")
    bought = await shop.buy(sku, key=key, **buyer("bea"))
    assert bought.status_code == 201
    assert (await place(shop, drop, second))["state"] == "used"
    told = shop.sql(
        "SELECT type FROM events WHERE checkout_id = :c AND type LIKE 'drop.%' ORDER BY event_id",
        c=checkout_id(TENANT, key),
    )
    assert told == [("drop.place_taken",), ("drop.place_granted",)]

    await shop.cancel_order(bought.json()["order_number"])
    await shop.order_in(bought.json()["order_number"], "cancelled")
    assert (await place(shop, drop, third))["state"] == "granted"
    seen = (await shop.http.get(f"/v1/drops/{drop}")).json()
    assert seen["skus"] == [{"sku": sku, "allotment": 1, "taken": 0, "granted": 1, "waiting": 1, "left": 0}]


async def test_a_declined_card_frees_the_unit_for_the_next(shop: Shop) -> None:
    sku = shop.new_sku(1)
    drop = await new_drop(shop, sku, line_length=5)
    checkout = await shop.waiting(sku, **buyer("ada"))
    waits = await shop.buy(sku, **buyer("bea"))
    for _ in range(3):
        await shop.browser_confirms(checkout, "pm_card_chargeDeclined")
        await shop.http.post(f"/v1/checkouts/{checkout['id']}/confirm")
    await shop.checkout_in(checkout["id"], "failed")
    assert (await until(lambda: place(shop, drop, waits), lambda seen: seen["state"] == "granted"))["kept_until"]


async def test_a_grant_nobody_uses_passes_on_by_itself(shop: Shop) -> None:
    sku = shop.new_sku(1)
    drop = await new_drop(shop, sku, line_length=5, grant_seconds=10)
    checkout = await shop.waiting(sku, **buyer("ada"))
    second, third = [await shop.buy(sku, **buyer(one)) for one in ("bea", "cleo")]
    await shop.http.post(f"/v1/checkouts/{checkout['id']}/cancel")
    assert (await place(shop, drop, second))["state"] == "granted"
    shop.sql(
        "UPDATE drop_tickets SET granted_until = now() WHERE drop_id = :d AND state = 'granted' RETURNING 1", d=drop
    )
    await shop.temporal.get_workflow_handle(drop_line_workflow(TENANT, drop)).signal("edited")

    async def states() -> list[tuple[str]]:
        return shop.sql("SELECT state FROM drop_tickets WHERE drop_id = :d ORDER BY place", d=drop)

    await until(states, lambda seen: seen == [("lapsed",), ("granted",)])
    assert (await place(shop, drop, third))["state"] == "granted"


async def test_the_sweeper_begins_what_looks_after_a_line(shop: Shop) -> None:
    drop = await new_drop(shop, shop.new_sku(1), line_length=5)
    line = shop.temporal.get_workflow_handle(drop_line_workflow(TENANT, drop))
    await line.terminate("a hand slipped")
    await shop.temporal.execute_workflow(SweeperWorkflow.run, id=f"sweeper-{uuid.uuid4().hex}", task_queue="milepost")
    seen = await line.describe()
    assert seen.status
    assert seen.status.name == "RUNNING"
    over = terms(shop.new_sku(1), line_length=5, closes_at=datetime.now(UTC).isoformat())
    assert (await shop.edit(f"/v1/drops/{drop}", over)).status_code == 200
    async with asyncio.timeout(60):
        await line.result()


async def test_made_twice_it_is_the_same_and_with_other_terms_it_is_refused(shop: Shop) -> None:
    sku = shop.new_sku(5)
    body = {"id": f"d-{uuid.uuid4().hex[:12]}", **terms(sku, early_access={"gold": 60}, limit_per_customer=1)}
    one, again = [await shop.http.post("/v1/drops", json=body) for _ in range(2)]
    assert (one.status_code, again.status_code) == (201, 201)
    assert one.json() == again.json()
    assert one.json() == (await shop.http.get(f"/v1/drops/{body['id']}")).json()
    assert body["id"] in {each["id"] for each in (await shop.http.get("/v1/drops?limit=200")).json()["items"]}
    assert code(await shop.http.post("/v1/drops", json=body | {"title": "Others"})) == (409, "drop_exists")


@pytest.mark.parametrize(
    ("changed", "status", "expected"),
    [
        ({"opens_at": "2026-12-24T18:00:00"}, 422, "invalid_request"),
        ({"opens_at": 5}, 422, "invalid_request"),
        ({"closes_at": "2020-01-01T00:00:00Z"}, 422, "invalid_request"),
        ({"skus": []}, 422, "invalid_request"),
        ({"skus": [{"sku": "NO-SUCH-SKU"}]}, 422, "unknown_sku"),
        ({"skus": [{"sku": "SCARF-SILK-01"}, {"sku": "SCARF-SILK-01"}]}, 422, "invalid_request"),
        ({"skus": [{"sku": "SCARF-SILK-01", "allotment": 0}]}, 422, "invalid_request"),
        ({"limit_per_customer": 0}, 422, "invalid_request"),
        ({"line_length": 10_001}, 422, "invalid_request"),
        ({"grant_seconds": 1}, 422, "invalid_request"),
        ({"early_access": {"gold": -1}}, 422, "invalid_request"),
        ({"early_access": {"gold": "1"}}, 422, "invalid_request"),
        ({"surprise": 1}, 422, "invalid_request"),
        ({"title": "a\x00b"}, 422, "invalid_request"),
        ({"id": "Not A Name"}, 422, "invalid_request"),
    ],
)
async def test_a_drop_that_makes_no_sense_is_refused(
    shop: Shop, changed: dict[str, object], status: int, expected: str
) -> None:
    before = shop.sql("SELECT count(*) FROM drops")
    answer = await shop.http.post("/v1/drops", json={"id": "wrong", **terms("SCARF-SILK-01"), **changed})
    assert code(answer) == (status, expected)
    assert shop.sql("SELECT count(*) FROM drops") == before


async def test_what_was_sold_stays_in_its_drop_and_in_one_only(shop: Shop) -> None:
    sku, other = shop.new_sku(5), shop.new_sku(5)
    drop = await new_drop(shop, sku)
    assert (await shop.buy(sku, quantity=2)).status_code == 201
    path = f"/v1/drops/{drop}"
    second = {"id": f"d-{uuid.uuid4().hex[:12]}", **terms(sku)}
    assert code(await shop.http.post("/v1/drops", json=second)) == (409, "sku_in_another_drop")
    few = terms(skus=[{"sku": sku, "allotment": 1}])
    assert code(await shop.edit(path, few)) == (409, "allotment_below_taken")
    assert code(await shop.edit(path, terms(other))) == (409, "sku_still_sold")
    assert code(await shop.http.put("/v1/drops/none", json=terms(other))) == (404, "not_found")
    assert code(await shop.http.get(f"{path}/line/tkt_none")) == (404, "not_found")
    assert (await shop.edit(path, terms(sku, other))).status_code == 200
