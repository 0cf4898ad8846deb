"""Our books beside Stripe's: webhooks that never came are delivered, what disagrees is brought before a person."""

import uuid
from typing import Any

from gateways.stripe.events import LISTENED_TO
from tests.flow.kit import PRICE, SHIPPING, TENANT, Shop, until
from workflows.reconciliation import ReconciliationWorkflow

TOTAL = PRICE + SHIPPING


async def reconcile(shop: Shop) -> dict[str, int]:
    """One comparison up to now; the server skips the minute before it looks again."""
    handle = await shop.temporal.start_workflow(
        ReconciliationWorkflow.run, True, id=f"reconciliation-{uuid.uuid4().hex}", task_queue="milepost"
    )
    await shop.skip_time(handle)
    return dict(await handle.result())


async def by_hand(shop: Shop, path: str, **data: str) -> dict[str, Any]:
    """Somebody at Stripe's dashboard."""
    answer = await shop.http.post(
        f"{shop.links.stripe}/v1/{path}", data=data, headers={"Authorization": f"Bearer {shop.links.stripe_api_key}"}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_webhook_that_never_came(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    assert (await shop.hand_over(order)).json()["released"] is True
    intent = await shop.intent(order["checkout_id"])
    await shop.stripe("advance", seconds=20)  # clocks differ
    await shop.stripe("webhooks", mode="drop")
    made = await by_hand(shop, "refunds", payment_intent=intent["id"], amount="3000")
    await shop.stripe("webhooks")
    await reconcile(shop)
    seen = await until(lambda: shop.order(order["number"]), lambda found: found["payment"]["refunded"] == 3_000)
    assert seen["refunds"][0]["id"] == made["id"]
    assert (seen["needs_attention"], shop.sql("SELECT 1 FROM drifts WHERE resolved_at IS NULL")) == (False, [])
    kinds = shop.sql("SELECT DISTINCT convert_from(body, 'UTF8')::jsonb ->> 'type' FROM inbox WHERE source = 'stripe'")
    assert {kind for (kind,) in kinds} <= set(LISTENED_TO), "what no endpoint asks for is not missed"


async def test_a_capture_by_hand_is_a_drift_until_it_is_settled(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    intent = await shop.intent(order["checkout_id"])
    await by_hand(shop, f"payment_intents/{intent['id']}/capture")
    assert (await reconcile(shop))[TENANT] >= 1
    seen = await shop.order(order["number"])
    assert seen["needs_attention"] is True
    assert "disagree" in seen["attention_reason"]

    async def flagged() -> object:
        return (await shop.attributes(shop.order_flow(order["number"])))[0]["NeedsAttention"]

    await until(flagged)
    rows = shop.sql("SELECT rule, expected, found FROM drifts WHERE intent_id = :intent", intent=intent["id"])
    assert ("payment and intent agree", f"authorized, {TOTAL} held, 0 taken", f"taken, 0 held, {TOTAL} taken") in rows
    assert (await reconcile(shop))[TENANT] == len(rows)
    assert shop.sql("SELECT count(*) FROM drifts WHERE intent_id = :intent", intent=intent["id"]) == [(len(rows),)]

    # The parcel leaves, the capture finds that it has happened, and the books agree again.
    assert (await shop.hand_over(order)).json()["released"] is True
    assert (await reconcile(shop))[TENANT] == 0
    assert shop.sql("SELECT 1 FROM drifts WHERE resolved_at IS NULL") == []
    assert (await shop.order(order["number"]))["needs_attention"] is False
    await until(flagged, lambda value: not value)


async def test_money_of_ours_that_no_order_knows(shop: Shop) -> None:
    made = await by_hand(
        shop, "payment_intents", amount="1234", currency="eur", confirm="true", payment_method="pm_card_visa",
        **{"payment_method_types[]": "card", "capture_method": "manual", "metadata[tenant]": TENANT},
    )  # fmt: skip
    assert (await reconcile(shop))[TENANT] == 1
    assert shop.sql("SELECT rule, found FROM drifts WHERE resolved_at IS NULL") == [
        ("intent is known", "held, 1234 held, 0 taken")
    ]
    await by_hand(shop, f"payment_intents/{made['id']}/cancel")
    assert (await reconcile(shop))[TENANT] == 0


async def test_it_is_on_a_schedule(shop: Shop) -> None:
    schedule = await shop.temporal.get_schedule_handle("reconciliation").describe()
    assert schedule.schedule.spec.intervals[0].every.total_seconds() == 3_600
