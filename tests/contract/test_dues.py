"""What memberships ask of Stripe besides a payment: an intent that was declined is tried once more, a card is kept.

docs.stripe.com/payments/paymentintents/lifecycle and docs.stripe.com/api/payment_methods/attach.
"""

import asyncio
from dataclasses import replace

import pytest

from domain.joining import CardKept, CardRefused, KeepCard
from domain.payments import AuthorizePayment, CaptureMethod, PaymentActionRequired, PaymentDeclined, SavedCard
from domain.refusals import RefusalCode
from tests.contract.kit import SHOP, TENANT, VISA, Account, authorized

AWAY = "pm_card_chargeCustomerFail"
"""Attaches well and is declined when it is charged (docs.stripe.com/testing)."""


async def attached(account: Account, card: str, customer: str | None = None) -> SavedCard:
    """A card that a customer has saved without paying."""
    owner = customer or (await account.shopper.customers.create_async({"metadata": {"run": account.run}})).id
    method = await account.shopper.payment_methods.attach_async(card, {"customer": owner})
    return SavedCard(owner, method.id)


async def declined_once(account: Account, card: str = AWAY) -> tuple[AuthorizePayment, SavedCard]:
    """A renewal that the card refused; asked for again it would be this, under the next key."""
    saved = await attached(account, card)
    asked = account.asks(
        saved.payment_method,
        provider_customer=saved.customer,
        off_session=True,
        return_url=None,
        capture=CaptureMethod.AUTOMATIC,
    )
    fact = await account.gateway.authorize(asked)
    assert isinstance(fact, PaymentDeclined)
    key = f"{TENANT}/{asked.payment_id}/authorize/2"
    return replace(asked, idempotency_key=key, intent_id=fact.intent_id), saved


def keeps(account: Account, card: str, customer: str | None = None) -> KeepCard:
    """A card that is to be kept."""
    who = account.name("cus")
    return KeepCard(TENANT, who, customer, card, f"{TENANT}/{who}/card/{card}")


async def new_card(account: Account, token: str = "tok_visa") -> str:
    """A payment method of a browser's, which is nobody's yet."""
    return (await account.shopper.payment_methods.create_async({"type": "card", "card": {"token": token}})).id


async def test_a_declined_intent_is_paid_by_another_card_and_stays_the_one(account: Account) -> None:
    again, saved = await declined_once(account)
    other = await attached(account, VISA, saved.customer)
    paid = authorized(await account.gateway.authorize(replace(again, payment_method=other.payment_method)))
    assert paid.intent_id == again.intent_id
    assert paid.captured is not None
    assert await account.gateway.authorize(replace(again, payment_method=other.payment_method)) == paid


async def test_the_same_card_is_declined_again_and_the_intent_stays_open(account: Account) -> None:
    again, _ = await declined_once(account)
    fact = await account.gateway.authorize(again)
    assert isinstance(fact, PaymentDeclined)
    assert (fact.intent_id, fact.refusal.code) == (again.intent_id, RefusalCode.CARD_DECLINED)
    assert isinstance(await account.gateway.look_up(str(fact.intent_id)), PaymentDeclined)


async def test_a_paid_intent_that_is_tried_again_is_paid_once(account: Account) -> None:
    """Whoever comes second, under whatever key, hears that it is paid."""
    again, saved = await declined_once(account)
    other = await attached(account, VISA, saved.customer)
    asked = replace(again, payment_method=other.payment_method)
    paid = authorized(await account.gateway.authorize(asked))
    third = replace(asked, idempotency_key=f"{TENANT}/{asked.payment_id}/authorize/3")
    assert authorized(await account.gateway.authorize(third)).intent_id == paid.intent_id
    intent = await account.shopper.payment_intents.retrieve_async(paid.intent_id)
    assert intent.amount_received == asked.amount_minor


async def test_with_its_owner_there_the_bank_may_ask_them(account: Account) -> None:
    again, saved = await declined_once(account)
    secure = await attached(account, "pm_card_authenticationRequired", saved.customer)
    there = replace(again, payment_method=secure.payment_method, off_session=False, return_url=SHOP)
    asked = await account.gateway.authorize(there)
    assert isinstance(asked, PaymentActionRequired)
    assert asked.intent_id == again.intent_id


async def test_without_its_owner_such_a_card_is_refused(account: Account) -> None:
    again, saved = await declined_once(account)
    secure = await attached(account, "pm_card_authenticationRequired", saved.customer)
    fact = await account.gateway.authorize(replace(again, payment_method=secure.payment_method))
    assert isinstance(fact, PaymentDeclined)
    assert fact.refusal.code is RefusalCode.AUTHENTICATION_REQUIRED


async def test_a_card_is_kept_and_charged_without_its_owner(account: Account) -> None:
    kept = await account.gateway.keep_card(keeps(account, await new_card(account)))
    assert isinstance(kept, CardKept)
    assert kept.card == "visa 4242"
    method = await account.shopper.payment_methods.retrieve_async(kept.saved.payment_method)
    assert method.customer == kept.saved.customer
    charge = account.asks(
        kept.saved.payment_method, provider_customer=kept.saved.customer, off_session=True, return_url=None
    )
    authorized(await account.gateway.authorize(charge))


async def test_a_card_is_kept_for_the_customer_there_is(account: Account) -> None:
    first = await account.gateway.keep_card(keeps(account, await new_card(account)))
    assert isinstance(first, CardKept)
    other = await new_card(account, "tok_mastercard")
    second = await account.gateway.keep_card(keeps(account, other, first.saved.customer))
    assert isinstance(second, CardKept)
    assert second.saved == SavedCard(first.saved.customer, other)


async def test_kept_twice_is_once_under_the_same_key_and_under_another(account: Account) -> None:
    asked = keeps(account, await new_card(account))
    first = await account.gateway.keep_card(asked)
    assert isinstance(first, CardKept)
    assert await account.gateway.keep_card(asked) == first
    later = replace(asked, provider_customer=first.saved.customer, idempotency_key=f"{asked.idempotency_key}/later")
    assert await account.gateway.keep_card(later) == first
    many = await asyncio.gather(*(account.gateway.keep_card(later) for _ in range(4)))
    assert set(many) == {first}


@pytest.mark.parametrize("card", ["pm_NoSuchCard0000000000", "pm_card_chargeDeclined"])
async def test_a_card_that_cannot_be_kept_is_refused(account: Account, card: str) -> None:
    refused = await account.gateway.keep_card(keeps(account, card))
    assert isinstance(refused, CardRefused)
    assert refused.refusal.code in (RefusalCode.INVALID_PAYMENT_METHOD, RefusalCode.CARD_DECLINED)


async def test_another_customers_card_is_not_kept(account: Account) -> None:
    theirs = await attached(account, VISA)
    stranger = (await account.shopper.customers.create_async({"metadata": {"run": account.run}})).id
    refused = await account.gateway.keep_card(keeps(account, theirs.payment_method, stranger))
    assert isinstance(refused, CardRefused)
    assert refused.refusal.code is RefusalCode.INVALID_PAYMENT_METHOD
    method = await account.shopper.payment_methods.retrieve_async(theirs.payment_method)
    assert method.customer == theirs.customer
