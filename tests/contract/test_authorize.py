"""Authorizing: by the server with a payment method, by the browser with a secret; 3-D Secure; idempotency."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.payments import CaptureMethod, PaymentActionRequired, PaymentAuthorized, PaymentCaptured, PaymentDeclined
from domain.refusals import RefusalCode
from gateways.stripe import StripeMisconfigured
from tests.contract.kit import SHOP, VISA, Account, authorized

THREE_D_SECURE = "pm_card_threeDSecure2Required"


async def test_a_good_card_is_held_for_about_seven_days(account: Account) -> None:
    asked = account.asks()
    fact = authorized(await account.gateway.authorize(asked))
    assert fact.amount_minor == asked.amount_minor
    assert fact.card == "visa 4242"
    assert fact.charge_id is not None
    assert fact.charge_id.startswith("ch_")
    assert fact.saved is None
    assert fact.captured is None
    intent = await account.shopper.payment_intents.retrieve_async(fact.intent_id)
    assert fact.capture_before is not None
    left = fact.capture_before - datetime.fromtimestamp(intent.created, UTC)
    assert timedelta(days=6) < left < timedelta(days=8)


async def test_a_held_card_looks_the_same_later(account: Account) -> None:
    fact = await account.held()
    assert await account.gateway.look_up(fact.intent_id) == fact


async def test_what_we_know_of_it_is_written_on_the_intent(account: Account) -> None:
    asked = account.asks()
    fact = authorized(await account.gateway.authorize(asked))
    intent = await account.shopper.payment_intents.retrieve_async(fact.intent_id)
    assert intent.metadata.to_dict() == {
        "tenant": asked.tenant,
        "checkout_id": asked.checkout_id,
        "payment_id": asked.payment_id,
        "customer_id": asked.customer_id,
        "operation": asked.idempotency_key,
    }


async def test_captured_at_once(account: Account) -> None:
    asked = account.asks(capture=CaptureMethod.AUTOMATIC)
    fact = authorized(await account.gateway.authorize(asked))
    assert fact.amount_minor == asked.amount_minor
    assert isinstance(fact.captured, PaymentCaptured)
    assert fact.captured.amount_minor == asked.amount_minor
    assert fact.captured.final
    assert fact.captured.charge_id == fact.charge_id
    assert authorized(await account.gateway.look_up(fact.intent_id)).captured is not None


async def test_an_unknown_payment_method_is_refused(account: Account) -> None:
    fact = await account.gateway.authorize(account.asks("pm_1NoSuchMethod00000000000"))
    assert isinstance(fact, PaymentDeclined)
    assert fact.refusal.code is RefusalCode.INVALID_PAYMENT_METHOD
    assert fact.intent_id is None


@pytest.mark.parametrize("back", [SHOP, None])
async def test_three_d_secure_asks_the_shopper(account: Account, back: str | None) -> None:
    fact = await account.gateway.authorize(account.asks(THREE_D_SECURE, return_url=back))
    assert isinstance(fact, PaymentActionRequired)
    assert "_secret_" in fact.client_secret
    if back:
        assert fact.action_url is not None
        assert fact.action_url.startswith("http")
    else:
        assert fact.action_url is None
    later = await account.gateway.look_up(fact.intent_id)
    assert isinstance(later, PaymentActionRequired)
    assert later.client_secret == fact.client_secret
    assert bool(later.action_url) is bool(back)


async def test_the_browser_confirms(account: Account) -> None:
    asked = account.asks(None)
    open_ = await account.gateway.authorize(asked)
    assert isinstance(open_, PaymentActionRequired)
    assert open_.action_url is None
    assert open_.client_secret.startswith(open_.intent_id)
    await account.confirm(open_.intent_id, VISA)
    fact = authorized(await account.gateway.look_up(open_.intent_id))
    assert fact.amount_minor == asked.amount_minor


async def test_the_browser_may_try_another_card(account: Account) -> None:
    open_ = await account.gateway.authorize(account.asks(None))
    assert isinstance(open_, PaymentActionRequired)
    attempts = []
    for card in ("pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds"):
        await account.confirm(open_.intent_id, card)
        refused = await account.gateway.look_up(open_.intent_id)
        assert isinstance(refused, PaymentDeclined)
        assert refused.client_secret == open_.client_secret
        attempts.append(refused)
    assert [one.decline_code for one in attempts] == ["generic_decline", "insufficient_funds"]
    assert len({one.attempt_id for one in attempts}) == 2
    await account.confirm(open_.intent_id, VISA)
    assert isinstance(await account.gateway.look_up(open_.intent_id), PaymentAuthorized)


async def test_the_same_key_makes_one_intent(account: Account) -> None:
    asked = account.asks()
    first = await account.gateway.authorize(asked)
    assert await account.gateway.authorize(asked) == first
    assert await account.gateway.authorize(replace(asked, begun_at=datetime.now(UTC))) == first


async def test_a_decline_is_the_same_under_its_key(account: Account) -> None:
    asked = account.asks("pm_card_visa_chargeDeclined")
    first = await account.gateway.authorize(asked)
    assert isinstance(first, PaymentDeclined)
    assert await account.gateway.authorize(asked) == first


async def test_another_body_under_the_same_key_is_our_own_mistake(account: Account) -> None:
    asked = account.asks()
    held = authorized(await account.gateway.authorize(asked))
    with pytest.raises(StripeMisconfigured, match="400"):
        await account.gateway.authorize(replace(asked, amount_minor=asked.amount_minor + 100))
    assert authorized(await account.gateway.look_up(held.intent_id)).amount_minor == asked.amount_minor
