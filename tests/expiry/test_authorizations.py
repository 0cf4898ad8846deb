"""What days bring: an authorization that lasts seven of them, and a parcel that must leave within two."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.flow.kit import PRICE, SHIPPING, Shop, until
from tests.flow.parcels_kit import Parcels
from workflows.shipment import ShipmentWorkflow

TOTAL = PRICE + SHIPPING
SIX_DAYS = timedelta(days=6)
TWO_DAYS = timedelta(days=2)
SAVED = {"mode": "server", "payment_method": "pm_card_visa", "save_card": True}


async def nearly_lapsed(shop: Shop, order: dict[str, Any]) -> None:
    """Six days pass for Stripe; and for the parcel, until its last day. (Stripe's clock is ahead of earlier tests.)"""
    await shop.stripe("advance", seconds=SIX_DAYS.total_seconds())
    lapses = datetime.fromisoformat(order["payment"]["capture_before"])
    await shop.skip_time(shop.parcel_flow(order), lapses - timedelta(days=1) - datetime.now(UTC) + timedelta(minutes=1))


async def needs_person(shop: Shop, order: dict[str, Any], words: str) -> dict[str, Any]:
    """The order, once it is before a person with these words."""
    return await until(lambda: shop.order(order["number"]), lambda seen: words in (seen["attention_reason"] or ""))


async def test_replaced_on_the_saved_card(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku(), payment=SAVED)
    first = await shop.intent(order["checkout_id"])
    await nearly_lapsed(shop, order)
    query = "SELECT intent_id FROM payments WHERE payment_id = :payment AND intent_id <> :first"

    async def replaced() -> list[tuple[str]]:
        return shop.sql(query, payment=order["payment"]["id"], first=first["id"])

    ((second,),) = await until(replaced)

    async def held() -> dict[str, str]:
        return {one["id"]: one["status"] for one in await shop.intents(order["checkout_id"])}

    await until(held, lambda seen: seen == {first["id"]: "canceled", second: "requires_capture"})
    order = await shop.order(order["number"])
    assert order["payment"]["state"] == "authorized"
    assert order["attention_reason"].startswith("ship_by_passed")
    assert "payment.reauthorized" in [event["type"] for event in order["timeline"]]

    assert (await shop.hand_over(order)).json()["released"] is True
    (paid,) = [one for one in await shop.intents(order["checkout_id"]) if one["amount_received"]]
    assert (paid["id"], paid["amount_received"]) == (second, TOTAL)


async def test_without_a_saved_card_a_person_is_called_and_the_lapse_is_written_down(shop: Shop) -> None:
    sku = shop.new_sku()
    order = await shop.bought(sku)
    await nearly_lapsed(shop, order)
    seen = await needs_person(shop, order, "the authorization lapses on")
    assert seen["payment"]["state"] == "authorized"
    await shop.stripe("advance", seconds=TWO_DAYS.total_seconds())
    await shop.skip_time(shop.parcel_flow(order), TWO_DAYS)
    seen = await needs_person(shop, order, "the authorization has lapsed")
    assert (seen["state"], seen["payment"]["state"]) == ("placed", "lapsed")
    assert (await shop.intent(order["checkout_id"]))["status"] == "canceled"
    assert (await shop.hand_over(order)).json()["released"] is False
    assert (await shop.cancel_order(order["number"])).json()["state"] == "cancelled"
    assert shop.stock(sku) == (5, 0)


async def test_a_refused_renewal_calls_a_person_who_ships_in_time(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku(), payment=SAVED)
    await shop.stripe("faults", operation="payment_intents.create", status=402)
    await nearly_lapsed(shop, order)
    await needs_person(shop, order, "The card was declined")
    assert (await shop.hand_over(order)).json()["released"] is True
    order = await shop.order_in(order["number"], "shipped")
    assert (order["payment"]["captured"], order["needs_attention"]) == (TOTAL, False)


async def test_a_lapsed_one_is_taken_anew_when_the_dock_tries_again(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku(), payment=SAVED)
    await shop.stripe("advance", seconds=(SIX_DAYS + TWO_DAYS).total_seconds())
    await needs_person(shop, order, "the authorization has lapsed")
    assert (await shop.hand_over(order)).json()["released"] is False
    await shop.parcel_flow(order).execute_update(ShipmentWorkflow.retry)
    assert (await shop.hand_over(order)).json()["released"] is True
    order = await shop.order_in(order["number"], "shipped")
    assert (order["payment"]["captured"], order["needs_attention"]) == (TOTAL, False)


async def test_a_parcel_without_a_label_is_watched_as_well(shop: Shop) -> None:
    await shop.carrier("faults", operation="buy", status=400)
    order = await shop.bought(shop.new_sku(), labelled=False)
    await needs_person(shop, order, "no label could be bought")
    await nearly_lapsed(shop, order)
    await needs_person(shop, order, "the authorization lapses on")
    await shop.parcel_flow(order).execute_update(ShipmentWorkflow.retry)
    order = await shop.labelled(order["number"])
    assert (await shop.hand_over(order)).json()["released"] is True
    order = await shop.order_in(order["number"], "shipped")
    assert (order["payment"]["captured"], order["needs_attention"]) == (TOTAL, False)


async def test_what_is_held_for_the_second_parcel_lapses_and_it_is_cancelled(shop: Shop) -> None:
    parcels, sku = Parcels(shop), shop.new_sku()
    order = await parcels.bought({sku: 1}, {sku: 1})
    await parcels.deliver(order, 0)
    await shop.stripe("advance", seconds=SIX_DAYS.total_seconds())
    lapses = datetime.fromisoformat(order["payment"]["capture_before"])
    second = parcels.flow(order, 1)
    await shop.skip_time(second, lapses - timedelta(days=1) - datetime.now(UTC) + timedelta(minutes=1))
    seen = await needs_person(shop, order, "the authorization lapses on")
    assert "the rest cannot be held anew" in seen["attention_reason"]
    await shop.stripe("advance", seconds=TWO_DAYS.total_seconds())
    await shop.skip_time(second, TWO_DAYS)
    seen = await needs_person(shop, order, "what was held for a parcel that is still here has lapsed")
    assert (seen["payment"]["state"], seen["payment"]["captured"]) == ("captured", TOTAL)
    assert "payment.rest_lapsed" in [event["type"] for event in seen["timeline"]]
    assert (await shop.hand_over(parcels.alone(order, 1))).json()["released"] is False
    cancelled = await parcels.cancel(order)
    assert [one["state"] for one in cancelled.json()["shipments"]] == ["delivered", "cancelled"], cancelled.text
    assert await parcels.money(order) == ("captured", TOTAL, 0)
    await shop.order_in(order["number"], "delivered")


async def test_a_parcel_that_is_still_here_after_its_day_calls_a_person_until_it_leaves(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    ship_by = datetime.fromisoformat(order["shipments"][0]["ship_by"])
    await shop.skip_time(shop.parcel_flow(order), ship_by - datetime.now(UTC) + timedelta(minutes=1))
    await needs_person(shop, order, "ship_by_passed: it was to leave by")
    assert (await shop.hand_over(order)).json()["released"] is True
    order = await shop.order_in(order["number"], "shipped")
    assert order["needs_attention"] is False


async def test_in_time_it_costs_no_timer_of_its_own(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    assert (await shop.hand_over(order)).json()["released"] is True

    async def timers() -> int:
        history = await shop.parcel_flow(order).fetch_history()
        return sum(one.HasField("timer_started_event_attributes") for one in history.events)

    await until(lambda: shop.details(shop.parcel_flow(order)), lambda seen: "handed_over" in seen)
    # Until it must leave or its hold lapses; on its way, until its carrier is asked, it is the same one.
    assert await timers() == 1
