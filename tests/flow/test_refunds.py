"""Money goes back after it was captured: in part, whole, slowly, not at all, or by a hand at Stripe."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from tests.flow.kit import PRICE, SHIPPING, Shop, until

TOTAL = PRICE + SHIPPING


async def shipped(shop: Shop, card: str = "pm_card_visa") -> dict[str, Any]:
    """An order whose parcel has left and whose payment is captured."""
    order = await shop.bought(shop.new_sku(), card=card)
    assert (await shop.hand_over(order)).json()["released"] is True
    return await shop.order_in(order["number"], "shipped")


async def refund(shop: Shop, order: dict[str, Any], key: str | None = None, **body: Any) -> httpx.Response:
    """`POST /v1/orders/{number}/refunds`."""
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    return await shop.http.post(f"/v1/orders/{order['number']}/refunds", json=body, headers=headers)


async def test_in_part_and_whole(shop: Shop) -> None:
    order = await shipped(shop)
    part = await refund(shop, order, amount=4_000)
    assert (part.status_code, part.json()["state"], part.json()["amount"]) == (201, "succeeded", 4_000), part.text
    seen = await shop.order(order["number"])
    assert (seen["payment"]["state"], seen["payment"]["refunded"]) == ("captured", 4_000)

    too_much = await refund(shop, order, amount=TOTAL - 3_999)
    assert (too_much.status_code, too_much.json()["code"]) == (409, "refund_exceeds_captured")
    assert too_much.json()["facts"] == {"refundable": str(TOTAL - 4_000)}

    rest = await refund(shop, order)
    assert (rest.status_code, rest.json()["amount"]) == (201, TOTAL - 4_000)
    seen = await shop.order(order["number"])
    assert (seen["payment"]["state"], seen["payment"]["refunded"]) == ("refunded", TOTAL)
    assert [one["state"] for one in seen["refunds"]] == ["succeeded", "succeeded"]
    assert (await refund(shop, order, amount=1)).json()["code"] == "refund_exceeds_captured"
    assert (await shop.intent(order["checkout_id"]))["refunds"] == 2


async def test_the_same_key_is_the_same_refund(shop: Shop) -> None:
    order, key = await shipped(shop), uuid.uuid4().hex
    answers = await asyncio.gather(*(refund(shop, order, key, amount=1_000) for _ in range(8)))
    assert {(one.status_code, one.json()["id"]) for one in answers} == {(201, answers[0].json()["id"])}
    other = await refund(shop, order, key, amount=2_000)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await shop.order(order["number"]))["payment"]["refunded"] == 1_000


async def test_many_at_once_never_exceed_what_was_captured(shop: Shop) -> None:
    order = await shipped(shop)
    answers = await asyncio.gather(*(refund(shop, order, amount=2_000) for _ in range(10)))
    good = [one for one in answers if one.status_code == 201]
    assert len(good) == TOTAL // 2_000, [one.text for one in answers]
    assert {one.json()["code"] for one in answers if one.status_code != 201} == {"refund_exceeds_captured"}


async def test_before_the_capture_there_is_nothing_to_refund(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    answer = await refund(shop, order)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_captured")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": 0}, 422, "invalid_request"),
        ({"amount": -5}, 422, "invalid_request"),
        ({"amount": 10**13}, 422, "invalid_request"),
        ({"amount": "5"}, 422, "invalid_request"),
        ({"amount": 1.5}, 422, "invalid_request"),
        ({"sum": 5}, 422, "invalid_request"),
    ],
)
async def test_bad_input(shop: Shop, body: dict[str, Any], status: int, code: str) -> None:
    order = await shop.bought(shop.new_sku(), labelled=False)
    answer = await refund(shop, order, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    query = "SELECT 1 FROM payment_operations WHERE kind = 'refund' AND payment_id = :payment"
    assert shop.sql(query, payment=order["payment"]["id"]) == []


async def test_of_an_unknown_order(shop: Shop) -> None:
    answer = await shop.http.post("/v1/orders/999999/refunds", json={}, headers={"Idempotency-Key": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_one_that_takes_days(shop: Shop) -> None:
    order = await shipped(shop, "pm_card_pendingRefund")
    answer = await refund(shop, order)
    assert (answer.status_code, answer.json()["state"]) == (201, "settling"), answer.text
    number = answer.json()["id"]
    await shop.stripe("advance", seconds=20)
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["refunds"][0]["state"] == "succeeded")
    assert seen["payment"]["state"] == "refunded"
    assert seen["refunds"][0]["id"] == number


async def test_one_that_bounces(shop: Shop) -> None:
    order = await shipped(shop, "pm_card_refundFail")
    answer = await refund(shop, order)
    assert (answer.status_code, answer.json()["state"]) == (201, "succeeded"), answer.text
    await shop.stripe("advance", seconds=20)
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["payment"]["state"] == "captured")
    assert (seen["refunds"][0]["state"], seen["payment"]["refunded"]) == ("failed", 0)
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["needs_attention"])
    assert "did not reach the customer" in seen["attention_reason"]

    async def flagged() -> object:
        return (await shop.attributes(shop.order_flow(order["number"])))[0]["NeedsAttention"]

    await until(flagged)


async def test_one_made_by_hand_at_stripe_is_adopted(shop: Shop) -> None:
    order = await shipped(shop)
    intent = await shop.intent(order["checkout_id"])
    made = await shop.http.post(
        f"{shop.links.stripe}/v1/refunds",
        data={"payment_intent": intent["id"], "amount": "2500"},
        headers={"Authorization": f"Bearer {shop.links.stripe_api_key}"},
    )
    assert made.status_code == 200, made.text
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["payment"]["refunded"] == 2_500)
    assert seen["refunds"][0]["id"] == made.json()["id"]
    assert (await refund(shop, order, amount=TOTAL - 2_499)).json()["code"] == "refund_exceeds_captured"


async def test_an_order_captured_at_once_is_refunded_when_cancelled(shop: Shop) -> None:
    sku = shop.new_sku()
    payment = {"mode": "server", "payment_method": "pm_card_visa", "capture": "automatic"}
    order = await shop.bought(sku, payment=payment)
    assert (order["payment"]["state"], order["payment"]["captured"]) == ("captured", TOTAL)
    answer = await shop.cancel_order(order["number"])
    assert answer.json()["state"] == "cancelled", answer.text
    assert (answer.json()["payment"]["state"], answer.json()["payment"]["refunded"]) == ("refunded", TOTAL)
    assert shop.stock(sku) == (5, 0)


async def test_an_order_captured_at_once_leaves_without_another_capture(shop: Shop) -> None:
    payment = {"mode": "server", "payment_method": "pm_card_visa", "capture": "automatic"}
    order = await shop.bought(shop.new_sku(), payment=payment)
    assert (await shop.hand_over(order)).json()["released"] is True
    order = await shop.order_in(order["number"], "shipped")
    assert (await shop.intent(order["checkout_id"]))["amount_received"] == TOTAL
    assert (order["payment"]["captured"], order["needs_attention"]) == (TOTAL, False)
