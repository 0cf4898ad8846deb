"""Refused cards: each with its code, a sentence for the shopper, and an intent that holds nothing."""

import pytest

from domain.payments import PaymentDeclined
from domain.refusals import RefusalCode
from tests.contract.kit import Account

R = RefusalCode
# docs.stripe.com/testing#declined-payments; a decline code where that page gives one.
DECLINES = [
    ("pm_card_visa_chargeDeclined", R.CARD_DECLINED, "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", R.INSUFFICIENT_FUNDS, "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", R.CARD_DECLINED, "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", R.CARD_DECLINED, "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", R.EXPIRED_CARD, None),
    ("pm_card_chargeDeclinedIncorrectCvc", R.INCORRECT_CVC, None),
    ("pm_card_chargeDeclinedProcessingError", R.PROCESSING_ERROR, None),
]


@pytest.mark.parametrize(("card", "code", "decline_code"), DECLINES)
async def test_a_refused_card(account: Account, card: str, code: RefusalCode, decline_code: str | None) -> None:
    fact = await account.gateway.authorize(account.asks(card))
    assert isinstance(fact, PaymentDeclined)
    assert fact.refusal.code is code
    assert fact.refusal.message.endswith(".")
    assert fact.refusal.message[0].isupper()
    if decline_code:
        assert fact.decline_code == decline_code
        assert fact.refusal.facts == {"decline_code": decline_code}
    assert fact.intent_id is not None
    later = await account.gateway.look_up(fact.intent_id)
    assert isinstance(later, PaymentDeclined)
    assert later.refusal == fact.refusal
    assert later.client_secret == fact.client_secret


async def test_a_lost_card_and_a_plain_decline_read_the_same_to_a_shopper(account: Account) -> None:
    """A thief is not told that the card was reported (docs.stripe.com/declines/codes)."""
    sentences = set()
    for card in ("pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedStolenCard"):
        fact = await account.gateway.authorize(account.asks(card))
        assert isinstance(fact, PaymentDeclined)
        sentences.add(fact.refusal.message)
    assert len(sentences) == 1
