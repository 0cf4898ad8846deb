"""What is done in the Temporal UI, past our API, is in the audit log: who, when, why, and how it ended. Once."""

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from tests.flow.kit import Shop, until

MIA = {"actor": "Mia of support", "reason": "the customer calls back"}
ACTS = "SELECT action, actor, reason, status, code FROM audit_log WHERE target = :t ORDER BY act_id"
BY_HAND = "SELECT action FROM audit_log WHERE request_id LIKE 'temporal/%' AND position(:id IN target) > 0"


async def log_of(shop: Shop, workflow: str) -> list[tuple[Any, ...]]:
    """The log's lines of a workflow."""
    return shop.sql(ACTS, t=workflow)


async def test_an_act_past_the_api_is_in_the_audit_log(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    flow, me = shop.order_flow(order["number"]), f"temporal:{shop.temporal.identity}"
    signed = f"Mia of support ({me})"
    await flow.execute_update("hold", MIA)
    nothing = {"actor": "Mia of support", "reason": "a typo", "lines": [{"sku": "NOT-OF-IT", "quantity": 1}]}
    with pytest.raises(WorkflowUpdateFailedError):
        await flow.execute_update("cancel", nothing)
    assert await log_of(shop, flow.id) == [
        ("update hold", signed, "the customer calls back", 200, None),
        ("update cancel", signed, "a typo", 409, "already_shipped"),
    ]
    page = (await shop.http.get("/v1/access/audit", params={"limit": 200})).json()["acts"]
    (seen,) = [one for one in page if one["target"] == flow.id and one["action"] == "update hold"]
    assert seen["reason"] == MIA["reason"]
    assert seen["request_id"].startswith("temporal/")

    parcel = shop.parcel_flow(order)
    await parcel.signal("seen_to")
    await until(lambda: log_of(shop, parcel.id), lambda lines: lines == [("signal seen_to", me, None, 200, None)])


async def test_what_came_over_the_api_is_there_once_and_what_we_tell_ourselves_never(shop: Shop) -> None:
    sent = await shop.bought(shop.new_sku())
    await shop.hand_over(sent)
    await shop.scan(sent, "picked_up", "delivered")
    await shop.order_in(sent["number"], "delivered")
    refund = {"amount": 100, "reason": "a scratch"}
    path = f"/v1/orders/{sent['number']}/refunds"
    given = await shop.http.post(path, json=refund, headers={"Idempotency-Key": sent["number"]})
    assert given.status_code == 201, given.text
    cancelled = await shop.bought(shop.new_sku())
    await shop.cancel_order(cancelled["number"])
    browser = await shop.waiting(shop.new_sku())
    await shop.browser_confirms(browser)
    await shop.checkout_in(browser["id"], "completed")

    told = shop.sql(ACTS, t=f"/v1/orders/{cancelled['number']}/cancel")
    assert [(one[0], one[3]) for one in told] == [("POST /v1/orders/{number}/cancel", 200)]
    for order in (sent, cancelled):
        for name in (f"/{order['number']}", order["checkout_id"], order["shipments"][0]["id"], order["payment"]["id"]):
            assert shop.sql(BY_HAND, id=name) == []
    assert shop.sql(BY_HAND, id=browser["id"]) == []
    assert shop.sql(BY_HAND, id=given.json()["id"]) == []
