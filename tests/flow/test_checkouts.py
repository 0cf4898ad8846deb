"""From a cart to an order, or to none: each way a checkout can end."""

import asyncio
import uuid

import pytest
from temporalio.service import RPCError

from tests.flow.kit import PRICE, SHIPPING, Shop
from workflows.priorities import NOBODY_WAITS, SHOPPER_WAITS

THREE_DS = "pm_card_authenticationRequired"


async def nothing_held(shop: Shop, checkout: str, sku: str, count: int = 5) -> None:
    """The stock is free, and Stripe holds nothing."""
    assert shop.stock(sku) == (count, 0)
    intent = await shop.intent(checkout)
    assert (intent["status"], intent["amount_capturable"], intent["amount_received"]) == ("canceled", 0, 0)


async def test_server_mode_to_delivered(shop: Shop) -> None:
    await shop.carrier("pace", seconds=0.3)
    sku = shop.new_sku(5)
    total = 2 * PRICE + SHIPPING
    answer = await shop.buy(sku, quantity=2, expected_total=total)
    assert answer.status_code == 201, answer.text
    placed = answer.json()
    assert (placed["state"], placed["total"], placed["next_action"]) == ("completed", total, None)
    assert answer.headers["location"] == f"/v1/checkouts/{placed['id']}"

    # A whole life with the carrier's own pace: 4 s on a busy machine, and 16 were seen on one with ten jobs a core.
    order = await shop.order_in(placed["order_number"], "delivered", within=60)
    types = [event["type"] for event in order["timeline"]]
    assert [kind for kind in types if kind != "shipment.scan"] == [
        "checkout.opened",
        "payment.authorized",
        "order.placed",
        "shipment.label_bought",
        "payment.captured",
        "shipment.handed_over",
        "shipment.delivered",
        "order.delivered",
    ]
    assert types.index("shipment.scan") > types.index("shipment.label_bought")
    (parcel,) = order["shipments"]
    assert parcel["state"] == "delivered"
    assert [scan["status"] for scan in parcel["scans"]] == [
        "picked_up", "in_transit", "out_for_delivery", "delivered",
    ]  # fmt: skip
    assert (order["total"], order["shipping"], order["needs_attention"]) == (total, SHIPPING, False)
    assert (order["payment"]["state"], order["payment"]["captured"]) == ("captured", total)

    intent = await shop.intent(order["checkout_id"])
    assert (intent["status"], intent["amount_received"]) == ("succeeded", total)
    assert shop.stock(sku) == (3, 0)


async def test_what_support_sees_in_temporal(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    number, total = order["number"], PRICE + SHIPPING

    found, seen = await shop.attributes(shop.checkout_flow(order["checkout_id"]))
    assert found == {
        "Tenant": "demo", "CustomerId": order["customer_id"], "Currency": "EUR", "Skus": [sku],
        "Stage": "checkout", "NeedsAttention": False,
    } | {name: found[name] for name in found if name.startswith("Build")}  # fmt: skip
    assert await seen.static_summary() == "Checkout · 1 lines → Paris"
    details = await shop.details(shop.checkout_flow(order["checkout_id"]))
    assert f"Order {number} placed" in details

    found, seen = await shop.attributes(shop.order_flow(number))
    assert (found["Tenant"], found["OrderNumber"], found["Stage"]) == ("demo", number, "placed")
    assert (found["TotalMinor"], found["Currency"], found["Skus"]) == (total, "EUR", [sku])
    assert (found["CustomerId"], found["NeedsAttention"]) == (order["customer_id"], False)
    assert await seen.static_summary() == f"Order {number} · €115.00 · 1 item → Paris"
    assert "`cancel`" in await shop.details(shop.order_flow(number))

    found, seen = await shop.attributes(shop.parcel_flow(order))
    tracking = order["shipments"][0]["tracking_number"]
    assert (found["OrderNumber"], found["Stage"], found["TrackingNumber"]) == (number, "ready", tracking)
    assert await seen.static_summary() == f"Parcel of order {number} → Paris"
    assert "`hand_over`" in await shop.details(shop.parcel_flow(order))


async def test_a_checkout_goes_before_the_orders_of_others(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    flows = (shop.checkout_flow(order["checkout_id"]), shop.order_flow(order["number"]), shop.parcel_flow(order))
    seen = [(await flow.describe()).raw_description.workflow_execution_info for flow in flows]
    expected = [SHOPPER_WAITS, NOBODY_WAITS, NOBODY_WAITS]
    assert [one.priority.priority_key for one in seen] == [one.priority_key for one in expected]


async def test_client_mode_is_completed_by_the_webhook(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.waiting(sku)
    assert checkout["next_action"]["client_secret"].startswith("pi_")
    assert (checkout["order_number"], shop.stock(sku)) == (None, (5, 1))
    assert (await shop.browser_confirms(checkout)).status_code == 200

    done = await shop.checkout_in(checkout["id"], "completed")
    order = await shop.order(done["order_number"])
    assert (order["state"], order["payment"]["state"]) == ("placed", "authorized")
    assert "payment.action_required" in [event["type"] for event in order["timeline"]]
    assert (await shop.intent(checkout["id"]))["status"] == "requires_capture"
    result = await shop.ended(shop.checkout_flow(checkout["id"]))
    assert (result["state"], result["order_number"]) == ("completed", order["number"])
    assert shop.stock(sku) == (5, 1)


async def test_client_mode_confirm_needs_no_webhook(shop: Shop) -> None:
    await shop.stripe("webhooks", mode="drop")
    checkout = await shop.waiting(shop.new_sku())
    await shop.browser_confirms(checkout)
    answer = await shop.http.post(f"/v1/checkouts/{checkout['id']}/confirm")
    assert answer.json()["state"] == "completed", answer.text


async def test_client_mode_takes_another_card_after_a_decline(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.waiting(sku)
    assert (await shop.browser_confirms(checkout, "pm_card_chargeDeclined")).status_code == 402
    assert (await shop.browser_confirms(checkout)).status_code == 200
    await shop.checkout_in(checkout["id"], "completed")
    assert (await shop.intent(checkout["id"]))["attempts"] == 2


async def test_client_mode_ends_after_its_attempts(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.waiting(sku)
    for _ in range(3):
        assert (await shop.browser_confirms(checkout, "pm_card_chargeDeclined")).status_code == 402
        await shop.http.post(f"/v1/checkouts/{checkout['id']}/confirm")
    ended = await shop.checkout_in(checkout["id"], "failed")
    assert ended["reason"] == "card_declined"
    await shop.ended(shop.checkout_flow(checkout["id"]))
    await nothing_held(shop, checkout["id"], sku)


async def test_three_d_secure_passed(shop: Shop) -> None:
    sku, key = shop.new_sku(), uuid.uuid4().hex
    answer = await shop.buy(sku, card=THREE_DS, key=key)
    assert answer.status_code == 202, answer.text
    await shop.bank(answer.json(), "pass")
    done = await shop.checkout_in(answer.json()["id"], "completed")
    again = await shop.buy(sku, card=THREE_DS, key=key)
    assert (again.status_code, again.json()["order_number"]) == (201, done["order_number"])
    assert (await shop.intent(done["id"]))["status"] == "requires_capture"


async def test_three_d_secure_failed(shop: Shop) -> None:
    sku, key = shop.new_sku(), uuid.uuid4().hex
    answer = await shop.buy(sku, card=THREE_DS, key=key)
    await shop.bank(answer.json(), "fail")
    ended = await shop.checkout_in(answer.json()["id"], "failed")
    assert (ended["reason"], ended["order_number"]) == ("authentication_failed", None)
    again = await shop.buy(sku, card=THREE_DS, key=key)
    assert (again.status_code, again.json()["code"]) == (402, "authentication_failed")
    assert (await shop.ended(shop.checkout_flow(ended["id"])))["state"] == "failed"
    await nothing_held(shop, ended["id"], sku)


async def test_three_d_secure_abandoned(shop: Shop) -> None:
    sku, key = shop.new_sku(), uuid.uuid4().hex
    answer = await shop.buy(sku, card=THREE_DS, key=key)
    number = answer.json()["id"]
    assert shop.stock(sku) == (5, 1)
    await shop.skip_time(shop.checkout_flow(number))
    ended = await shop.checkout_in(number, "expired")
    assert ended["reason"] == "reservation_expired"
    assert (await shop.ended(shop.checkout_flow(number)))["state"] == "expired"
    again = await shop.buy(sku, card=THREE_DS, key=key)
    assert (again.status_code, again.json()["code"]) == (410, "reservation_expired")
    await nothing_held(shop, number, sku)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
async def test_a_declined_card(shop: Shop, card: str, code: str) -> None:
    sku, key = shop.new_sku(), uuid.uuid4().hex
    answer = await shop.buy(sku, card=card, key=key)
    assert (answer.status_code, answer.json()["code"]) == (402, code)
    assert answer.headers["content-type"] == "application/problem+json"
    number = answer.json()["checkout_id"]
    checkout = await shop.checkout(number)
    assert (checkout["state"], checkout["reason"]) == ("failed", code)
    assert (await shop.buy(sku, card=card, key=key)).json()["code"] == code
    await shop.ended(shop.checkout_flow(number))
    await nothing_held(shop, number, sku)


async def test_sold_out_is_told_without_a_workflow_and_stays_so(shop: Shop) -> None:
    sku, key = shop.new_sku(1), uuid.uuid4().hex
    answer = await shop.buy(sku, key=key, quantity=2)
    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
    number = answer.json()["checkout_id"]
    assert (await shop.checkout(number))["reason"] == "out_of_stock"
    assert await shop.intents(number) == []
    with pytest.raises(RPCError, match="not found"):
        await shop.checkout_flow(number).describe()
    assert shop.stock(sku) == (1, 0)
    shop.sql("UPDATE stock_levels SET on_hand = 9 WHERE sku = :s RETURNING 1", s=sku)
    again = await shop.buy(sku, key=key, quantity=2)
    shop.sql("UPDATE stock_levels SET on_hand = 1 WHERE sku = :s RETURNING 1", s=sku)
    assert (again.json()["code"], again.json()["checkout_id"]) == ("out_of_stock", number)


async def test_ten_units_and_forty_buyers(shop: Shop) -> None:
    sku = shop.new_sku(10)
    answers = await asyncio.gather(*(shop.buy(sku) for _ in range(40)))
    orders = {answer.json()["order_number"] for answer in answers if answer.status_code == 201}
    losers = [answer for answer in answers if answer.status_code != 201]
    assert (len(orders), len(losers)) == (10, 30)
    assert {(loser.status_code, loser.json()["code"]) for loser in losers} == {(409, "out_of_stock")}
    assert shop.stock(sku) == (10, 10)


async def test_the_same_key_is_the_same_checkout(shop: Shop) -> None:
    sku, key = shop.new_sku(20), uuid.uuid4().hex
    first = await shop.buy(sku, key=key)
    again = await shop.buy(sku, key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (await shop.intent(first.json()["id"]))["attempts"] == 1
    other = await shop.buy(sku, key=key, quantity=2)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert shop.stock(sku) == (20, 1)


async def test_the_same_key_ten_times_at_once(shop: Shop) -> None:
    sku, key = shop.new_sku(20), uuid.uuid4().hex
    answers = await asyncio.gather(*(shop.buy(sku, key=key) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order_number"] for answer in answers}) == 1
    intent = await shop.intent(answers[0].json()["id"])
    assert (intent["status"], intent["attempts"]) == ("requires_capture", 1)
    assert shop.stock(sku) == (20, 1)


async def test_cancelled_before_payment(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.waiting(sku)
    answer = await shop.http.post(f"/v1/checkouts/{checkout['id']}/cancel", json={"reason": "too dear"})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled"), answer.text
    assert answer.json()["reason"] == "cancelled_by_shopper"
    assert (await shop.ended(shop.checkout_flow(checkout["id"])))["state"] == "cancelled"
    await nothing_held(shop, checkout["id"], sku)
    late = await shop.browser_confirms(checkout)
    assert late.status_code == 400
    again = await shop.http.post(f"/v1/checkouts/{checkout['id']}/cancel")
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")
