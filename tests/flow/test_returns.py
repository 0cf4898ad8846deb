"""What was delivered comes back: each way in which a return can end, and each step of it failing."""

import asyncio
import json
from datetime import timedelta

import pytest

from tests.flow.kit import PRICE, SHIPPING, Shop, until
from tests.flow.returns_kit import Returns

TOTAL = PRICE + SHIPPING
DISPUTED = {"code": "charge_disputed", "message": "This charge is disputed."}


@pytest.fixture
def back(shop: Shop) -> Returns:
    """What is asked of the shop."""
    return Returns(shop)


async def test_all_of_an_order_comes_back_and_all_that_was_paid_is_refunded(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    assert all(one[name] for name in ("label_url", "tracking_number", "due_at"))
    await back.scan(one, "picked_up", "in_transit")
    await back.seen_in(one, "in_transit")
    await back.scan(one, "delivered")
    assert (await back.act(one, "receive", reason="at the gate", actor="Ugo")).status_code == 200
    assert shop.stock(sku) == (4, 0)
    await back.inspect(one, sku, restock=1)
    seen = await back.seen_in(one, "refunded")
    assert (seen["goods"], seen["shipping"], seen["label_charge"], seen["refund"]) == (PRICE, SHIPPING, 0, TOTAL)
    assert shop.stock(sku) == (5, 0)
    assert await back.refunded(order) == TOTAL
    assert [step["state"] for step in seen["steps"]] == [
        "requested", "approved", "label_sent", "in_transit", "received", "inspected", "inspected", "refunded",
    ]  # fmt: skip
    assert seen["steps"][4]["actor"].startswith("Ugo (key_")


async def test_pieces_that_come_back_one_by_one_are_worth_exactly_what_was_paid(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku, 3)
    shares = [(await back.through(order, sku))["refund"] for _ in range(3)]
    assert sum(shares) == order["total"]
    assert shares == [PRICE, PRICE, PRICE + SHIPPING]
    answer = await back.ask(order, sku)
    assert (answer.status_code, answer.json()["code"]) == (409, "more_than_delivered")
    listed = await shop.http.get(f"/v1/orders/{order['number']}/returns", params={"limit": 2})
    rest = {"limit": 2, "cursor": listed.json()["next_cursor"]}
    more = await shop.http.get(f"/v1/orders/{order['number']}/returns", params=rest)
    assert (len(listed.json()["items"]), len(more.json()["items"]), more.json()["next_cursor"]) == (2, 1, None)


async def test_what_is_damaged_is_paid_back_and_what_is_not_accepted_is_not(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku, 3)
    one = await back.through(order, sku, 3, restock=1, damaged=1, rejected=1)
    assert (one["state"], one["refund"]) == ("refunded", 2 * PRICE)
    assert shop.stock(sku) == (3, 0)
    seen = await shop.order(order["number"])
    assert "send them back" in seen["attention_reason"]
    assert (await back.ask(order, sku)).json()["code"] == "more_than_delivered"


async def test_nothing_is_paid_back_when_nothing_is_accepted(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.through(order, sku, 1, rejected=1)
    assert (one["state"], one["refund"], await back.refunded(order)) == ("rejected", 0, 0)


async def test_one_that_costs_more_waits_for_a_person_who_says_no(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku, 2)
    one = (await back.ask(order, sku, 2)).json()
    assert one["state"] == "requested"
    assert (await shop.order(order["number"]))["needs_attention"]
    assert "`approve`" in await shop.details(back.flow(one))
    answer = await back.act(one, "receive")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_now")
    assert (await back.act(one, "reject", reason="worn", actor="Mia")).json()["state"] == "rejected"
    assert (await back.act(one, "approve", reason="no, yes")).status_code == 409
    seen = await until(lambda: shop.order(order["number"]), lambda found: not found["needs_attention"])
    assert seen["state"] == "delivered"
    assert (await back.ask(order, sku, 2)).status_code == 201


async def test_one_that_is_given_up_gives_its_label_back(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    assert (await back.act(one, "cancel", reason="keeps it")).json()["state"] == "cancelled"
    await shop.ended(back.flow(one))
    state = (await shop.carrier("state")).json()["references"][one["id"]]
    assert state["shipments"][0]["state"] == "voided"
    assert (await back.ask(order, sku)).status_code == 201


async def test_what_is_not_sent_in_time_expires(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    await shop.skip_time(back.flow(one))
    await back.seen_in(one, "expired")
    answer = await back.act(one, "receive")
    assert answer.status_code == 409
    assert await back.refunded(order) == 0


async def test_one_that_is_not_inspected_is_brought_before_a_person(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    await back.act(one, "receive")
    await shop.skip_time(back.flow(one), timedelta(days=4))
    await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])
    await back.inspect(one, sku, restock=1)
    await back.seen_in(one, "refunded")
    await until(lambda: shop.order(order["number"]), lambda seen: not seen["needs_attention"])


async def test_an_order_is_not_closed_before_its_returns_have_ended(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    flow = shop.order_flow(order["number"])
    await shop.skip_time(flow, timedelta(days=31))

    async def page() -> str:
        return await shop.details(flow)

    await until(page, lambda seen: "what is to come back is waited for" in seen)
    assert (await shop.order(order["number"]))["state"] == "delivered"
    await back.act(one, "receive")
    await back.inspect(one, sku, restock=1)
    await shop.order_in(order["number"], "closed")
    assert await back.refunded(order) == TOTAL
    assert (await back.ask(order, sku)).json()["code"] == "return_window_over"


async def test_a_label_that_the_carrier_refuses_is_tried_again(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    await shop.carrier("faults", operation="buy", status=422)
    one = (await back.ask(order, sku)).json()
    await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])
    await shop.skip_time(back.flow(one), timedelta(hours=2))
    await back.seen_in(one, "label_sent")
    await until(lambda: shop.order(order["number"]), lambda seen: not seen["needs_attention"])


async def test_one_brought_to_the_shop_needs_no_label(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    await shop.carrier("faults", operation="buy", status=422)
    one = (await back.ask(order, sku)).json()
    await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])
    assert (await back.act(one, "receive")).json()["state"] == "received"
    await back.inspect(one, sku, restock=1)
    await back.seen_in(one, "refunded")


async def test_a_refund_that_is_refused_calls_a_person_and_is_made_once(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    await back.act(one, "receive")
    await shop.stripe("faults", operation="refunds.create", status=400, error=DISPUTED)
    await back.inspect(one, sku, restock=1)
    await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])
    await shop.skip_time(back.flow(one), timedelta(hours=2))
    await back.seen_in(one, "refunded")
    assert await back.refunded(order) == TOTAL


async def test_an_answer_of_stripe_that_is_lost_is_not_a_second_refund(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    await back.act(one, "receive")
    await shop.stripe("faults", operation="refunds.create", when="after", status=None)
    await back.inspect(one, sku, restock=1)
    await back.seen_in(one, "refunded")
    made = (await shop.order(order["number"]))["refunds"]
    assert [(refund["id"], refund["amount"]) for refund in made] == [((await back.seen(one))["refund_id"], TOTAL)]


async def test_a_refund_that_settles_for_days_is_followed(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku, card="pm_card_pendingRefund")
    one = await back.through(order, sku)
    assert one["state"] == "refunded"
    await shop.stripe("advance", seconds=20)
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["refunds"][0]["state"] == "succeeded")
    assert seen["refunds"][0]["id"] == one["refund_id"]


async def test_what_was_refunded_before_is_not_refunded_again(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    goodwill = {"Idempotency-Key": "goodwill-" + order["number"]}
    await shop.http.post(f"/v1/orders/{order['number']}/refunds", json={"amount": TOTAL - 100}, headers=goodwill)
    await back.act(one, "receive")
    await back.inspect(one, sku, restock=1)
    seen = await back.seen_in(one, "refunded")
    assert (seen["refund"], await back.refunded(order)) == (100, TOTAL)


async def test_scans_and_acts_that_come_twice_count_once(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    await shop.carrier("webhooks", mode="normal", duplicate=2, reorder=True)
    await back.scan(one, "picked_up", "in_transit", "delivered")
    await back.seen_in(one, "in_transit")
    for _ in range(2):
        assert (await back.act(one, "receive")).json()["state"] == "received"
    for _ in range(2):
        assert (await back.inspect(one, sku, restock=1)).status_code == 200
    await back.seen_in(one, "refunded")
    assert (await back.refunded(order), shop.stock(sku)) == (TOTAL, (5, 0))


async def test_the_same_key_is_the_same_return_and_a_crowd_gets_no_more_than_there_is(
    shop: Shop, back: Returns
) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    first, again = [await back.ask(order, sku, key=f"k-{order['number']}") for _ in range(2)]
    assert first.json()["id"] == again.json()["id"]
    other = await back.ask(order, sku, reason="damaged", key=f"k-{order['number']}")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    crowd = await asyncio.gather(*(back.ask(order, sku) for _ in range(4)))
    assert {answer.json()["code"] for answer in crowd} == {"more_than_delivered"}


async def test_a_worker_that_dies_between_the_inspection_and_the_refund(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    await back.act(one, "receive")
    await shop.stripe("faults", operation="refunds.create", when="after", status=None)
    asked = asyncio.create_task(back.inspect(one, sku, restock=1))
    await until(lambda: back.seen(one), lambda seen: seen["refund"])
    shop.stack.kill("worker-1")
    shop.stack.start("worker-1")
    await asked
    await back.seen_in(one, "refunded")
    assert (await back.refunded(order), shop.stock(sku)) == (TOTAL, (5, 0))


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"lines": []}, 422, "invalid_request"),
        ({"lines": [{"sku": "S", "quantity": 0, "reason": "damaged"}]}, 422, "invalid_request"),
        ({"lines": [{"sku": "S", "quantity": 1, "reason": "bored"}]}, 422, "invalid_request"),
        ({"lines": [{"sku": "S", "quantity": 1}]}, 422, "invalid_request"),
        ({"lines": [{"sku": "S", "quantity": 1, "reason": "damaged"}] * 2}, 422, "invalid_request"),
        ({"surprise": 1}, 422, "invalid_request"),
        ({"lines": [{"sku": "NO-SUCH", "quantity": 1, "reason": "damaged"}]}, 422, "not_in_parcel"),
        ({"lines": [{"sku": "S", "quantity": 1, "reason": "damaged", "shipment": "shp_1"}]}, 422, "not_in_parcel"),
        ({}, 409, "not_delivered"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wrong_request_is_refused_and_changes_nothing(
    shop: Shop, changed: dict[str, object], status: int, code: str
) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku, labelled=False)
    body = {"lines": [{"sku": "S", "quantity": 1, "reason": "damaged"}], **changed}
    text = json.dumps(body).replace('"S"', f'"{sku}"')
    count = "SELECT count(*) FROM returns"
    before = shop.sql(count)
    answer = await shop.http.post(
        f"/v1/orders/{order['number']}/returns", json=json.loads(text), headers={"Idempotency-Key": order["number"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert shop.sql(count) == before


async def test_an_inspection_that_misses_a_piece_is_refused(shop: Shop, back: Returns) -> None:
    sku = shop.new_sku()
    order = await back.delivered(sku)
    one = await back.labelled(order, sku)
    assert (await back.inspect(one, sku, restock=1)).json()["code"] == "not_now"
    await back.act(one, "receive")
    assert (await back.inspect(one, sku, restock=2)).json()["code"] == "inspection_incomplete"
    assert (await back.inspect(one, "OTHER", restock=1)).json()["code"] == "not_in_parcel"
    assert (await back.inspect(one, sku, damaged=1)).status_code == 200
    await back.seen_in(one, "refunded")
    assert shop.stock(sku) == (4, 0)
