"""What happens to a payment between its authorization and its capture: keys that stick, webhooks that stay away."""

import asyncio
import uuid

from tests.flow.kit import PRICE, SHIPPING, Shop, until

TOTAL = PRICE + SHIPPING


async def test_an_authorization_whose_key_is_spent_is_asked_for_anew(shop: Shop) -> None:
    sku = shop.new_sku()
    await shop.stripe("faults", operation="payment_intents.create", when="before", status=500)
    order = await shop.bought(sku)
    intent = await shop.intent(order["checkout_id"])
    assert (intent["status"], intent["attempts"]) == ("requires_capture", 1)
    query = "SELECT sequence, state, error_code FROM payment_operations WHERE payment_id = :p ORDER BY sequence"
    assert shop.sql(query, p=order["payment"]["id"]) == [(1, "failed", "key_spent"), (2, "succeeded", None)]


async def test_an_authorization_that_happened_under_a_spent_key_is_found(shop: Shop) -> None:
    await shop.stripe("faults", operation="payment_intents.create", when="after", status=500)
    order = await shop.bought(shop.new_sku())
    assert (await shop.intent(order["checkout_id"]))["attempts"] == 1
    query = "SELECT sequence, state FROM payment_operations WHERE payment_id = :p"
    assert shop.sql(query, p=order["payment"]["id"]) == [(1, "succeeded")]


async def test_captures_and_voids_under_spent_keys(shop: Shop) -> None:
    shipped, cancelled = await asyncio.gather(shop.bought(shop.new_sku()), shop.bought(shop.new_sku()))
    for when in ("before", "after"):
        await shop.stripe("faults", operation="payment_intents.capture", when=when, status=500)
    assert (await shop.hand_over(shipped)).json()["released"] is True
    await shop.http.delete(f"{shop.links.stripe}/_control/faults")
    await shop.stripe("faults", operation="payment_intents.cancel", when="before", status=500)
    assert (await shop.cancel_order(cancelled["number"])).json()["state"] == "cancelled"
    assert (await shop.intent(shipped["checkout_id"]))["amount_received"] == TOTAL
    assert (await shop.intent(cancelled["checkout_id"]))["status"] == "canceled"


async def test_a_checkout_given_up_while_its_authorization_is_stuck(shop: Shop) -> None:
    sku, key = shop.new_sku(), uuid.uuid4().hex
    await shop.stripe("faults", operation="payment_intents.create", when="before", status=500, times=2)
    answer = await shop.buy(sku, key=key)
    assert answer.status_code == 201, answer.text
    assert (await shop.intent(answer.json()["id"]))["attempts"] == 1


async def test_a_webhook_that_never_comes_is_not_waited_for(shop: Shop) -> None:
    sku = shop.new_sku()
    await shop.stripe("webhooks", mode="drop")
    checkout = await shop.waiting(sku)
    assert (await shop.browser_confirms(checkout)).status_code == 200
    await shop.skip_time(shop.checkout_flow(checkout["id"]))
    done = await shop.checkout_in(checkout["id"], "completed")
    assert (await shop.order(done["order_number"]))["payment"]["state"] == "authorized"
    assert shop.stock(sku) == (5, 1)


async def test_an_authorization_cancelled_at_stripe_calls_a_person(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    intent = await shop.intent(order["checkout_id"])
    cancelled = await shop.http.post(
        f"{shop.links.stripe}/v1/payment_intents/{intent['id']}/cancel",
        headers={"Authorization": f"Bearer {shop.links.stripe_api_key}"},
    )
    assert cancelled.status_code == 200
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["needs_attention"])
    assert (seen["payment"]["state"], seen["state"]) == ("lapsed", "placed")
    assert "payment.lapsed" in [event["type"] for event in seen["timeline"]]
    assert (await shop.cancel_order(order["number"])).json()["state"] == "cancelled"


async def test_amounts_without_and_with_three_decimals(shop: Shop) -> None:
    for currency, sku in (("JPY", "SCARF-SILK-01"), ("KWD", "BAG-CALF-02")):
        answer = await shop.buy(sku, currency=currency)
        assert answer.status_code == 201, answer.text
        order = await shop.labelled(answer.json()["order_number"])
        assert (await shop.hand_over(order)).json()["released"] is True
        assert (await shop.order(order["number"]))["payment"]["captured"] == answer.json()["total"]


async def test_a_saved_card(shop: Shop) -> None:
    payment = {"mode": "server", "payment_method": "pm_card_visa", "save_card": True}
    order = await shop.bought(shop.new_sku(), payment=payment, customer={"id": "c-1", "email": "a@b.co", "name": "A"})
    query = "SELECT saved_customer, saved_method FROM payments WHERE payment_id = :p"
    ((customer, method),) = shop.sql(query, p=order["payment"]["id"])
    assert customer.startswith("cus_")
    assert method.startswith("pm_")
    assert shop.sql("SELECT provider_id FROM provider_customers WHERE customer_id = 'c-1'") == [(customer,)]


async def test_less_is_captured_when_something_is_missing(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    for amount, status, code in ((TOTAL + 1, 422, "amount_too_large"), (0, 422, "invalid_request")):
        refused = await shop.hand_over(order, amount=amount)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await shop.order(order["number"]))["payment"]["state"] == "authorized"

    assert (await shop.hand_over(order, amount=9_000)).json()["released"] is True
    order = await shop.order_in(order["number"], "shipped")
    assert (order["payment"]["state"], order["payment"]["captured"]) == ("captured", 9_000)
    intent = await shop.intent(order["checkout_id"])
    assert (intent["status"], intent["amount_received"], intent["amount_capturable"]) == ("succeeded", 9_000, 0)
    assert "€90.00 captured" in [event["message"] for event in order["timeline"]]
    assert (await shop.hand_over(order, amount=100)).json()["released"] is True
    assert (await shop.order(order["number"]))["payment"]["captured"] == 9_000
