"""Parts of the stack die and come back. These disturb everything, so they run last."""

import asyncio
import uuid

import httpx
import pytest
from temporalio.service import RPCError

from domain.ids import checkout_id
from domain.shipments import TrackingNews
from tests.flow.kit import TENANT, Shop, until
from tests.flow.test_backorder import set_terms
from tests.flow.test_sweeper import overdue, sweep


async def test_the_api_dies_while_a_checkout_waits(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.waiting(sku)
    await shop.stripe("webhooks", mode="hold")
    shop.stack.kill("api-1")
    try:
        assert (await shop.browser_confirms(checkout)).status_code == 200
    finally:
        shop.stack.start("api-1")
    assert (await shop.checkout(checkout["id"]))["state"] == "awaiting_payment"
    await shop.stripe("webhooks/release")
    done = await shop.checkout_in(checkout["id"], "completed")
    assert (await shop.order(done["order_number"]))["payment"]["state"] == "authorized"
    assert (await shop.intent(checkout["id"]))["attempts"] == 1
    assert shop.stock(sku) == (5, 1)


async def test_the_api_dies_before_it_has_said_that_stock_has_come(shop: Shop) -> None:
    sku = shop.new_sku(0)
    await set_terms(shop, sku, backorder_limit=1)
    order = await shop.bought(sku, labelled=False)
    shop.stack.kill("api-1")
    try:
        came = "SELECT adjust_stock(:key, 'x', 'florence', :sku, 'received', 1, 'delivery')"
        shop.write(came, key=f"came-{sku}", sku=sku)
    finally:
        shop.stack.start("api-1")
    labelled = await shop.labelled(order["number"])
    assert labelled["shipments"][0]["waits_for_stock"] is False
    assert (await shop.hand_over(labelled)).json()["released"]


async def test_the_worker_is_killed_while_stripe_is_asked(shop: Shop) -> None:
    sku, key = shop.new_sku(), uuid.uuid4().hex
    await shop.stripe("faults", operation="payment_intents.create", when="before", status=200, delay_seconds=1.5)
    asking = asyncio.create_task(shop.buy(sku, key=key))

    async def struck() -> int:
        answer = await shop.http.get(f"{shop.links.stripe}/_control/faults")
        return sum(fault["struck"] for fault in answer.json()["faults"])

    try:
        await until(struck)
        shop.stack.kill("worker-1")
    finally:
        shop.stack.start("worker-1")
    first = await asking
    assert first.status_code in (201, 202), first.text
    done = await shop.checkout_in(first.json()["id"], "completed", within=60)
    again = await shop.buy(sku, key=key)
    assert (again.status_code, again.json()["order_number"]) == (201, done["order_number"])
    intent = await shop.intent(done["id"])
    assert (intent["status"], intent["attempts"]) == ("requires_capture", 1)
    assert shop.stock(sku) == (5, 1)


async def _opened_without_temporal(shop: Shop) -> tuple[str, list[str], list[asyncio.Task[httpx.Response]]]:
    """A SKU, and two keys under which it is being bought: the rows are there, and Temporal is frozen.

    Nothing is opened unless Temporal was seen a moment ago, and on a busy machine that moment passes: then once more.
    """
    for _ in range(5):
        sku, keys = shop.new_sku(2), [uuid.uuid4().hex, uuid.uuid4().hex]
        one, two = (checkout_id(TENANT, key) for key in keys)

        async def opened(one: str = one, two: str = two) -> list[tuple[object, ...]]:
            return shop.sql("SELECT state FROM checkouts WHERE checkout_id IN (:a, :b)", a=one, b=two)

        assert (await shop.buy(sku, quantity=9)).status_code == 409  # Temporal is seen
        shop.stack.freeze("temporal")
        buying = [asyncio.create_task(shop.buy(sku, key=key)) for key in keys]
        try:
            await until(opened, lambda seen: seen == [("open",), ("open",)], within=10)
        except AssertionError:
            shop.stack.thaw("temporal")
            await asyncio.gather(*buying, return_exceptions=True)
            continue
        return sku, keys, buying
    raise AssertionError("Temporal was never seen so lately that a checkout was opened")


async def test_the_api_dies_between_opening_and_starting(shop: Shop) -> None:
    """One buyer repeats with the same key and gets the order; of the other the sweeper ends what was begun."""
    sku, keys, buying = await _opened_without_temporal(shop)
    one, two = (checkout_id(TENANT, key) for key in keys)
    shop.stack.kill("api-1")
    shop.stack.kill("temporal")  # what it was sent and has not read is gone
    shop.stack.start("temporal")
    shop.stack.start("api-1")
    lost = await asyncio.gather(*buying, return_exceptions=True)
    assert all(isinstance(answer, Exception) for answer in lost)
    for number in (one, two):
        with pytest.raises(RPCError, match="not found"):
            await shop.checkout_flow(number).describe()
    assert shop.stock(sku) == (2, 2)

    async def again() -> int:
        return (await shop.buy(sku, key=keys[0])).status_code

    await until(again, lambda status: status == 201, within=60)
    overdue(shop, two)
    assert await sweep(shop) == 1
    assert (await shop.checkout_in(two, "expired"))["reason"] == "reservation_expired"
    assert shop.stock(sku) == (2, 1)
    assert (await shop.buy(sku, key=keys[1])).status_code == 410
    assert [len(await shop.intents(number)) for number in (one, two)] == [1, 0]


async def test_what_is_odd_of_a_parcel_that_has_arrived_calls_nobody(shop: Shop) -> None:
    """Both are told while no worker runs, so that the parcel's process hears of them in the same moment."""
    order = await shop.bought(shop.new_sku())
    assert (await shop.hand_over(order)).json()["released"] is True
    shop.stack.kill("worker-1")
    try:
        await shop.scan(order, "delivered", "on_hold")

        async def told() -> set[str]:
            """What of: a word whose answer was lost is told again, and one of a parcel not known to have left, too."""
            history = await shop.parcel_flow(order).fetch_history()
            signals = [one.workflow_execution_signaled_event_attributes for one in history.events]
            words = [one.input.payloads for one in signals if one.signal_name == "tracking"]
            convert = shop.temporal.data_converter
            return {news.status for word in words for news in await convert.decode(word, [TrackingNews])}

        await until(told, lambda seen: {"delivered", "on_hold"} <= seen)
    finally:
        shop.stack.start("worker-1")
    assert (await shop.order_in(order["number"], "delivered"))["attention_reason"] is None


async def test_temporal_is_away(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    checkout = await shop.waiting(sku)
    shop.stack.stop("temporal")
    try:
        assert (await shop.order(order["number"]))["state"] == "placed"
        assert (await shop.checkout(checkout["id"]))["state"] == "awaiting_payment"
        ready = await shop.http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"] | {"temporal": ""} == {
            "database": "ok",
            "migrations": "ok",
            "temporal": "",
        }
        assert ready.json()["checks"]["temporal"] != "ok"
        assert (await shop.http.get("/livez")).status_code == 200

        key = uuid.uuid4().hex
        refused, confirmed = await asyncio.gather(shop.buy(sku, key=key), shop.browser_confirms(checkout))
        assert (refused.status_code, refused.json()["code"]) == (503, "temporarily_unavailable"), refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert confirmed.status_code == 200

        async def stored() -> list[object]:
            query = "SELECT 1 FROM inbox WHERE handled_at IS NULL AND convert_from(body, 'UTF8') LIKE :like"
            return list(shop.sql(query, like=f"%{checkout['id']}%"))

        await until(stored)
        assert shop.stock(sku) == (5, 2)
    finally:
        shop.stack.start("temporal")
    await shop.checkout_in(checkout["id"], "completed", within=60)

    async def ready_again() -> int:
        return (await shop.http.get("/readyz")).status_code

    await until(ready_again, lambda status: status == 200, within=30)
    late = await shop.buy(sku, key=key)
    assert late.status_code == 201, late.text
    assert shop.stock(sku) == (5, 3)
