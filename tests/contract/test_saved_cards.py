"""Cards kept for a customer: saved by a payment, charged again without the shopper, and refused where they must act.

docs.stripe.com/payments/save-during-payment and docs.stripe.com/testing#authentication-and-setup.
"""

from dataclasses import replace

import pytest

from domain.payments import AuthorizePayment, PaymentActionRequired, PaymentDeclined, SavedCard
from domain.refusals import RefusalCode
from tests.contract.kit import VISA, Account, authorized


def off_session(account: Account, saved: SavedCard) -> AuthorizePayment:
    """A charge on a saved card while its owner is away."""
    return account.asks(saved.payment_method, provider_customer=saved.customer, off_session=True, return_url=None)


async def attached(account: Account, card: str) -> SavedCard:
    """A card that a customer has saved without paying."""
    customer = await account.shopper.customers.create_async({"metadata": {"run": account.run}})
    method = await account.shopper.payment_methods.attach_async(card, {"customer": customer.id})
    return SavedCard(customer.id, method.id)


async def test_a_card_is_saved_by_paying_with_it(account: Account) -> None:
    asked = account.asks(save_card=True)
    held = authorized(await account.gateway.authorize(asked))
    assert held.saved is not None
    method = await account.shopper.payment_methods.retrieve_async(held.saved.payment_method)
    assert method.customer == held.saved.customer
    customer = await account.shopper.customers.retrieve_async(held.saved.customer)
    assert customer.metadata is not None
    assert customer.metadata.to_dict() == {"tenant": asked.tenant, "customer_id": asked.customer_id}
    assert authorized(await account.gateway.look_up(held.intent_id)).saved == held.saved


async def test_the_same_key_makes_one_customer(account: Account) -> None:
    asked = account.asks(save_card=True)
    first = authorized(await account.gateway.authorize(asked))
    assert authorized(await account.gateway.authorize(asked)).saved == first.saved


async def test_another_card_goes_to_the_customer_there_is(account: Account) -> None:
    first = (await account.held(save_card=True)).saved
    assert first is not None
    held = await account.held(method="pm_card_mastercard", save_card=True, provider_customer=first.customer)
    assert held.saved is not None
    assert held.saved.customer == first.customer
    assert held.saved.payment_method != first.payment_method


async def test_a_card_is_saved_in_the_browser(account: Account) -> None:
    open_ = await account.gateway.authorize(account.asks(None, save_card=True))
    assert isinstance(open_, PaymentActionRequired)
    await account.confirm(open_.intent_id, VISA)
    held = authorized(await account.gateway.look_up(open_.intent_id))
    assert held.saved is not None
    method = await account.shopper.payment_methods.retrieve_async(held.saved.payment_method)
    assert method.customer == held.saved.customer


async def test_a_declined_card_is_not_saved(account: Account) -> None:
    fact = await account.gateway.authorize(account.asks("pm_card_visa_chargeDeclined", save_card=True))
    assert isinstance(fact, PaymentDeclined)
    assert fact.intent_id is not None
    intent = await account.shopper.payment_intents.retrieve_async(fact.intent_id)
    kept = await account.shopper.payment_methods.list_async({"customer": str(intent.customer)})
    assert kept.data == []


async def test_a_saved_card_is_charged_without_the_shopper(account: Account) -> None:
    first = await account.held(save_card=True)
    assert first.saved is not None
    asked = off_session(account, first.saved)
    again = authorized(await account.gateway.authorize(asked))
    assert again.intent_id != first.intent_id
    assert again.card == first.card
    assert again.capture_before is not None
    assert await account.gateway.authorize(asked) == again
    await account.gateway.void(account.voids(first.intent_id))
    taken = await account.gateway.capture(account.captures(again.intent_id, again.amount_minor))
    assert taken.kind == "captured"


async def test_a_saved_card_that_asks_for_its_owner_is_refused_off_session(account: Account) -> None:
    saved = await attached(account, "pm_card_authenticationRequired")
    fact = await account.gateway.authorize(off_session(account, saved))
    assert isinstance(fact, PaymentDeclined)
    assert fact.refusal.code is RefusalCode.AUTHENTICATION_REQUIRED
    assert fact.intent_id is not None
    later = await account.gateway.look_up(fact.intent_id)
    assert isinstance(later, PaymentDeclined)
    assert later.refusal.code is RefusalCode.AUTHENTICATION_REQUIRED


async def test_the_same_card_asks_for_its_owner_when_they_are_there(account: Account) -> None:
    saved = await attached(account, "pm_card_authenticationRequired")
    asked = account.asks(saved.payment_method, provider_customer=saved.customer)
    assert isinstance(await account.gateway.authorize(asked), PaymentActionRequired)


async def test_a_saved_card_without_funds_is_refused_as_any_other(account: Account) -> None:
    """The card of docs.stripe.com/testing that attaches well and declines when it is charged."""
    saved = await attached(account, "pm_card_chargeCustomerFail")
    fact = await account.gateway.authorize(off_session(account, saved))
    assert isinstance(fact, PaymentDeclined)
    assert fact.refusal.code is RefusalCode.CARD_DECLINED


async def test_another_customers_card_is_refused(account: Account) -> None:
    saved = await attached(account, VISA)
    stranger = await attached(account, VISA)
    asked = off_session(account, replace(saved, customer=stranger.customer))
    fact = await account.gateway.authorize(asked)
    assert isinstance(fact, PaymentDeclined)
    assert fact.refusal.code is RefusalCode.INVALID_PAYMENT_METHOD


@pytest.mark.parametrize("first", [VISA, "pm_card_visa_chargeDeclined"])
async def test_a_card_that_was_not_saved_pays_once(account: Account, first: str) -> None:
    token = "tok_visa" if first == VISA else "tok_chargeDeclined"
    method = await account.shopper.payment_methods.create_async({"type": "card", "card": {"token": token}})
    await account.gateway.authorize(account.asks(method.id))
    again = await account.gateway.authorize(account.asks(method.id))
    assert isinstance(again, PaymentDeclined)
    assert again.refusal.code is RefusalCode.INVALID_PAYMENT_METHOD
