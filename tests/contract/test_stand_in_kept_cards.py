"""A card is kept though answers are lost or broken, on the stand-in only: in the end one card of one owner."""

from typing import Any

import pytest

from domain.joining import CardKept
from gateways.stripe import StripeUnavailable
from tests.contract.kit import Account
from tests.contract.test_dues import keeps, new_card

FAULTS: dict[str, dict[str, Any]] = {
    "lost on the way there": {"when": "before", "status": None},
    "lost on the way back": {"when": "after", "status": None},
    "500, not done": {"when": "before", "status": 500},
    "500, done": {"when": "after", "status": 500},
    "conflict": {"when": "before", "status": 409},
    "rate limit": {"when": "before", "status": 429},
}


@pytest.mark.parametrize("endpoint", ["payment_methods.attach", "customers.create"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_unknown_outcome_is_asked_for_again(emptied: Account, endpoint: str, fault: str) -> None:
    asked = keeps(emptied, await new_card(emptied))
    assert emptied.stand is not None
    await emptied.stand.fault(operation=endpoint, **FAULTS[fault])
    with pytest.raises(StripeUnavailable):
        await emptied.gateway.keep_card(asked)
    kept = await emptied.gateway.keep_card(asked)
    assert isinstance(kept, CardKept)
    assert await emptied.gateway.keep_card(asked) == kept
    method = await emptied.shopper.payment_methods.retrieve_async(asked.payment_method)
    assert method.customer == kept.saved.customer
    cards = await emptied.shopper.payment_methods.list_async({"customer": kept.saved.customer})
    assert [one.id for one in cards.data] == [asked.payment_method]
