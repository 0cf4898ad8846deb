"""A bank questions a charge: the money withheld, won back or lost is in the ledger, and support is told."""

import asyncio
from typing import Any

import pytest

from tests.flow.kit import PRICE, SHIPPING, TENANT, Handle, Shop, until

TOTAL = PRICE + SHIPPING


async def disputed(shop: Shop) -> tuple[dict[str, Any], str]:
    """A shipped order whose charge is disputed, and the dispute's id."""
    order = await shop.bought(shop.new_sku())
    assert (await shop.hand_over(order)).json()["released"] is True
    intent = await shop.intent(order["checkout_id"])
    dispute = await shop.stripe("disputes", payment_intent=intent["id"])
    seen = await until(
        lambda: shop.order(order["number"]), lambda found: found["disputes"] and found["needs_attention"]
    )
    return seen, str(dispute["id"])


def flow(shop: Shop, dispute: str) -> Handle:
    """Its workflow."""
    return shop.temporal.get_workflow_handle(f"dispute/{TENANT}/{dispute}")


def ledger(shop: Shop, order: dict[str, Any]) -> dict[str, int]:
    """Account → balance of an order's payment, fees left out."""
    query = (
        "SELECT e.account, sum(e.amount_minor)"
        " FROM ledger_entries e JOIN ledger_postings p USING (tenant_id, posting_id)"
        " WHERE p.payment_id = :payment AND p.kind <> 'fee'"
        " GROUP BY e.account HAVING sum(e.amount_minor) <> 0"
    )
    return {account: int(total) for account, total in shop.sql(query, payment=order["payment"]["id"])}


async def test_opened(shop: Shop) -> None:
    order, dispute = await disputed(shop)
    (seen,) = order["disputes"]
    assert (seen["id"], seen["state"], seen["amount"]) == (dispute, "needs_response", TOTAL)
    assert seen["evidence_due_at"] is not None
    assert order["needs_attention"] is True
    assert "is disputed" in order["attention_reason"]
    assert ledger(shop, order) == {"captured": -TOTAL, "disputes": TOTAL}

    async def flagged() -> object:
        return (await shop.attributes(shop.order_flow(order["number"])))[0]["NeedsAttention"]

    await until(flagged)
    refused = await shop.http.post(
        f"/v1/orders/{order['number']}/refunds", json={}, headers={"Idempotency-Key": dispute}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "charge_disputed")
    assert (await shop.order(order["number"]))["payment"]["refunded"] == 0


@pytest.mark.parametrize(
    ("outcome", "accounts"),
    [
        ("won", {"captured": -TOTAL, "receivable": TOTAL}),
        ("lost", {"captured": -TOTAL, "chargebacks": TOTAL}),
    ],
)
async def test_decided(shop: Shop, outcome: str, accounts: dict[str, int]) -> None:
    order, dispute = await disputed(shop)
    await shop.stripe(f"disputes/{dispute}/end", outcome=outcome)
    order = await until(lambda: shop.order(order["number"]), lambda found: found["disputes"][0]["state"] == outcome)
    assert ledger(shop, order) == accounts
    await until(lambda: shop.order(order["number"]), lambda found: found["needs_attention"] is (outcome == "lost"))
    async with asyncio.timeout(60):
        assert await flow(shop, dispute).result() == outcome


async def test_webhooks_twice_and_backwards(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    assert (await shop.hand_over(order)).json()["released"] is True
    intent = await shop.intent(order["checkout_id"])
    await shop.stripe("webhooks", mode="hold", duplicate=2)
    dispute = await shop.stripe("disputes", payment_intent=intent["id"])
    await shop.stripe(f"disputes/{dispute['id']}/end", outcome="won")
    await shop.stripe("webhooks/release", reorder=True)
    order = await until(
        lambda: shop.order(order["number"]), lambda found: found["disputes"] and found["disputes"][0]["state"] == "won"
    )
    assert ledger(shop, order) == {"captured": -TOTAL, "receivable": TOTAL}
    assert order["needs_attention"] is False


async def test_a_question_of_the_bank_moves_no_money(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    assert (await shop.hand_over(order)).json()["released"] is True
    intent = await shop.intent(order["checkout_id"])
    await shop.stripe("disputes", payment_intent=intent["id"], inquiry=True)
    order = await until(lambda: shop.order(order["number"]), lambda found: found["disputes"])
    assert order["disputes"][0]["state"] == "inquiry"
    assert ledger(shop, order) == {"captured": -TOTAL, "receivable": TOTAL}
    await until(lambda: shop.order(order["number"]), lambda found: found["needs_attention"])


async def test_opened_before_the_order_is_placed(shop: Shop) -> None:
    payment = {"mode": "server", "payment_method": "pm_card_createDispute", "capture": "automatic"}
    order = await shop.bought(shop.new_sku(), payment=payment)
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["needs_attention"], within=30)
    assert seen["disputes"][0]["state"] == "needs_response"
    assert ledger(shop, order) == {"captured": -TOTAL, "disputes": TOTAL}

    # The parcel leaves, and the dispute is still before a person.
    assert (await shop.hand_over(order)).json()["released"] is True
    seen = await shop.order_in(order["number"], "shipped")
    assert "is disputed" in seen["attention_reason"]


async def test_an_order_is_cancelled_whose_charge_is_charged_back(shop: Shop) -> None:
    payment = {"mode": "server", "payment_method": "pm_card_visa", "capture": "automatic"}
    sku = shop.new_sku()
    order = await shop.bought(sku, payment=payment)
    intent = await shop.intent(order["checkout_id"])
    dispute = await shop.stripe("disputes", payment_intent=intent["id"])
    await shop.stripe(f"disputes/{dispute['id']}/end", outcome="lost")
    await until(
        lambda: shop.order(order["number"]), lambda found: found["disputes"] and found["disputes"][0]["state"] == "lost"
    )
    answer = await shop.cancel_order(order["number"])
    assert answer.json()["state"] == "cancelled", answer.text
    assert (answer.json()["payment"]["captured"], answer.json()["payment"]["refunded"]) == (TOTAL, 0)
    assert shop.stock(sku) == (5, 0)
