"""Refunding: all, parts, too much, twice; refunds that take their time, and those that bounce."""

from dataclasses import replace

import pytest

from domain.payments import RefundFact, RefundFailed, RefundMade
from domain.refusals import RefusalCode
from gateways.stripe import StripeMisconfigured
from tests.contract.kit import Account


def made(fact: RefundFact) -> RefundMade:
    """The fact, which has to be a refund that the provider has."""
    assert isinstance(fact, RefundMade), fact
    return fact


async def refunds_of(account: Account, intent_id: str) -> list[int]:
    """The amounts of an intent's refunds, newest first."""
    page = await account.shopper.refunds.list_async({"payment_intent": intent_id})
    return [refund.amount for refund in page.data]


async def test_all_of_it(account: Account) -> None:
    paid = await account.taken(2500)
    asked = account.refunds(paid.intent_id, 2500)
    fact = made(await account.gateway.refund(asked))
    assert fact.provider_id.startswith(("re_", "pyr_"))
    assert (fact.amount_minor, fact.settling) == (2500, False)
    assert fact.transaction_id is not None
    assert await account.gateway.look_up_refund(fact.provider_id) == fact
    refund = await account.shopper.refunds.retrieve_async(fact.provider_id)
    assert refund.metadata is not None
    assert refund.metadata.to_dict() == {
        "tenant": asked.tenant,
        "payment_id": asked.payment_id,
        "refund_id": asked.refund_id,
        "operation": asked.idempotency_key,
    }


async def test_part_after_part_and_then_no_more(account: Account) -> None:
    paid = await account.taken(2500)
    for amount in (1000, 500, 1000):
        assert made(await account.gateway.refund(account.refunds(paid.intent_id, amount))).amount_minor == amount
    assert await refunds_of(account, paid.intent_id) == [1000, 500, 1000]
    refused = await account.gateway.refund(account.refunds(paid.intent_id, 100))
    assert isinstance(refused, RefundFailed)
    assert refused.refusal.code is RefusalCode.REFUND_EXCEEDS_CAPTURED
    assert refused.provider_id is None


async def test_more_than_was_captured(account: Account) -> None:
    held = await account.held(2500)
    await account.gateway.capture(account.captures(held.intent_id, 1500))
    refused = await account.gateway.refund(account.refunds(held.intent_id, 1501))
    assert isinstance(refused, RefundFailed)
    assert refused.refusal.code is RefusalCode.REFUND_EXCEEDS_CAPTURED
    assert made(await account.gateway.refund(account.refunds(held.intent_id, 1500))).amount_minor == 1500


async def test_more_than_is_left(account: Account) -> None:
    paid = await account.taken(2500)
    made(await account.gateway.refund(account.refunds(paid.intent_id, 2000)))
    refused = await account.gateway.refund(account.refunds(paid.intent_id, 600))
    assert isinstance(refused, RefundFailed)
    assert refused.refusal.code is RefusalCode.REFUND_EXCEEDS_CAPTURED
    assert await refunds_of(account, paid.intent_id) == [2000]


async def test_the_same_key_refunds_once(account: Account) -> None:
    paid = await account.taken(2500)
    asked = account.refunds(paid.intent_id, 1000)
    first = await account.gateway.refund(asked)
    assert await account.gateway.refund(asked) == first
    assert await refunds_of(account, paid.intent_id) == [1000]


async def test_another_body_under_the_same_key_is_our_own_mistake(account: Account) -> None:
    paid = await account.taken(2500)
    asked = account.refunds(paid.intent_id, 1000)
    await account.gateway.refund(asked)
    with pytest.raises(StripeMisconfigured, match="400"):
        await account.gateway.refund(replace(asked, amount_minor=1100))
    assert await refunds_of(account, paid.intent_id) == [1000]


async def test_a_refund_that_takes_its_time(account: Account) -> None:
    """docs.stripe.com/testing#refunds: pending at first, succeeded later."""
    paid = await account.taken(2500, "pm_card_pendingRefund")
    fact = made(await account.gateway.refund(account.refunds(paid.intent_id, 2500)))
    assert fact.settling

    async def look() -> RefundMade:
        return made(await account.gateway.look_up_refund(fact.provider_id))

    arrived = await account.eventually(look, lambda seen: not seen.settling)
    assert arrived.amount_minor == 2500


async def test_a_refund_that_bounces(account: Account) -> None:
    """docs.stripe.com/testing#refunds: succeeded at first, failed later."""
    paid = await account.taken(2500, "pm_card_refundFail")
    fact = made(await account.gateway.refund(account.refunds(paid.intent_id, 2500)))
    assert not fact.settling

    async def look() -> RefundMade | RefundFailed:
        return await account.gateway.look_up_refund(fact.provider_id)

    bounced = await account.eventually(look, lambda seen: isinstance(seen, RefundFailed))
    assert isinstance(bounced, RefundFailed)
    assert bounced.provider_id == fact.provider_id
    assert bounced.refusal.code is RefusalCode.REFUND_FAILED


async def test_an_intent_that_does_not_exist(account: Account) -> None:
    fact = await account.gateway.refund(account.refunds("pi_3NoSuchIntent0000000000", 100))
    assert isinstance(fact, RefundFailed)
    assert fact.refusal.code is RefusalCode.REFUND_FAILED


async def test_an_intent_that_was_never_captured(account: Account) -> None:
    held = await account.held()
    fact = await account.gateway.refund(account.refunds(held.intent_id, 100))
    assert isinstance(fact, RefundFailed)
    assert fact.provider_id is None


async def test_an_unknown_refund_is_our_own_mistake(account: Account) -> None:
    with pytest.raises(StripeMisconfigured, match="resource_missing"):
        await account.gateway.look_up_refund("re_3NoSuchRefund0000000000")
