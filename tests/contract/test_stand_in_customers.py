"""The customer a card is saved for, when the call that makes it breaks; on the stand-in only."""

from dataclasses import replace
from typing import Any

import pytest

from domain.payments import KeySpent
from gateways.stripe import StripeUnavailable
from tests.contract.kit import Account, authorized

DAY = 86_400


async def break_customers(account: Account, **fault: Any) -> None:
    """Break the next making of a customer."""
    assert account.stand is not None
    await account.stand.fault(operation="customers.create", **fault)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_is_asked_for_again(emptied: Account, when: str) -> None:
    asked = emptied.asks(save_card=True)
    await break_customers(emptied, when=when, status=None)
    with pytest.raises(StripeUnavailable):
        await emptied.gateway.authorize(asked)
    assert authorized(await emptied.gateway.authorize(asked)).saved is not None
    made = await emptied.shopper.customers.list_async()
    assert len(made.data) == 1


async def test_a_saved_failure_does_not_outlive_its_operation(emptied: Account) -> None:
    """The operation's key is spent with it, and the next operation makes a customer under a key of its own."""
    asked = emptied.asks(save_card=True)
    await break_customers(emptied, when="before", status=500)
    with pytest.raises(StripeUnavailable):
        await emptied.gateway.authorize(asked)
    assert isinstance(await emptied.gateway.authorize(asked), KeySpent)
    anew = replace(asked, idempotency_key=f"{asked.idempotency_key}/2")
    assert authorized(await emptied.gateway.authorize(anew)).saved is not None


async def test_a_customer_of_yesterday_does_not_change_todays_request(emptied: Account) -> None:
    """Stripe forgets yesterday's key in the middle of today's operation, which still has to send the same body."""
    yesterday = emptied.asks(save_card=True)
    await emptied.gateway.authorize(yesterday)
    assert emptied.stand is not None
    await emptied.stand.control("advance", seconds=DAY - 600)
    today = replace(emptied.asks(save_card=True), customer_id=yesterday.customer_id)
    first = await emptied.gateway.authorize(today)
    await emptied.stand.control("advance", seconds=1200)
    assert await emptied.gateway.authorize(today) == first
