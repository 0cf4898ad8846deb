"""Support changes an address, has a payment tried again, holds a cart longer, and decides for a lost parcel."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.ids import customer_id, shipment_workflow
from tests.flow.kit import ADDRESS, PRICE, SHIPPING, TENANT, Shop, until
from tests.flow.parcels_kit import Parcels
from tests.flow.returns_kit import Returns
from tests.flow.test_acts import act, done, may, milepost
from tests.flow.test_erasure import columns_with, erase

TOTAL = PRICE + SHIPPING
ELSEWHERE = ADDRESS | {"line1": "120 Rue de Rivoli", "postal_code": "75001"}
SAVED = {"mode": "server", "payment_method": "pm_card_visa", "save_card": True}


def address_of(shop: Shop, number: str) -> dict[str, Any]:
    """As it stands in the order."""
    ((kept,),) = shop.sql("SELECT address FROM orders WHERE order_number = :n", n=number)
    return dict(kept)


async def unlabelled(shop: Shop) -> dict[str, Any]:
    """An order whose carrier refuses to sell a label."""
    await shop.carrier("faults", operation="buy", status=400)
    order = await shop.bought(shop.new_sku(), labelled=False)
    return await until(lambda: shop.order(order["number"]), lambda seen: seen["needs_attention"])


async def lost(shop: Shop, sku: str, **how: Any) -> dict[str, Any]:
    """An order whose one parcel its carrier has lost."""
    order = await shop.bought(sku, **how)
    assert (await shop.hand_over(order)).json()["released"]
    await shop.scan(order, "picked_up", "lost")
    await until(lambda: shop.details(shop.order_flow(order["number"])), lambda page: "`resolve`" in page)
    return await until(lambda: shop.order(order["number"]), lambda seen: "resolve" in seen["possible_acts"])


async def test_a_wrong_address_is_mended_and_the_label_is_bought_for_the_new_one(shop: Shop) -> None:
    order = await unlabelled(shop)
    number = order["number"]
    await may(shop, number, "cancel", "hold", "change_address", "acknowledge", "note")
    for change, code in (({"country": "DE"}, "total_would_change"), ({"region": "IDF"}, "total_would_change")):
        refused = await act(shop, number, "change_address", address=ELSEWHERE | change)
        assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text
    assert (await act(shop, number, "change_address", address={"name": "Ada"})).status_code == 422
    assert address_of(shop, number)["line1"] == ADDRESS["line1"]
    await done(shop, number, "change_address", address=ELSEWHERE, reason="a digit was missing")
    order = await shop.labelled(number)
    assert address_of(shop, number)["line1"] == "120 Rue de Rivoli"
    told = [event["message"] for event in order["timeline"] if event["type"] == "order.address_changed"]
    assert len(told) == 1
    assert told[0].endswith("a digit was missing")
    page = await shop.details(shop.order_flow(number))
    assert "Rivoli" not in page + str(order["timeline"])
    refused = await act(shop, number, "change_address", address=ELSEWHERE)
    assert (refused.status_code, refused.json()["code"]) == (409, "label_bought")
    labels = await shop.labels(order)
    assert labels["labels_live"] == 1


async def test_a_changed_address_is_sealed_with_temporal_and_erased_with_its_customer(shop: Shop) -> None:
    mark = uuid.uuid4().hex
    who = {"email": f"{mark}@example.com", "name": "Ada"}
    await shop.carrier("faults", operation="buy", status=400)
    order = await shop.bought(shop.new_sku(), labelled=False, customer=who)
    await until(lambda: shop.order(order["number"]), lambda seen: "change_address" in seen["possible_acts"])
    await done(shop, order["number"], "change_address", address=ELSEWHERE | {"line1": f"7 Rue {mark}z"})
    assert columns_with(shop, f"{mark}z") == ["orders"]
    flow = shop.order_flow(order["number"])
    events = (await flow.fetch_history()).events
    assert not any(mark.encode() in event.SerializeToString() for event in events)
    await shop.labelled(order["number"])
    assert (await shop.cancel_order(order["number"])).json()["state"] == "cancelled"
    assert (await erase(shop, customer_id(TENANT, who["email"]))).json()["state"] == "erased"
    assert columns_with(shop, f"{mark}z") == []


async def test_a_refused_capture_and_a_lapsed_authorization_are_tried_again(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    number = order["number"]
    refused = await act(shop, number, "retry_payment")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_retry")
    await shop.stripe("faults", operation="payment_intents.capture", status=402)
    assert not (await shop.hand_over(order)).json()["released"]
    await until(lambda: shop.order(number), lambda seen: "retry_payment" in seen["possible_acts"])
    paid = await done(shop, number, "retry_payment", reason="the bank has been called")
    assert (paid["payment"]["captured"], paid["needs_attention"]) == (TOTAL, False)

    kept = await shop.bought(shop.new_sku(), payment=SAVED)
    intent = await shop.intent(kept["checkout_id"])
    await shop.http.post(
        f"{shop.links.stripe}/v1/payment_intents/{intent['id']}/cancel",
        headers={"Authorization": f"Bearer {shop.links.stripe_api_key}"},
    )
    await until(lambda: shop.order(kept["number"]), lambda seen: "retry_payment" in seen["possible_acts"])
    again = await done(shop, kept["number"], "retry_payment")
    assert (again["payment"]["state"], again["needs_attention"]) == ("authorized", False)
    assert (await shop.hand_over(kept)).json()["released"]


async def test_a_cart_is_held_longer_up_to_the_limit_and_expires_then(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.waiting(sku)
    path = f"/v1/checkouts/{checkout['id']}/extend-reservation"

    async def extend(seconds: int, key: str) -> httpx.Response:
        body = {"reason": "their bank is slow", "seconds": seconds}
        return await shop.http.post(path, json=body, headers={"Idempotency-Key": key})

    key, ends = uuid.uuid4().hex, datetime.fromisoformat(checkout["expires_at"])
    for _ in range(2):
        longer = await extend(600, key)
        assert longer.status_code == 200, longer.text
        assert datetime.fromisoformat(longer.json()["expires_at"]) == ends + timedelta(seconds=600)
    kept = "SELECT expires_at FROM reservations WHERE checkout_id = :c"
    assert shop.sql(kept, c=checkout["id"]) == [(ends + timedelta(seconds=600),)]
    too_long = await extend(3001, uuid.uuid4().hex)
    assert (too_long.status_code, too_long.json()["code"]) == (409, "extension_limit")
    flow = shop.checkout_flow(checkout["id"])
    assert "`extend_reservation`" in await shop.details(flow)
    await shop.skip_time(flow, timedelta(seconds=1200))
    assert (await shop.checkout(checkout["id"]))["state"] == "awaiting_payment"
    code, said = await milepost(shop, "checkout", "extend", checkout["id"], "--reason", "x", "--seconds", "60")
    assert code == 0, said
    await shop.skip_time(flow)
    assert (await shop.checkout_in(checkout["id"], "expired"))["reason"] == "reservation_expired"
    assert shop.stock(sku) == (5, 0)
    ended = await extend(60, uuid.uuid4().hex)
    assert (ended.status_code, ended.json()["code"]) == (409, "already_ended")


async def test_a_lost_parcel_is_sent_again_and_charged_once(shop: Shop) -> None:
    sku = shop.new_sku(2)
    order = await lost(shop, sku)
    number, parcel = order["number"], order["shipments"][0]["id"]
    await may(shop, number, "resolve", "acknowledge", "note")
    for wrong, code in (
        ({"parcel": "shp_none", "how": "refund"}, "not_in_order"),
        ({"parcel": parcel, "how": "wait"}, "no_date"),
    ):
        refused = await act(shop, number, "resolve", **wrong)
        assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text
    assert shop.stock(sku) == (1, 0)
    seen = await done(shop, number, "resolve", parcel=parcel, how="reship", reason="the carrier has lost it")
    assert (seen["needs_attention"], shop.stock(sku)) == (False, (1, 1))
    first, second = (await Parcels(shop).labelled_but(number, parcel))["shipments"]
    assert (first["state"], first["resolution"], first["replaced_by"]) == ("lost", "reship", second["id"])
    again = Parcels(shop).alone(await shop.order(number), 1)
    assert (await shop.hand_over(again)).json()["released"]
    await shop.scan(again, "picked_up", "delivered")
    arrived = await shop.order_in(number, "delivered")
    assert (arrived["payment"]["captured"], arrived["payment"]["refunded"]) == (TOTAL, 0)
    assert (shop.stock(sku), (await shop.intent(order["checkout_id"]))["amount_received"]) == ((0, 0), TOTAL)
    await shop.skip_time(shop.order_flow(number))
    await shop.order_in(number, "closed")


async def test_what_was_sent_again_comes_back_without_saying_in_which_parcel(shop: Shop) -> None:
    sku, returns = shop.new_sku(2), Returns(shop)
    order = await lost(shop, sku)
    number, parcel = order["number"], order["shipments"][0]["id"]
    await done(shop, number, "resolve", parcel=parcel, how="reship", reason="the carrier has lost it")
    again = Parcels(shop).alone(await Parcels(shop).labelled_but(number, parcel), 1)
    assert (await shop.hand_over(again)).json()["released"]
    await shop.scan(again, "picked_up", "delivered")
    arrived = await shop.order_in(number, "delivered")
    back = await returns.through(arrived, sku)
    assert (back["lines"][0]["shipment"], back["refund"]) == (again["shipments"][0]["id"], TOTAL)


async def unpaid(shop: Shop, *statuses: str) -> dict[str, Any]:
    """An order whose capture was refused at the dock, and whose parcel its carrier took along all the same."""
    order = await shop.bought(shop.new_sku())
    intent = (await shop.intent(order["checkout_id"]))["id"]
    await shop.stripe("faults", operation="payment_intents.capture", payment_intent=intent, status=402)
    assert not (await shop.hand_over(order)).json()["released"]
    await shop.scan(order, *statuses)
    unpaid = "and the payment could not be captured"
    return await until(lambda: shop.order(order["number"]), lambda seen: unpaid in (seen["attention_reason"] or ""))


async def test_what_arrived_unpaid_is_paid_when_support_tries_again(shop: Shop) -> None:
    order = await unpaid(shop, "picked_up", "delivered")
    number = order["number"]
    assert "delivered and the payment could not be captured" in order["attention_reason"]
    assert (order["shipments"][0]["state"], order["shipments"][0]["possible_acts"]) == ("delivered", ["retry"])
    seen = await done(shop, number, "retry_payment", reason="the bank has been called")
    assert (seen["payment"]["captured"], seen["needs_attention"], seen["state"]) == (TOTAL, False, "delivered")
    await shop.skip_time(shop.order_flow(number))
    await shop.order_in(number, "closed")


async def test_what_is_lost_unpaid_is_paid_before_it_is_decided_on(shop: Shop) -> None:
    order = await unpaid(shop, "picked_up", "lost")
    number, parcel = order["number"], order["shipments"][0]["id"]
    await may(shop, number, "retry_payment", "acknowledge", "note")
    refused = await act(shop, number, "resolve", parcel=parcel, how="refund")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_resolve"), refused.text
    await done(shop, number, "retry_payment")
    await until(lambda: shop.order(number), lambda seen: seen["attention_reason"] == "the parcel is lost")
    paid_back = await done(shop, number, "resolve", parcel=parcel, how="refund", reason="it will not come")
    assert (paid_back["payment"]["captured"], paid_back["payment"]["refunded"]) == (TOTAL, TOTAL)
    await shop.ended(shop.order_flow(number))


async def test_without_stock_nothing_is_sent_again_and_its_share_is_paid_back_once(shop: Shop) -> None:
    sku = shop.new_sku(1)
    order = await lost(shop, sku)
    number, parcel = order["number"], order["shipments"][0]["id"]
    refused = await act(shop, number, "resolve", parcel=parcel, how="reship")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_stock"), refused.text
    key = uuid.uuid4().hex
    for _ in range(2):
        await done(shop, number, "resolve", key=key, parcel=parcel, how="refund", reason="no more of it")
    await shop.ended(shop.order_flow(number))
    seen = await shop.order(number)
    assert (seen["payment"]["refunded"], seen["needs_attention"], seen["possible_acts"]) == (TOTAL, False, [])
    assert [one["amount"] for one in seen["refunds"]] == [TOTAL]
    assert {"order.resolved", "stock.written_off"} <= {event["type"] for event in seen["timeline"]}
    assert shop.stock(sku) == (0, 0)


async def test_a_parcel_is_waited_for_until_a_day_and_a_person_is_called_again(shop: Shop) -> None:
    order = await lost(shop, shop.new_sku(2))
    number, parcel = order["number"], order["shipments"][0]["id"]
    until_then = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    seen = await done(shop, number, "resolve", parcel=parcel, how="wait", until=until_then, reason="they look for it")
    assert (seen["needs_attention"], seen["shipments"][0]["resolution"]) == (False, "wait")
    await shop.skip_time(shop.order_flow(number), timedelta(days=3, hours=1))
    called = await until(lambda: shop.order(number), lambda one: one["needs_attention"])
    assert "it was waited for a parcel until" in called["attention_reason"]
    await may(shop, number, "resolve", "acknowledge", "note")
    again = await done(shop, number, "resolve", parcel=parcel, how="refund", reason="it will not come")
    assert (again["payment"]["refunded"], again["needs_attention"]) == (TOTAL, False)


async def test_a_held_order_holds_what_is_sent_again(shop: Shop) -> None:
    sku = shop.new_sku(4)
    order = await Parcels(shop).bought({sku: 1}, {sku: 1})
    number, one = order["number"], Parcels(shop).alone(order, 0)
    assert (await shop.hand_over(one)).json()["released"]
    await done(shop, number, "hold", reason="the address is odd")
    await shop.scan(one, "picked_up", "on_hold")
    await until(lambda: shop.order(number), lambda seen: "resolve" in seen["possible_acts"])
    await done(shop, number, "resolve", parcel=one["shipments"][0]["id"], how="reship", reason="damaged")
    seen = await Parcels(shop).labelled_but(number, one["shipments"][0]["id"])
    assert [parcel["state"] for parcel in seen["shipments"]] == ["lost", "label_bought", "label_bought"]
    kept = await shop.hand_over(Parcels(shop).alone(seen, 2))
    assert (kept.status_code, kept.json()["code"]) == (409, "held")
    flow = shop.temporal.get_workflow_handle(shipment_workflow(TENANT, seen["shipments"][2]["id"]))
    assert "order's address" not in await shop.details(flow)
    await done(shop, number, "release")
    for place in (1, 2):
        await Parcels(shop).deliver(seen, place)
    arrived = await shop.order_in(number, "delivered")
    assert arrived["payment"]["captured"] == 2 * PRICE + SHIPPING


@pytest.mark.parametrize("body", [{"how": "burn"}, {"how": "wait", "until": "2026-11-30"}, {"how": "refund", "x": 1}])
async def test_bad_input_to_resolve_is_refused(shop: Shop, body: dict[str, Any]) -> None:
    answer = await act(shop, "1", "resolve", parcel="shp_1", **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
