"""Support holds an order, releases it, and leaves a note on it: who and why is told, and nothing leaves meanwhile."""

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.flow.kit import Shop

MIA = {"actor": "Mia of support", "reason": "the customer calls back"}


async def refused(shop: Shop, number: str, act: str, body: dict[str, str]) -> str | None:
    """The type of the refusal."""
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await shop.order_flow(number).execute_update(act, body)
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause.type


async def test_a_held_order_does_not_leave_until_it_is_released(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    number, flow = order["number"], shop.order_flow(order["number"])
    assert await refused(shop, number, "release", MIA) == "not_held"
    await flow.execute_update("hold", MIA)
    assert await refused(shop, number, "hold", MIA) == "already_held"
    assert "`release`" in await shop.details(flow)

    kept = await shop.hand_over(order)
    assert (kept.status_code, kept.json()["code"]) == (409, "held"), kept.text
    assert MIA["reason"] in kept.json()["detail"]
    assert (await shop.order(number))["payment"]["captured"] == 0

    await flow.execute_update("release", MIA)
    assert (await shop.hand_over(order)).json()["released"]
    await shop.order_in(number, "shipped")
    told = [one["message"] for one in (await shop.order(number))["timeline"] if one["type"].startswith("order.")]
    assert told[1:] == [f"{did} by Mia of support: the customer calls back" for did in ("Held", "Released")]


async def test_a_held_order_can_be_cancelled(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    await shop.order_flow(order["number"]).execute_update("hold", MIA)
    answer = await shop.cancel_order(order["number"])
    assert answer.json()["state"] == "cancelled", answer.text


async def test_a_note_says_who_wrote_it_and_the_same_words_may_be_said_twice(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    flow = shop.order_flow(order["number"])
    assert await refused(shop, order["number"], "note", {"actor": " ", "reason": "who am I"}) == "no_reason"
    await flow.execute_update("note", MIA)
    await flow.execute_update("note", MIA)
    notes = [one["message"] for one in (await shop.order(order["number"]))["timeline"] if one["type"] == "order.note"]
    assert notes == ["Note by Mia of support: the customer calls back"] * 2
