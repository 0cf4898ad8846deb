"""Nothing is heard of a parcel: its carrier is asked, then a person is called, and that costs no endless history."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.shipments import Settled
from domain.states import ShipmentState
from tests.flow.carrier_kit import in_front_of_a_person, parcel, sku_at
from tests.flow.kit import Shop, until
from workflows.shipment import ShipmentWorkflow


async def asked(shop: Shop) -> int:
    """How often the carrier was asked where a parcel is."""
    return int((await shop.carrier("state")).json()["calls"].get("track", 0))


async def test_a_carrier_that_only_forgot_to_tell_is_asked(shop: Shop) -> None:
    order = await shop.bought(sku_at(shop, "easypost-dock"))
    await shop.carrier("webhooks", mode="drop")
    await shop.scan(order, "picked_up", "delivered")
    assert (await shop.hand_over(order)).json()["released"] is True
    await shop.skip_time(shop.parcel_flow(order), timedelta(hours=49))
    seen = await shop.order_in(order["number"], "delivered")
    told = "SELECT DISTINCT told_by FROM tracking_events WHERE shipment_id = :s"
    assert shop.sql(told, s=order["shipments"][0]["id"]) == [("asked/1",)]
    assert [scan["status"] for scan in seen["shipments"][0]["scans"]] == ["picked_up", "delivered"]
    assert (await shop.ended(shop.parcel_flow(order)))["state"] == "delivered"


async def test_one_that_left_unheard_is_asked_for_before_a_person_is_called(shop: Shop) -> None:
    """All its scans were lost, the first one too: our books say that it is here."""
    order = await shop.bought(shop.new_sku())
    await shop.carrier("webhooks", mode="drop")
    await shop.scan(order, "picked_up", "delivered")
    before = await asked(shop)
    await shop.skip_time(shop.parcel_flow(order), timedelta(days=7))
    seen = await shop.order_in(order["number"], "delivered")
    assert await asked(shop) == before + 1
    assert seen["payment"]["state"] == "captured"
    assert [scan["status"] for scan in seen["shipments"][0]["scans"]] == ["picked_up", "delivered"]
    assert "order.needs_attention" not in [event["type"] for event in seen["timeline"]]
    assert (await shop.ended(shop.parcel_flow(order)))["state"] == "delivered"


async def test_one_that_is_here_calls_a_person_though_its_carrier_does_not_answer(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    before = await asked(shop)
    await shop.carrier("faults", operation="track", when="before", status=503, times=99)
    await shop.skip_time(shop.parcel_flow(order), timedelta(hours=49))
    order = await in_front_of_a_person(shop, order["number"])
    assert await asked(shop) > before
    assert order["attention_reason"].startswith("ship_by_passed")
    assert (await shop.hand_over(order)).json()["released"] is True


async def test_silence_calls_a_person_and_a_scan_sends_them_home(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    await shop.hand_over(order)
    flow = shop.parcel_flow(order)
    await shop.skip_time(flow, timedelta(hours=97))
    order = await in_front_of_a_person(shop, order["number"])
    assert "nothing has been heard of the parcel for 96 hours" in order["attention_reason"]
    assert parcel(shop, order)["silent_since"] is not None
    details = await shop.details(flow)
    assert "`retry`" in details
    assert "`settle`" in details

    before = await asked(shop)
    await flow.execute_update(ShipmentWorkflow.retry)
    await until(lambda: asked(shop), lambda count: count == before + 1)
    assert (await shop.order(order["number"]))["needs_attention"] is True

    await shop.scan(order, "in_transit")
    order = await until(lambda: shop.order(order["number"]), lambda seen: not seen["needs_attention"])
    assert parcel(shop, order)["silent_since"] is None
    types = [event["type"] for event in order["timeline"]]
    assert (types.count("shipment.silent"), types.count("shipment.heard_of")) == (1, 1)
    await shop.scan(order, "delivered")
    await shop.order_in(order["number"], "delivered")


async def test_scans_that_are_not_signalled_break_the_silence_too(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    await shop.scan(order, "picked_up", "in_transit", "out_for_delivery")
    await shop.order_in(order["number"], "shipped")
    await until(lambda: shop.order(order["number"]), lambda seen: len(seen["shipments"][0]["scans"]) == 3)
    before = await asked(shop)
    await shop.skip_time(shop.parcel_flow(order), timedelta(hours=47))
    assert await asked(shop) == before
    assert (await shop.order(order["number"]))["needs_attention"] is False
    await shop.scan(order, "delivered")
    await shop.order_in(order["number"], "delivered")


async def test_a_parcel_that_is_never_heard_of_again_costs_little_and_a_person_says_how_it_ended(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    with pytest.raises(WorkflowUpdateFailedError):
        await shop.parcel_flow(order).execute_update(
            ShipmentWorkflow.settle, Settled(ShipmentState.LOST, "Mia", "still here")
        )
    await shop.hand_over(order)
    flow = shop.parcel_flow(order)
    await shop.skip_time(flow)  # years go by
    await in_front_of_a_person(shop, order["number"])

    async def timers() -> int:
        history = await flow.fetch_history()
        return sum(event.HasField("timer_started_event_attributes") for event in history.events)

    await until(timers, lambda count: count >= 10)
    history = await flow.fetch_history()
    assert len(history.events) < 250
    await flow.execute_update(ShipmentWorkflow.settle, Settled(ShipmentState.LOST, "Mia", "paid out by the carrier"))
    outcome = await shop.ended(flow)
    assert outcome["state"] == "lost"
    order = await shop.order(order["number"])
    assert "Parcel lost: Mia says so: paid out by the carrier" in [event["message"] for event in order["timeline"]]
