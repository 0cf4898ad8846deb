"""Lost and broken answers, on the stand-in only: an unknown outcome raises, and asking again ends with one effect."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from domain.payments import KeySpent
from gateways.stripe import Stripe, StripeUnavailable
from sandbox.ports import free_port
from tests.contract.faults import OPERATIONS, Operation, act, arm, effects, insist, sent, watch
from tests.contract.kit import Account
from tests.sandbox.test_stripe_stand import KEY

UNKNOWN: dict[str, dict[str, Any]] = {
    "lost on the way there": {"when": "before", "status": None},
    "lost on the way back": {"when": "after", "status": None},
    "conflict": {"when": "before", "status": 409},
    "rate limit": {"when": "before", "status": 429},
    "rate limit with a time": {"when": "before", "status": 429, "retry_after": 7},
    "lock": {"when": "before", "status": 429, "error": {"code": "lock_timeout"}},
}
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


@each_operation
@pytest.mark.parametrize("fault", UNKNOWN)
async def test_an_unknown_outcome_is_asked_for_again(emptied: Account, operation: Operation, fault: str) -> None:
    asked = await operation.prepare(emptied)
    await arm(emptied, operation, **UNKNOWN[fault])
    with pytest.raises(StripeUnavailable) as unknown:
        await act(emptied, operation, asked)
    assert unknown.value.retry_after == UNKNOWN[fault].get("retry_after")
    happened = fault == "lost on the way back"
    assert await effects(emptied, operation) == int(happened)
    first = await act(emptied, operation, asked)
    assert first.kind == operation.kind
    assert await act(emptied, operation, asked) == first
    assert await effects(emptied, operation) == 1


@each_operation
async def test_silence_ends_with_the_gateways_patience(emptied: Account, operation: Operation) -> None:
    asked = await operation.prepare(emptied)
    assert emptied.stand is not None
    await arm(emptied, operation, when="hang")
    hurried = Stripe(api_key=KEY, api_base=emptied.stand.base, webhook_secrets=(), timeout=0.3)
    try:
        with pytest.raises(StripeUnavailable, match="no answer"):
            await getattr(hurried, operation.method or operation.name)(asked)
    finally:
        await hurried.close()
    assert (await insist(emptied, operation, asked)).kind == operation.kind
    assert await effects(emptied, operation) == 1


@each_operation
async def test_a_saved_failure_of_what_never_happened_spends_the_key(emptied: Account, operation: Operation) -> None:
    """docs.stripe.com/api/idempotent_requests: a 500 is saved for its key, and asking again only repeats it."""
    asked = await operation.prepare(emptied)
    await arm(emptied, operation, when="before", status=500)
    with pytest.raises(StripeUnavailable):
        await act(emptied, operation, asked)
    for _ in range(2):
        assert isinstance(await act(emptied, operation, asked), KeySpent)
    assert await effects(emptied, operation) == 0
    anew = replace(asked, idempotency_key=f"{asked.idempotency_key}/2")
    assert (await act(emptied, operation, anew)).kind == operation.kind
    assert await effects(emptied, operation) == 1


@each_operation
@pytest.mark.parametrize("status", [500, 503])
async def test_a_saved_failure_of_what_did_happen_tells_the_fact(
    emptied: Account, operation: Operation, status: int
) -> None:
    asked = await operation.prepare(emptied)
    await arm(emptied, operation, when="after", status=status)
    with pytest.raises(StripeUnavailable):
        await act(emptied, operation, asked)
    for _ in range(2):
        assert (await act(emptied, operation, asked)).kind == operation.kind
    assert await effects(emptied, operation) == 1


@each_operation
async def test_the_look_after_a_saved_failure_may_fail_too(emptied: Account, operation: Operation) -> None:
    asked = await operation.prepare(emptied)
    await arm(emptied, operation, when="after", status=500)
    with pytest.raises(StripeUnavailable):
        await act(emptied, operation, asked)
    assert emptied.stand is not None
    looks = "refunds.list" if operation.name == "refund" else "payment_intents.retrieve"
    await emptied.stand.fault(operation=looks, when="before", status=None)
    with pytest.raises(StripeUnavailable):
        await act(emptied, operation, asked)
    assert (await act(emptied, operation, asked)).kind == operation.kind


@each_operation
async def test_the_sdk_repeats_nothing_by_itself(emptied: Account, operation: Operation) -> None:
    asked = await operation.prepare(emptied)
    await watch(emptied, operation)
    await arm(emptied, operation, when="before", status=None)
    with pytest.raises(StripeUnavailable):
        await act(emptied, operation, asked)
    assert await sent(emptied, operation) == 2  # one request, counted by either fault


@each_operation
async def test_many_at_once_have_one_effect(emptied: Account, operation: Operation) -> None:
    asked = await operation.prepare(emptied)
    facts = await asyncio.gather(*(insist(emptied, operation, asked) for _ in range(8)))
    assert len(set(facts)) == 1
    assert facts[0].kind == operation.kind
    assert await effects(emptied, operation) == 1


@each_operation
async def test_nobody_at_home(emptied: Account, operation: Operation) -> None:
    asked = await operation.prepare(emptied)
    lonely = Stripe(api_key=KEY, api_base=f"http://127.0.0.1:{free_port()}", webhook_secrets=())
    try:
        with pytest.raises(StripeUnavailable, match="no answer"):
            await getattr(lonely, operation.method or operation.name)(asked)
    finally:
        await lonely.close()


async def test_a_void_by_authorization_whose_answer_was_lost(emptied: Account) -> None:
    authorize, _, void, *_ = OPERATIONS
    asked = emptied.asks()
    await arm(emptied, authorize, when="after", status=None)
    with pytest.raises(StripeUnavailable):
        await emptied.gateway.authorize(asked)
    voided = await emptied.gateway.void(emptied.voids(None, asked))
    assert voided.kind == "voided"
    assert await effects(emptied, authorize) == 0
    assert await effects(emptied, void) == 1


async def test_a_void_by_authorization_whose_key_is_spent(emptied: Account) -> None:
    authorize, _, void, *_ = OPERATIONS
    asked = emptied.asks()
    await arm(emptied, authorize, when="before", status=500)
    with pytest.raises(StripeUnavailable):
        await emptied.gateway.authorize(asked)
    voided = await emptied.gateway.void(emptied.voids(None, asked))
    assert (voided.kind, getattr(voided, "intent_id", "")) == ("voided", None)
    assert await effects(emptied, void) == 0


async def test_a_capture_that_the_bank_declines_is_final(emptied: Account) -> None:
    capture = OPERATIONS[1]
    asked = await capture.prepare(emptied)
    await arm(emptied, capture, status=402, error={"code": "card_declined", "decline_code": "insufficient_funds"})
    for _ in range(2):
        refused = await emptied.gateway.capture(asked)
        assert refused.kind == "capture_declined"
        assert refused.refusal.code == "insufficient_funds"
    assert await effects(emptied, capture) == 0
