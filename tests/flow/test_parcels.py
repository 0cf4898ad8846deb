"""An order of two parcels: each is paid as it leaves, one goes and the other does not, and what is owed goes back."""

import asyncio
from typing import Any

import pytest

from domain.ids import api_key_hash, api_key_id
from tests.flow.kit import KEY, PRICE, SHIPPING, Shop, until
from tests.flow.parcels_kit import Parcels

FIRST = PRICE + SHIPPING


@pytest.fixture
def parcels(shop: Shop) -> Parcels:
    """Of the one shop."""
    return Parcels(shop)


def levels(shop: Shop, sku: str) -> dict[str, tuple[int, int]]:
    """On hand and reserved, place by place."""
    rows = shop.sql("SELECT location_id, on_hand, reserved FROM stock_levels WHERE sku = :s", s=sku)
    return {place: (on_hand, reserved) for place, on_hand, reserved in rows}


def without_multicapture(shop: Shop, order: dict[str, Any]) -> None:
    """As if the card, or the shop's account, could be captured once only."""
    shop.write("UPDATE payments SET multicapture = false WHERE checkout_id = :c", c=order["checkout_id"])


async def test_each_parcel_takes_its_share_as_it_leaves(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 2})
    assert [one["lines"][0]["quantity"] for one in order["shipments"]] == [1, 2]
    assert [one["location"] for one in order["shipments"]] == ["florence", "milan"]
    told = [one["message"] for one in order["timeline"] if one["type"] == "shipment.planned"]
    assert told == [f"Parcel 1 of 2 from florence: 1 x {sku}", f"Parcel 2 of 2 from milan: 2 x {sku}"]

    await parcels.deliver(order, 0)
    seen = await shop.order_in(order["number"], "shipped")
    assert await parcels.money(order) == ("authorized", FIRST, 0)
    assert [one["paid"] for one in seen["shipments"]] == [FIRST, None]
    assert levels(shop, sku) == {"florence": (4, 0), "milan": (2, 2)}
    await parcels.deliver(order, 1)
    seen = await shop.order_in(order["number"], "delivered")
    assert await parcels.money(order) == ("captured", FIRST + 2 * PRICE, 0)
    assert [one["paid"] for one in seen["shipments"]] == [FIRST, 2 * PRICE]
    assert levels(shop, sku) == {"florence": (4, 0), "milan": (0, 0)}
    assert not seen["needs_attention"]


async def test_the_rest_is_cancelled_when_one_has_gone(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 2})
    await shop.hand_over(parcels.alone(order, 0))
    answer = await parcels.cancel(order, reason="one is enough")
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert (seen["state"], seen["lines"][0]["cancelled"]) == ("shipped", 2)
    assert [one["state"] for one in seen["shipments"]] == ["handed_over", "cancelled"]
    (cancelled,) = seen["cancellations"]
    assert (cancelled["actor"], cancelled["lines"], cancelled["amount"], cancelled["refund"]) == (
        api_key_id(api_key_hash(KEY)), {sku: 2}, 2 * PRICE, 0,
    )  # fmt: skip
    assert await parcels.money(order) == ("captured", FIRST, 0)
    intent = await shop.intent(order["checkout_id"])
    assert (intent["status"], intent["amount_received"], intent["amount_capturable"]) == ("succeeded", FIRST, 0)
    assert levels(shop, sku) == {"florence": (4, 0), "milan": (2, 0)}
    assert (await shop.labels(parcels.alone(order, 1)))["labels_live"] == 0
    await shop.scan(parcels.alone(order, 0), "picked_up", "delivered")
    assert not (await shop.order_in(order["number"], "delivered"))["needs_attention"]
    await shop.skip_time(shop.order_flow(order["number"]))
    assert (await shop.ended(shop.order_flow(order["number"])))["state"] == "closed"


async def test_where_the_card_is_captured_once_the_first_parcel_takes_all_and_what_does_not_go_is_refunded(
    shop: Shop, parcels: Parcels
) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1})
    without_multicapture(shop, order)
    await shop.hand_over(parcels.alone(order, 0))
    assert await parcels.money(order) == ("captured", FIRST + PRICE, 0)
    answer = await parcels.cancel(order)
    assert answer.json()["cancellations"][0]["refund"] == PRICE, answer.text
    assert await parcels.money(order) == ("captured", FIRST + PRICE, PRICE)
    assert [one["paid"] for one in answer.json()["shipments"]] == [FIRST, 0]
    assert answer.json()["refunds"][0]["state"] == "succeeded"
    await shop.scan(parcels.alone(order, 0), "picked_up", "delivered")
    await shop.order_in(order["number"], "delivered")


async def test_there_the_second_parcel_leaves_without_another_capture(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1}, labelled=True)
    without_multicapture(shop, order)
    await parcels.deliver(order, 1)
    await parcels.deliver(order, 0)
    seen = await shop.order_in(order["number"], "delivered")
    assert [one["paid"] for one in seen["shipments"]] == [PRICE, FIRST]  # the first to leave carries the shipping
    assert await parcels.money(order) == ("captured", FIRST + PRICE, 0)


async def test_taken_at_once_a_cancelled_parcel_is_refunded_and_the_shipping_stays(
    shop: Shop, parcels: Parcels
) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1}, payment={"mode": "client", "capture": "automatic"})
    assert [one["paid"] for one in order["shipments"]] == [FIRST, PRICE]
    answer = await parcels.cancel(order, lines={sku: 1})
    assert [one["state"] for one in answer.json()["shipments"]] == ["label_bought", "cancelled"], answer.text
    assert await parcels.money(order) == ("captured", FIRST + PRICE, PRICE)
    await parcels.deliver(order, 0)
    await shop.order_in(order["number"], "delivered")


async def test_a_piece_is_cancelled_and_the_parcel_goes_with_less(shop: Shop, parcels: Parcels) -> None:
    sku, other = shop.new_sku(), shop.new_sku()
    order = await shop.bought(sku, lines=[{"sku": sku, "quantity": 3}, {"sku": other, "quantity": 1}])
    parcel = order["shipments"][0]["id"]
    assert (await shop.http.post(f"/v1/shipments/{parcel}/packed")).status_code == 204
    answer = await parcels.cancel(order, key="one-less", lines={sku: 1})
    assert answer.status_code == 200, answer.text
    assert answer.json()["shipments"][0]["packed_at"] is None
    assert "1 x " + sku + " cancelled: take it out" in await shop.details(parcels.flow(order, 0))
    again = await parcels.cancel(order, key="one-less", lines={sku: 1})
    assert (again.status_code, len(again.json()["cancellations"])) == (200, 1)
    reused = await parcels.cancel(order, key="one-less", lines={sku: 2})
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert levels(shop, sku) == {"florence": (5, 2)}
    await parcels.deliver(order, 0)
    assert await parcels.money(order) == ("captured", 3 * PRICE + SHIPPING, 0)
    intent = await shop.intent(order["checkout_id"])
    assert (intent["amount"], intent["amount_received"]) == (4 * PRICE + SHIPPING, 3 * PRICE + SHIPPING)
    await shop.order_in(order["number"], "delivered")


async def test_piece_by_piece_nothing_is_left_and_the_order_is_cancelled(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1})
    assert (await parcels.cancel(order, lines={sku: 1})).json()["state"] == "placed"
    answer = await parcels.cancel(order, lines={sku: 1})
    assert answer.json()["state"] == "cancelled", answer.text
    assert await parcels.money(order) == ("voided", 0, 0)
    assert levels(shop, sku) == {"florence": (5, 0), "milan": (1, 0)}
    assert [one["lines"] for one in answer.json()["cancellations"]] == [{sku: 1}, {sku: 1}]


async def test_what_has_gone_is_refused_and_can_be_returned(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1})
    await parcels.deliver(order, 0)
    too_many = await parcels.cancel(order, lines={sku: 2})
    assert (too_many.status_code, too_many.json()["code"]) == (409, "already_shipped")
    assert "only 1 are still here" in too_many.json()["detail"]
    await parcels.deliver(order, 1)
    await shop.order_in(order["number"], "delivered")
    late = await parcels.cancel(order)
    assert (late.status_code, late.json()["code"]) == (409, "already_shipped")
    assert "only returned" in late.json()["detail"]


async def test_the_second_capture_is_refused_and_that_parcel_is_cancelled(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1})
    await parcels.deliver(order, 0)
    intent = (await shop.intent(order["checkout_id"]))["id"]
    await shop.stripe("faults", operation="payment_intents.capture", payment_intent=intent, status=402)
    answer = await shop.hand_over(parcels.alone(order, 1))
    assert answer.json()["released"] is False, answer.text
    await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])
    cancelled = await parcels.cancel(order)
    assert [one["state"] for one in cancelled.json()["shipments"]] == ["delivered", "cancelled"], cancelled.text
    assert await parcels.money(order) == ("captured", FIRST, 0)
    await shop.order_in(order["number"], "delivered")
    await shop.order_flow(order["number"]).execute_update("acknowledge", {"actor": "Mia", "reason": "told"})


async def test_the_answer_to_the_second_capture_is_lost_and_it_is_taken_once(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1})
    await parcels.deliver(order, 0)
    intent = (await shop.intent(order["checkout_id"]))["id"]
    lost = {"operation": "payment_intents.capture", "payment_intent": intent, "when": "after", "status": None}
    await shop.stripe("faults", **lost, times=1)
    await parcels.deliver(order, 1)
    await shop.order_in(order["number"], "delivered")
    assert await parcels.money(order) == ("captured", FIRST + PRICE, 0)
    assert (await shop.intent(order["checkout_id"]))["amount_received"] == FIRST + PRICE


async def test_both_leave_at_once_and_each_is_paid(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1})
    await asyncio.gather(*(shop.hand_over(parcels.alone(order, place)) for place in (0, 1)))
    assert await parcels.money(order) == ("captured", FIRST + PRICE, 0)
    paid = [one["paid"] for one in (await shop.order(order["number"]))["shipments"]]
    assert sorted(paid) == [PRICE, FIRST]


async def test_one_arrives_and_the_other_is_lost(shop: Shop, parcels: Parcels) -> None:
    sku = shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1})
    await parcels.deliver(order, 0)
    await shop.hand_over(parcels.alone(order, 1))
    await shop.scan(parcels.alone(order, 1), "picked_up", "lost")
    seen = await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])
    assert (seen["state"], [one["state"] for one in seen["shipments"]]) == ("shipped", ["delivered", "lost"])


async def test_the_warehouse_says_how_far_it_is(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    parcel, flow = order["shipments"][0]["id"], shop.parcel_flow(order)
    for stage in ("picked", "packed", "picked"):
        answer = await shop.http.post(f"/v1/shipments/{parcel}/{stage}", json={"actor": "Ugo"})
        assert answer.status_code == 204, answer.text
    assert (await shop.attributes(flow))[0]["Stage"] == "packed"
    assert "Packed by Ugo" in await shop.details(flow)
    seen = (await shop.order(order["number"]))["shipments"][0]
    assert seen["picked_at"] <= seen["packed_at"]
    await shop.hand_over(order)
    late = await shop.http.post(f"/v1/shipments/{parcel}/packed")
    assert (late.status_code, late.json()["code"]) == (409, "already_shipped")
