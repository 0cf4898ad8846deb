"""The bank's page of 3-D Secure, on the stand-in only: Stripe's own wants a browser."""

import pytest

from domain.payments import PaymentActionRequired, PaymentDeclined
from domain.refusals import RefusalCode
from tests.contract.kit import VISA, Account, authorized

CARD = "pm_card_threeDSecure2Required"


async def challenged(account: Account, card: str = CARD) -> PaymentActionRequired:
    """A payment that waits for the shopper at the bank's page."""
    fact = await account.gateway.authorize(account.asks(card))
    assert isinstance(fact, PaymentActionRequired)
    return fact


async def answer(account: Account, fact: PaymentActionRequired, act: str) -> None:
    """Press one of the page's two buttons."""
    assert account.stand is not None
    page = await account.stand.http.post(f"/3ds/{fact.intent_id}/{act}")
    assert page.status_code == 303


async def test_the_shopper_passes(emptied: Account) -> None:
    fact = await challenged(emptied)
    await answer(emptied, fact, "pass")
    assert authorized(await emptied.gateway.look_up(fact.intent_id)).amount_minor == 2500


async def test_the_shopper_fails_and_takes_another_card(emptied: Account) -> None:
    fact = await challenged(emptied)
    await answer(emptied, fact, "fail")
    refused = await emptied.gateway.look_up(fact.intent_id)
    assert isinstance(refused, PaymentDeclined)
    assert refused.refusal.code is RefusalCode.AUTHENTICATION_FAILED
    assert refused.client_secret == fact.client_secret
    await emptied.confirm(fact.intent_id, VISA)
    assert authorized(await emptied.gateway.look_up(fact.intent_id)).card == "visa 4242"


async def test_the_bank_declines_after_the_shopper_passed(emptied: Account) -> None:
    fact = await challenged(emptied, "pm_card_threeDSecureRequiredChargeDeclined")
    await answer(emptied, fact, "pass")
    refused = await emptied.gateway.look_up(fact.intent_id)
    assert isinstance(refused, PaymentDeclined)
    assert refused.refusal.code is RefusalCode.CARD_DECLINED


@pytest.mark.parametrize("before", [False, True])
async def test_voided_while_the_shopper_is_away(emptied: Account, before: bool) -> None:
    """What comes first wins, and the other finds it so."""
    fact = await challenged(emptied)
    if before:
        await answer(emptied, fact, "pass")
    assert (await emptied.gateway.void(emptied.voids(fact.intent_id))).kind == "voided"
    assert (await emptied.gateway.look_up(fact.intent_id)).kind == "cancelled"
