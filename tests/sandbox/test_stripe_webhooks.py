"""Webhooks: what is sent, that it is signed, and that it arrives late, twice, backwards or not at all."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.sandbox.test_stripe_stand import HOLD, SECRET, Receiver, StandIn, until

AUTHORIZED = ["payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"]


@pytest.fixture(scope="module")
async def pair() -> AsyncIterator[tuple[StandIn, Receiver]]:
    """One process and one shop for this file."""
    shop = Receiver()
    stand = StandIn("--webhook-url", shop.url, "--webhook-secret", SECRET)
    await stand.start()
    yield stand, shop
    await stand.stop()
    shop.close()


@pytest.fixture
async def stand(pair: tuple[StandIn, Receiver]) -> StandIn:
    """The process, emptied and back to one endpoint."""
    stand, shop = pair
    await stand.control("reset")
    await stand.control("webhooks", endpoints=[{"url": shop.url, "secret": SECRET}])
    return stand


@pytest.fixture
def shop(pair: tuple[StandIn, Receiver], stand: StandIn) -> Receiver:
    """The shop, with an empty letter box."""
    pair[1].events.clear()
    pair[1].status, pair[1].refusals = 200, 0
    return pair[1]


async def test_events_are_signed_snapshots(stand: StandIn, shop: Receiver) -> None:
    held = await stand.intents.create_async(HOLD, {"idempotency_key": "buy"})
    await until(lambda: len(shop.events) == 3)
    assert sorted(shop.types()) == sorted(AUTHORIZED)
    await stand.intents.capture_async(held.id)
    await until(lambda: len(shop.events) == 5)
    assert {"charge.captured", "payment_intent.succeeded"} <= set(shop.types())
    created = next(event for event in shop.events if event["type"] == "payment_intent.created")
    assert created["data"]["object"]["status"] == "requires_confirmation"
    assert created["request"]["idempotency_key"] == "buy"
    assert created["id"].startswith("evt_")
    kept = await stand.stripe.v1.events.retrieve_async(created["id"])
    assert kept.data.object["id"] == held.id


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (
            "pm_card_chargeDeclined",
            ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"],
        ),
        ("pm_card_authenticationRequired", ["payment_intent.created", "payment_intent.requires_action"]),
    ],
)
async def test_what_went_wrong_is_told_too(stand: StandIn, shop: Receiver, card: str, expected: list[str]) -> None:
    data = {"amount": "500", "currency": "eur", "confirm": "true", "payment_method": card}
    await stand.post("/v1/payment_intents", data | {"payment_method_types[]": "card"})
    await until(lambda: sorted(shop.types()) == sorted(expected))


async def test_cancel_and_refund_are_told(stand: StandIn, shop: Receiver) -> None:
    held = await stand.intents.create_async(HOLD)
    await stand.intents.cancel_async(held.id)
    await until(lambda: "payment_intent.canceled" in shop.types())
    since_hold = [event.type for event in (await stand.stripe.v1.events.list_async({"limit": 100})).data]
    assert "charge.refunded" not in since_hold
    assert since_hold[0] == "payment_intent.canceled"
    shop.events.clear()
    sold = await stand.intents.create_async(HOLD | {"capture_method": "automatic"})
    await stand.stripe.v1.refunds.create_async({"payment_intent": sold.id})
    await until(lambda: {"refund.created", "charge.refunded"} <= set(shop.types()))


async def test_what_is_refused_is_sent_again(stand: StandIn, shop: Receiver) -> None:
    shop.status = 500
    await stand.intents.create_async({"amount": 500, "currency": "eur"})
    await until(lambda: shop.refusals >= 1)
    assert (await stand.state())["deliveries_pending"] == 1
    shop.status = 200
    await until(lambda: shop.types() == ["payment_intent.created"])
    await asyncio.sleep(0.05)
    assert (await stand.state())["deliveries_pending"] == 0


async def test_duplicates(stand: StandIn, shop: Receiver) -> None:
    await stand.control("webhooks", duplicate=2)
    await stand.intents.create_async({"amount": 500, "currency": "eur"})
    await until(lambda: len(shop.events) == 3)
    assert len({event["id"] for event in shop.events}) == 1


@pytest.mark.parametrize(("backwards", "expected"), [(False, AUTHORIZED), (True, AUTHORIZED[::-1])])
async def test_held_back_and_released(stand: StandIn, shop: Receiver, backwards: bool, expected: list[str]) -> None:
    await stand.control("webhooks", mode="hold")
    await stand.intents.create_async(HOLD)
    await asyncio.sleep(0.1)
    assert shop.events == []
    assert (await stand.state())["deliveries_held"] == 3
    assert await stand.control("webhooks/release", reorder=backwards) == {"released": 3}
    await until(lambda: len(shop.events) == 3)
    if backwards:
        assert shop.types() == expected
    else:
        assert sorted(shop.types()) == sorted(expected)
    await stand.intents.create_async({"amount": 500, "currency": "eur"})
    await until(lambda: len(shop.events) == 4)


async def test_the_wrong_order(stand: StandIn, shop: Receiver) -> None:
    await stand.control("webhooks", reorder=True)
    await stand.intents.create_async(HOLD)
    await until(lambda: len(shop.events) == 3)
    assert shop.types() == AUTHORIZED[::-1]


async def test_late(stand: StandIn, shop: Receiver) -> None:
    await stand.control("webhooks", delay_seconds=0.3)
    await stand.intents.create_async({"amount": 500, "currency": "eur"})
    await asyncio.sleep(0.1)
    assert shop.events == []
    await until(lambda: len(shop.events) == 1)


async def test_dropped_and_resent(stand: StandIn, shop: Receiver) -> None:
    await stand.control("webhooks", mode="drop")
    await stand.intents.create_async({"amount": 500, "currency": "eur"})
    await stand.control("webhooks", mode="normal")
    await asyncio.sleep(0.1)
    assert shop.events == []
    (event,) = (await stand.stripe.v1.events.list_async()).data
    await stand.control("webhooks/resend", event_id=event.id)
    await until(lambda: len(shop.events) == 1)
    assert shop.events[0]["id"] == event.id
    missing = await stand.http.post("/_control/webhooks/resend", json={"event_id": "evt_none"})
    assert missing.status_code == 404


async def test_several_endpoints_with_their_own_wishes(stand: StandIn, shop: Receiver) -> None:
    other = Receiver()
    wishes: list[Any] = [
        {"url": shop.url, "secret": SECRET, "enabled_events": ["charge.succeeded"]},
        {"url": other.url, "secret": SECRET},
    ]
    await stand.control("webhooks", endpoints=wishes)
    await stand.intents.create_async(HOLD)
    await until(lambda: len(other.events) == 3 and len(shop.events) == 1)
    assert shop.types() == ["charge.succeeded"]
    other.close()


async def test_the_answer_does_not_wait_for_the_shop(stand: StandIn, shop: Receiver) -> None:
    """A shop that is down costs the API nothing."""
    await stand.control("webhooks", endpoints=[{"url": "http://127.0.0.1:9/hook", "secret": SECRET}])
    answer: httpx.Response = await stand.post("/v1/payment_intents", {"amount": "500", "currency": "eur"})
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 1
    assert shop.events == []
