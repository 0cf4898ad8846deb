"""Capturing: all, a part, several parts; again under the same key and under another; and what cannot be captured."""

from dataclasses import replace

import pytest

from domain.payments import CaptureDeclined, PaymentCaptured
from domain.refusals import RefusalCode
from gateways.stripe import StripeMisconfigured
from tests.contract.kit import Account, authorized


async def captured(account: Account, intent_id: str, amount: int, *, final: bool = True, before: int = 0) -> int:
    """Capture a part, which has to succeed; all that was taken by now."""
    asked = account.captures(intent_id, amount, final=final, before_minor=before)
    fact = await account.gateway.capture(asked)
    assert isinstance(fact, PaymentCaptured), fact
    assert fact.final is final
    return fact.amount_minor


async def test_all_of_it(account: Account) -> None:
    held = await account.held()
    fact = await account.gateway.capture(account.captures(held.intent_id, held.amount_minor))
    assert isinstance(fact, PaymentCaptured)
    assert fact.intent_id == held.intent_id
    assert fact.amount_minor == held.amount_minor
    assert fact.charge_id == held.charge_id
    assert fact.final
    later = authorized(await account.gateway.look_up(held.intent_id))
    assert later.captured is not None
    assert (later.captured.amount_minor, later.captured.final) == (held.amount_minor, True)


async def test_the_fee_comes_with_it(account: Account) -> None:
    held = await account.held()
    fact = await account.gateway.capture(account.captures(held.intent_id, held.amount_minor))
    assert isinstance(fact, PaymentCaptured)
    assert fact.fee is not None
    assert fact.fee.currency == account.currency
    assert 0 < fact.fee.amount_minor < held.amount_minor
    transaction = await account.shopper.balance_transactions.retrieve_async(fact.fee.transaction_id)
    assert transaction.fee == fact.fee.amount_minor


async def test_less_than_was_held_releases_the_rest(account: Account) -> None:
    held = await account.held(2500)
    assert await captured(account, held.intent_id, 1000) == 1000
    later = authorized(await account.gateway.look_up(held.intent_id))
    assert later.amount_minor == 1000
    intent = await account.shopper.payment_intents.retrieve_async(held.intent_id)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("succeeded", 0, 1000)


async def test_several_parts_where_that_is_available(account: Account) -> None:
    """Stripe offers it to some accounts only; the fact says whether it does, and the capture bears it out."""
    held = await account.held(3000)
    if account.stand is not None:
        assert held.multicapture
    if not held.multicapture:
        with pytest.raises(StripeMisconfigured):
            await account.gateway.capture(account.captures(held.intent_id, 1000, final=False))
        return
    assert await captured(account, held.intent_id, 1000, final=False) == 1000
    between = authorized(await account.gateway.look_up(held.intent_id))
    assert between.amount_minor == 3000
    assert between.captured is not None
    assert (between.captured.amount_minor, between.captured.final) == (1000, False)
    assert await captured(account, held.intent_id, 500, final=False, before=1000) == 1500
    assert await captured(account, held.intent_id, 700, before=1500) == 2200
    intent = await account.shopper.payment_intents.retrieve_async(held.intent_id)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("succeeded", 0, 2200)


async def test_the_same_key_captures_once(account: Account) -> None:
    held = await account.held(3000)
    asked = account.captures(held.intent_id, 1000, final=not held.multicapture)
    first = await account.gateway.capture(asked)
    assert await account.gateway.capture(asked) == first
    intent = await account.shopper.payment_intents.retrieve_async(held.intent_id)
    assert intent.amount_received == 1000


async def test_another_body_under_the_same_key_is_our_own_mistake(account: Account) -> None:
    held = await account.held()
    asked = account.captures(held.intent_id, 1000)
    await account.gateway.capture(asked)
    with pytest.raises(StripeMisconfigured, match="400"):
        await account.gateway.capture(replace(asked, amount_minor=1100))


async def test_what_was_captured_answers_as_captured_under_another_key(account: Account) -> None:
    held = await account.held()
    await account.gateway.capture(account.captures(held.intent_id, held.amount_minor))
    again = await account.gateway.capture(account.captures(held.intent_id, held.amount_minor))
    assert isinstance(again, PaymentCaptured)
    assert again.amount_minor == held.amount_minor


async def test_a_cancelled_intent_cannot_be_captured(account: Account) -> None:
    held = await account.held()
    await account.gateway.void(account.voids(held.intent_id))
    fact = await account.gateway.capture(account.captures(held.intent_id, held.amount_minor))
    assert isinstance(fact, CaptureDeclined)
    assert fact.refusal.code is RefusalCode.PAYMENT_REJECTED
    assert "canceled" in fact.refusal.message


async def test_nor_one_that_nobody_confirmed(account: Account) -> None:
    asked = account.asks(None)
    open_ = await account.gateway.authorize(asked)
    assert open_.kind == "action_required"
    fact = await account.gateway.capture(account.captures(open_.intent_id, asked.amount_minor))
    assert isinstance(fact, CaptureDeclined)


async def test_more_than_was_held_is_our_own_mistake(account: Account) -> None:
    held = await account.held(2500)
    with pytest.raises(StripeMisconfigured, match="amount_too_large"):
        await account.gateway.capture(account.captures(held.intent_id, 2600))
    assert authorized(await account.gateway.look_up(held.intent_id)).captured is None
