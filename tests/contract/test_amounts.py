"""Currencies and amounts: two decimals, none, three; what is too small, too large or not round enough to charge."""

import pytest

from domain.payments import PaymentCaptured, PaymentDeclined
from domain.refusals import RefusalCode
from tests.contract.kit import Account, authorized


@pytest.mark.parametrize(("currency", "amount"), [("EUR", 2599), ("JPY", 501), ("KWD", 5120)])
async def test_minor_units_pass_unchanged(account: Account, currency: str, amount: int) -> None:
    held = authorized(await account.gateway.authorize(account.asks(amount=amount, currency=currency)))
    assert held.amount_minor == amount
    intent = await account.shopper.payment_intents.retrieve_async(held.intent_id)
    assert (intent.amount, intent.currency) == (amount, currency.lower())
    taken = await account.gateway.capture(account.captures(held.intent_id, amount))
    assert isinstance(taken, PaymentCaptured)
    assert taken.amount_minor == amount


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("EUR", 1, RefusalCode.AMOUNT_TOO_SMALL),
        ("JPY", 1, RefusalCode.AMOUNT_TOO_SMALL),
        ("EUR", 100_000_000, RefusalCode.AMOUNT_TOO_LARGE),
        # docs.stripe.com/currencies#special-cases: the last digit of a three-decimal amount is 0, and no krona is cut.
        ("KWD", 5125, RefusalCode.AMOUNT_NOT_CHARGEABLE),
        ("ISK", 50_050, RefusalCode.AMOUNT_NOT_CHARGEABLE),
    ],
)
async def test_amounts_that_cannot_be_charged(account: Account, currency: str, amount: int, code: RefusalCode) -> None:
    fact = await account.gateway.authorize(account.asks(amount=amount, currency=currency))
    assert isinstance(fact, PaymentDeclined)
    assert fact.refusal.code is code
    assert fact.refusal.message.endswith(".")
    assert fact.intent_id is None
