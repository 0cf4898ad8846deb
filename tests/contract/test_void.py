"""Voiding: what is held, what never was, what was captured, and an authorization whose intent nobody knows."""

from typing import Any

import pytest

from domain.payments import CaptureMethod, PaymentCancelled, PaymentVoided, VoidRefused
from tests.contract.kit import Account


async def test_what_was_held_is_given_back(account: Account) -> None:
    held = await account.held()
    assert await account.gateway.void(account.voids(held.intent_id)) == PaymentVoided(held.intent_id)
    assert await account.gateway.look_up(held.intent_id) == PaymentCancelled(held.intent_id)
    intent = await account.shopper.payment_intents.retrieve_async(held.intent_id)
    assert intent.amount_capturable == 0


async def test_twice_under_one_key_and_again_under_another(account: Account) -> None:
    held = await account.held()
    asked = account.voids(held.intent_id)
    for again in (asked, asked, account.voids(held.intent_id)):
        assert await account.gateway.void(again) == PaymentVoided(held.intent_id)


async def test_an_intent_that_nobody_confirmed(account: Account) -> None:
    open_ = await account.gateway.authorize(account.asks(None))
    assert open_.kind == "action_required"
    assert await account.gateway.void(account.voids(open_.intent_id)) == PaymentVoided(open_.intent_id)


async def test_captured_money_is_refused(account: Account) -> None:
    held = await account.held(2500)
    await account.gateway.capture(account.captures(held.intent_id, 1500))
    refused = await account.gateway.void(account.voids(held.intent_id))
    assert isinstance(refused, VoidRefused)
    assert refused.intent_id == held.intent_id
    assert refused.captured.amount_minor == 1500
    assert refused.captured.charge_id == held.charge_id


async def test_the_rest_of_a_part_captured_intent_is_released(account: Account) -> None:
    held = await account.held(2500)
    if held.multicapture:
        await account.gateway.capture(account.captures(held.intent_id, 1000, final=False))
        fact = await account.gateway.void(account.voids(held.intent_id))
        assert fact.kind in ("voided", "void_refused")
        intent = await account.shopper.payment_intents.retrieve_async(held.intent_id)
        assert (intent.amount_capturable, intent.amount_received) == (0, 1000)


@pytest.mark.parametrize("captured", [0, 1000], ids=["voided", "part captured"])
async def test_what_was_never_captured_is_no_refund(account: Account, captured: int) -> None:
    """docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow"""
    held = await account.held(2500)
    if captured:
        await account.gateway.capture(account.captures(held.intent_id, captured))
    else:
        await account.gateway.void(account.voids(held.intent_id))
    assert (await account.shopper.refunds.list_async({"payment_intent": held.intent_id})).data == []
    charge: Any = await account.shopper.charges.retrieve_async(held.charge_id or "")
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (captured, 0, False)
    moved = (await account.shopper.balance_transactions.list_async({"source": charge.id})).data
    assert [(one.type, one.amount) for one in moved] == ([("charge", captured)] if captured else [])


async def test_by_its_authorization(account: Account) -> None:
    asked = account.asks()
    held = await account.gateway.authorize(asked)
    assert held.kind == "authorized"
    assert await account.gateway.void(account.voids(None, asked)) == PaymentVoided(held.intent_id)
    assert await account.gateway.look_up(held.intent_id) == PaymentCancelled(held.intent_id)


async def test_by_an_authorization_that_was_captured_at_once(account: Account) -> None:
    asked = account.asks(capture=CaptureMethod.AUTOMATIC)
    await account.gateway.authorize(asked)
    refused = await account.gateway.void(account.voids(None, asked))
    assert isinstance(refused, VoidRefused)
    assert refused.captured.amount_minor == asked.amount_minor


async def test_by_an_authorization_that_was_declined(account: Account) -> None:
    asked = account.asks("pm_card_visa_chargeDeclined")
    refused = await account.gateway.authorize(asked)
    assert refused.kind == "declined"
    assert await account.gateway.void(account.voids(None, asked)) == PaymentVoided(refused.intent_id)


async def test_by_an_authorization_that_made_no_intent(account: Account) -> None:
    asked = account.asks("pm_1NoSuchMethod00000000000")
    assert await account.gateway.void(account.voids(None, asked)) == PaymentVoided(None)


async def test_by_an_authorization_that_had_not_happened_yet(account: Account) -> None:
    """It happens now and is given back at once, so that it cannot come later."""
    asked = account.asks()
    voided = await account.gateway.void(account.voids(None, asked))
    assert isinstance(voided, PaymentVoided)
    assert voided.intent_id is not None
    assert await account.gateway.look_up(voided.intent_id) == PaymentCancelled(voided.intent_id)


async def test_nothing_to_void(account: Account) -> None:
    assert await account.gateway.void(account.voids(None)) == PaymentVoided(None)
