"""Something else instead of money: each way in which an exchange can end, and a crash in the middle of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.ids import shipment_workflow
from tests.flow.exchanges_kit import Exchanges
from tests.flow.kit import PRICE, SHIPPING, TENANT, Shop, until


@pytest.fixture
def back(shop: Shop) -> Exchanges:
    """What is asked of the shop."""
    return Exchanges(shop)


async def test_another_size_for_the_same_money(shop: Shop, back: Exchanges) -> None:
    small, large = shop.new_sku(), shop.new_sku()
    order = await back.delivered(small)
    one = await back.wished(order, (small, 1, large))
    assert (one["exchange"], shop.stock(large)) == (
        {"state": "reserved", "location": "florence", "shipment": None}, (5, 1),
    )  # fmt: skip
    captured = (await shop.intent(order["checkout_id"]))["amount_received"]
    done = await back.inspected(one, {"sku": small, "restock": 1})
    assert (done["state"], done["refund"], done["exchange"]["state"]) == ("exchanged", 0, "sent")
    await back.send(order, done, "picked_up", "delivered")
    parcel = await back.parcel(order, done, "delivered")
    assert [(line["sku"], line["quantity"]) for line in parcel["lines"]] == [(large, 1)]
    assert (shop.stock(small), shop.stock(large), await back.refunded(order)) == ((5, 0), (4, 0), 0)
    assert (await shop.intent(order["checkout_id"]))["amount_received"] == captured
    moved = shop.sql("SELECT kind, quantity, cause FROM stock_movements WHERE sku = :s ORDER BY movement_id", s=large)
    assert [(kind, count) for kind, count, _ in moved[1:]] == [("reserved", 1), ("allocated", 1), ("shipped", 1)]
    assert moved[2][2] == f"exchange {one['id']}"
    await shop.ended(back.flow(one))
    assert (await shop.order(order["number"]))["state"] == "delivered"


async def test_what_costs_less_is_sent_and_the_difference_is_paid_back(shop: Shop, back: Exchanges) -> None:
    dear, cheap = shop.new_sku(), back.costing(3_333)
    order = await back.delivered(dear, 3)
    done = await back.inspected(
        await back.wished(order, (dear, 3, cheap)), {"sku": dear, "restock": 1, "damaged": 1, "rejected": 1}
    )
    (line,) = done["lines"]
    assert (line["exchange_price"], line["exchanged"], line["exchanged_value"]) == (9_999, 2, 6_666)
    assert (done["state"], done["refund"], done["shipping"]) == ("exchanged", 2 * PRICE - 6_666, 0)
    assert (shop.stock(dear), shop.stock(cheap)) == ((3, 0), (5, 2))
    await back.send(order, done, "picked_up", "delivered")
    await back.parcel(order, done, "delivered")
    await shop.ended(back.flow(done))
    again = await back.through(order, cheap, 2)
    assert again["refund"] == 6_666
    assert await back.refunded(order) == 2 * PRICE


async def test_what_costs_more_is_refused_with_the_reason(shop: Shop, back: Exchanges) -> None:
    sku, dear = shop.new_sku(), back.costing(PRICE + 1)
    order = await back.delivered(sku)
    answer = await back.wish(order, (sku, 1, dear))
    assert (answer.status_code, answer.json()["code"]) == (409, "exchange_costs_more")
    assert "€100.01" in answer.json()["detail"]
    unknown = await back.wish(order, (sku, 1, "NO-SUCH"))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_sku")
    assert shop.sql("SELECT 1 FROM returns WHERE order_number = :n", n=order["number"]) == []


async def test_none_is_left_so_it_is_refunded_and_told(shop: Shop, back: Exchanges) -> None:
    sku, gone = shop.new_sku(), shop.new_sku(0)
    order = await back.delivered(sku)
    one = await back.wished(order, (sku, 1, gone))
    assert one["exchange"] == {"state": "none_left", "location": None, "shipment": None}
    assert any("none is left" in step["note"] for step in one["steps"])
    done = await back.inspected(one, {"sku": sku, "restock": 1})
    assert (done["state"], done["refund"], shop.stock(gone)) == ("refunded", PRICE + SHIPPING, (0, 0))


async def test_the_last_one_is_one_customers_only(shop: Shop, back: Exchanges) -> None:
    sku, last = shop.new_sku(), shop.new_sku(1)
    orders = [await back.delivered(sku) for _ in range(2)]
    await asyncio.gather(*(back.wish(order, (sku, 1, last)) for order in orders))
    ((first,), (second,)) = [
        (await shop.http.get(f"/v1/orders/{order['number']}/returns")).json()["items"] for order in orders
    ]
    assert sorted(one["exchange"]["state"] for one in (first, second)) == ["none_left", "reserved"]
    assert shop.stock(last) == (1, 1)
    assert (await shop.buy(last)).json()["code"] == "out_of_stock"


@pytest.mark.parametrize("end", ["rejected", "cancelled", "expired"])
async def test_what_is_not_exchanged_after_all_is_free_again(shop: Shop, back: Exchanges, end: str) -> None:
    sku, wanted = shop.new_sku(), shop.new_sku()
    order = await back.delivered(sku)
    one = await back.wished(order, (sku, 1, wanted))
    assert shop.stock(wanted) == (5, 1)
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "rejected": lambda: back.inspected(one, {"sku": sku, "rejected": 1}),
        "cancelled": lambda: back.act(one, "cancel", reason="keeps it"),
        "expired": lambda: shop.skip_time(back.flow(one)),
    }
    await ways[end]()
    seen = await back.seen_in(one, end)
    assert (seen["exchange"]["state"], shop.stock(wanted), await back.refunded(order)) == ("released", (5, 0), 0)


async def test_one_line_is_exchanged_and_another_is_refunded(shop: Shop, back: Exchanges) -> None:
    one, two, wanted = shop.new_sku(), shop.new_sku(), shop.new_sku()
    lines = [{"sku": sku, "quantity": 1} for sku in (one, two)]
    order = await back.delivered(one, lines=lines)
    back_again = await back.wished(order, (one, 1, wanted), (two, 1, None))
    done = await back.inspected(back_again, {"sku": one, "restock": 1}, {"sku": two, "restock": 1})
    assert (done["state"], done["refund"]) == ("exchanged", PRICE)
    assert (shop.stock(wanted), await back.refunded(order)) == ((5, 1), PRICE)


async def test_what_was_paid_back_by_hand_before_is_not_exchanged_as_well(shop: Shop, back: Exchanges) -> None:
    sku, wanted = shop.new_sku(), shop.new_sku()
    order = await back.delivered(sku)
    one = await back.wished(order, (sku, 1, wanted))
    headers = {"Idempotency-Key": "goodwill-" + order["number"]}
    await shop.http.post(f"/v1/orders/{order['number']}/refunds", json={"amount": PRICE}, headers=headers)
    done = await back.inspected(one, {"sku": sku, "restock": 1})
    assert (done["state"], done["exchange"]["state"], done["refund"]) == ("refunded", "released", SHIPPING)
    assert (shop.stock(wanted), await back.refunded(order)) == ((5, 0), PRICE + SHIPPING)


async def test_a_worker_that_dies_as_it_is_inspected_sends_one_parcel(shop: Shop, back: Exchanges) -> None:
    dear, cheap = shop.new_sku(), back.costing(4_000)
    order = await back.delivered(dear)
    one = await back.wished(order, (dear, 1, cheap))
    await back.act(one, "receive")
    await shop.stripe("faults", operation="refunds.create", when="after", status=None)
    asked = asyncio.create_task(back.act(one, "inspect", lines=[{"sku": dear, "restock": 1}]))
    await until(lambda: back.seen(one), lambda seen: seen["refund"])
    shop.stack.kill("worker-1")
    shop.stack.start("worker-1")
    await asked
    done = await back.seen_in(one, "exchanged")
    assert (await back.refunded(order), shop.stock(cheap)) == (PRICE - 4_000, (5, 1))
    await back.send(order, done, "picked_up", "delivered")
    await back.parcel(order, done, "delivered")
    assert (len((await shop.order(order["number"]))["shipments"]), shop.stock(cheap)) == (2, (4, 0))
    assert (await shop.intent(order["checkout_id"]))["refunds"] == 1


async def test_an_order_waits_for_what_goes_out_instead_and_a_person_hears_if_it_is_lost(
    shop: Shop, back: Exchanges
) -> None:
    sku, wanted = shop.new_sku(), shop.new_sku()
    order = await back.delivered(sku)
    done = await back.inspected(await back.wished(order, (sku, 1, wanted)), {"sku": sku, "restock": 1})
    await shop.skip_time(shop.order_flow(order["number"]))

    async def page() -> str:
        return await shop.details(shop.order_flow(order["number"]))

    await until(page, lambda seen: "waited for" in seen)
    assert (await shop.order(order["number"]))["state"] == "delivered"
    await back.send(order, done, "picked_up", "lost")
    why = "went out for a return ended lost"  # the parcel calls first, and then the return
    await until(lambda: shop.order(order["number"]), lambda found: why in (found["attention_reason"] or ""))
    flow = shop.temporal.get_workflow_handle(shipment_workflow(TENANT, done["exchange"]["shipment"]))
    assert (await shop.ended(flow))["state"] == "lost"
    await shop.order_in(order["number"], "closed")
