"""Failures on demand: before, after and instead of an answer, and what idempotency makes of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import stripe

from tests.sandbox.test_stripe_stand import HOLD, KEY, StandIn


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[StandIn]:
    """One process for this file."""
    stand = StandIn()
    await stand.start()
    yield stand
    await stand.stop()


@pytest.fixture
async def stand(running: StandIn) -> StandIn:
    """The process, emptied."""
    await running.control("reset")
    return running


def under(key: str) -> Any:
    """Request options with a key."""
    return {"idempotency_key": key}


async def test_a_connection_lost_before_leaves_nothing(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.create", when="before", status=None)
    with pytest.raises(stripe.APIConnectionError):
        await stand.intents.create_async(HOLD, under("a"))
    assert (await stand.state())["intents"] == 0
    made = await stand.intents.create_async(HOLD, under("a"))
    assert "idempotent-replayed" not in made.last_response.headers


async def test_an_answer_lost_after_leaves_the_payment(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.create", when="after", status=None)
    with pytest.raises(stripe.APIConnectionError):
        await stand.intents.create_async(HOLD, under("a"))
    assert (await stand.state())["authorizations_live"] == 1
    found = await stand.intents.create_async(HOLD, under("a"))
    assert found.last_response.headers["idempotent-replayed"] == "true"
    assert (await stand.state())["intents"] == 1


async def test_not_a_byte_arrives_when_the_connection_is_cut(stand: StandIn) -> None:
    await stand.fault(when="after", status=None)
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.port)
    writer.write(f"GET /v1/charges HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(("when", "intents"), [("before", 0), ("after", 1)])
async def test_a_500_is_replayed_for_its_key_for_ever(stand: StandIn, when: str, intents: int) -> None:
    await stand.fault(operation="payment_intents.create", when=when, status=500)
    for _ in range(3):
        with pytest.raises(stripe.APIError) as broken:
            await stand.intents.create_async(HOLD, under("a"))
        assert broken.value.http_status == 500
    assert (await stand.state())["intents"] == intents
    assert (await stand.intents.create_async(HOLD, under("b"))).status == "requires_capture"


async def test_a_rate_limit_is_not_kept(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.create", status=429, retry_after=2)
    with pytest.raises(stripe.RateLimitError) as limited:
        await stand.intents.create_async(HOLD, under("a"))
    assert dict(limited.value.headers or {})["retry-after"] == "2"
    assert (await stand.intents.create_async(HOLD, under("a"))).status == "requires_capture"


async def test_a_lock_is_not_kept(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.create", status=429, error={"code": "lock_timeout"})
    with pytest.raises(stripe.StripeError) as locked:
        await stand.intents.create_async(HOLD, under("a"))
    assert locked.value.error is not None
    assert (locked.value.http_status, locked.value.error.code) == (429, "lock_timeout")
    assert (await stand.intents.create_async(HOLD, under("a"))).status == "requires_capture"


async def test_a_conflict_is_not_kept(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.create", status=409)
    with pytest.raises(stripe.StripeError) as conflict:
        await stand.intents.create_async(HOLD, under("a"))
    assert conflict.value.http_status == 409
    assert (await stand.intents.create_async(HOLD, under("a"))).status == "requires_capture"


async def test_an_outage_spares_no_replay(stand: StandIn) -> None:
    made = await stand.intents.create_async(HOLD, under("a"))
    await stand.fault(when="before", status=None, times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            await stand.intents.create_async(HOLD, under("a"))
    assert (await stand.intents.create_async(HOLD, under("a"))).id == made.id


async def test_a_hanging_request_ends_with_the_clients_patience(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.capture", when="hang")
    held = await stand.intents.create_async(HOLD)
    path, headers = f"/v1/payment_intents/{held.id}/capture", {"Authorization": f"Bearer {KEY}"}
    with pytest.raises(httpx.ReadTimeout):
        await stand.http.post(path, headers=headers, timeout=0.2)
    assert (await stand.intents.retrieve_async(held.id)).status == "requires_capture"
    assert (await stand.intents.capture_async(held.id)).status == "succeeded"


async def test_an_issuer_may_decline_any_confirmation(stand: StandIn) -> None:
    reason = {"code": "card_declined", "decline_code": "do_not_honor", "message": "No."}
    await stand.fault(operation="payment_intents.create", status=402, error=reason)
    with pytest.raises(stripe.CardError) as declined:
        await stand.intents.create_async(HOLD)
    error = declined.value.error
    assert error is not None
    assert error.payment_intent is not None
    assert (error.decline_code, error.payment_intent.status) == ("do_not_honor", "requires_payment_method")


async def test_a_declined_capture_leaves_the_hold(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    await stand.fault(operation="payment_intents.capture", status=402)
    with pytest.raises(stripe.CardError) as declined:
        await stand.intents.capture_async(held.id, {}, under("a"))
    assert declined.value.code == "card_declined"
    assert (await stand.intents.retrieve_async(held.id)).status == "requires_capture"
    assert (await stand.intents.capture_async(held.id, {}, under("b"))).status == "succeeded"


async def test_faults_can_be_counted_and_cleared(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.*", status=503, nth=2, times=2)
    outcomes = []
    for _ in range(5):
        answer = await stand.post("/v1/payment_intents", {"amount": "500", "currency": "eur"})
        outcomes.append(answer.status_code)
    assert outcomes == [200, 503, 503, 200, 200]
    await stand.fault(times=100)
    assert (await stand.http.delete("/_control/faults")).json() == {"faults": []}
    assert (await stand.intents.create_async(HOLD)).status == "requires_capture"


async def test_a_fault_may_be_meant_for_one_key(stand: StandIn) -> None:
    await stand.fault(operation="payment_intents.create", status=503, idempotency_key="order-7:*", times=5)
    assert (await stand.intents.create_async(HOLD, under("order-8:authorize"))).status == "requires_capture"
    keyless = await stand.post("/v1/payment_intents", {"amount": "500", "currency": "eur"})
    assert keyless.status_code == 200
    with pytest.raises(stripe.APIError) as broken:
        await stand.intents.create_async(HOLD, under("order-7:authorize"))
    assert broken.value.http_status == 503
    (order,) = (await stand.http.get("/_control/faults")).json()["faults"]
    assert (order["seen"], order["struck"], order["idempotency_key"]) == (1, 1, "order-7:*")


async def test_a_fault_may_be_meant_for_one_intent(stand: StandIn) -> None:
    hit, spared = await stand.intents.create_async(HOLD), await stand.intents.create_async(HOLD)
    await stand.fault(payment_intent=hit.id, status=429, times=2)
    assert (await stand.intents.capture_async(spared.id)).status == "succeeded"
    with pytest.raises(stripe.RateLimitError):
        await stand.intents.capture_async(hit.id)
    with pytest.raises(stripe.RateLimitError):
        await stand.stripe.v1.refunds.create_async({"payment_intent": hit.id})
    assert (await stand.intents.capture_async(hit.id)).status == "succeeded"


async def test_faults_of_several_tests_do_not_meet(stand: StandIn) -> None:
    for name in ("a", "b"):
        await stand.fault(status=409, idempotency_key=f"{name}:*")
    outcomes = await asyncio.gather(
        *(stand.intents.create_async(HOLD, under(f"{name}:1")) for name in "abc"), return_exceptions=True
    )
    assert [isinstance(outcome, stripe.StripeError) for outcome in outcomes] == [True, True, False]


async def test_chance_is_reproducible(stand: StandIn) -> None:
    runs = []
    for _ in range(2):
        await stand.http.delete("/_control/faults")
        await stand.fault(operation="payment_intents.list", status=500, probability=0.5, seed=7)
        headers = {"Authorization": f"Bearer {KEY}"}
        answers = [await stand.http.get("/v1/payment_intents", headers=headers) for _ in range(20)]
        runs.append([answer.status_code for answer in answers])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


async def test_an_order_that_makes_no_sense_is_refused(stand: StandIn) -> None:
    answer = await stand.http.post("/_control/faults", json={"operation": "*", "whenn": "before"})
    assert answer.status_code == 422
