"""Refunds that nobody asked for over the API, of an undoing or by hand: each is followed to its end all the same."""

import asyncio
import uuid
from typing import Any

from domain.ids import checkout_id, payment_id, refund_workflow, undo_refund_id
from tests.flow.kit import PRICE, SHIPPING, TENANT, Shop, until

TOTAL = PRICE + SHIPPING


def _payment(card: str) -> dict[str, Any]:
    return {"mode": "server", "payment_method": card, "capture": "automatic"}


async def _given_up(shop: Shop, card: str) -> str:
    """A checkout that was cancelled while Stripe took the money; its payment's id."""
    key = uuid.uuid4().hex
    checkout = checkout_id(TENANT, key)
    payment = payment_id(TENANT, checkout)
    await shop.stripe(
        "faults", operation="payment_intents.create", idempotency_key=f"{TENANT}/{payment}/*",
        status=200, delay_seconds=2,
    )  # fmt: skip
    buying = asyncio.create_task(shop.buy(shop.new_sku(), key=key, payment=_payment(card)))
    await until(lambda: shop.http.get(f"/v1/checkouts/{checkout}"), lambda seen: seen.status_code == 200)
    cancelled = await shop.http.post(f"/v1/checkouts/{checkout}/cancel")
    assert cancelled.json()["state"] == "cancelled", cancelled.text
    assert (await buying).json()["code"] == "cancelled_by_shopper"
    assert (await shop.intent(checkout))["amount_refunded"] == TOTAL
    return payment


async def _payment_is(shop: Shop, payment: str, *wanted: object) -> None:
    """State, and what was given back."""

    async def seen() -> list[tuple[Any, ...]]:
        return shop.sql("SELECT state, refunded_minor FROM payments WHERE payment_id = :p", p=payment)

    await until(seen, lambda rows: rows == [wanted], within=30)


async def test_one_of_an_order_that_takes_days(shop: Shop) -> None:
    await shop.calm()
    order = await shop.bought(shop.new_sku(), payment=_payment("pm_card_pendingRefund"))
    answer = await shop.cancel_order(order["number"])
    assert (answer.json()["state"], answer.json()["refunds"][0]["state"]) == ("cancelled", "settling")
    await shop.stripe("advance", seconds=20)
    await _payment_is(shop, order["payment"]["id"], "refunded", TOTAL)


async def test_one_of_a_checkout_that_takes_days(shop: Shop) -> None:
    await shop.calm()
    payment = await _given_up(shop, "pm_card_pendingRefund")
    await shop.stripe("advance", seconds=20)
    await _payment_is(shop, payment, "refunded", TOTAL)
    await until(shop.audit, lambda findings: not findings)


async def test_one_made_by_hand_that_takes_days(shop: Shop) -> None:
    await shop.calm()
    order = await shop.bought(shop.new_sku(), payment=_payment("pm_card_pendingRefund"))
    made = await shop.http.post(
        f"{shop.links.stripe}/v1/refunds",
        data={"payment_intent": (await shop.intent(order["checkout_id"]))["id"], "amount": "2500"},
        headers={"Authorization": f"Bearer {shop.links.stripe_api_key}"},
    )
    assert made.json()["status"] == "pending", made.text
    await until(
        lambda: shop.order(order["number"]), lambda seen: [one["state"] for one in seen["refunds"]] == ["settling"]
    )
    await shop.stripe("advance", seconds=20)
    await until(lambda: shop.order(order["number"]), lambda seen: seen["refunds"][0]["state"] == "succeeded")


async def test_one_of_a_checkout_that_bounces(shop: Shop) -> None:
    """Nothing of ours can give this money back: the audit says so, and so does the list of what needs a person."""
    await shop.calm()
    payment = await _given_up(shop, "pm_card_refundFail")
    await shop.stripe("advance", seconds=20)
    await _payment_is(shop, payment, "captured", 0)
    workflow = refund_workflow(TENANT, undo_refund_id(TENANT, payment))
    handle = shop.temporal.get_workflow_handle(f"{workflow}/follow-up")

    async def flagged() -> object:
        return (await shop.attributes(handle))[0]["NeedsAttention"]

    await until(flagged)
    assert [finding.subject for finding in await shop.audit()] == [payment]  # type: ignore[attr-defined]
