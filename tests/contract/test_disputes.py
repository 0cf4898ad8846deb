"""Disputes: found by their payment, with what they took; inquiries that take nothing; how they end.

docs.stripe.com/testing#disputes: the cards open a dispute once they are charged, the phrases of evidence end it.
"""

import pytest

from domain.disputes import DisputeFact
from domain.payments import RefundFailed
from domain.refusals import RefusalCode
from domain.states import DisputeState
from gateways.stripe import StripeMisconfigured
from tests.contract.kit import Account

CHARGEBACK = "pm_card_createDispute"
INQUIRY = "pm_card_createDisputeInquiry"


async def disputed(account: Account, card: str = CHARGEBACK, amount: int = 2500) -> tuple[str, str]:
    """A captured payment that its owner disputes: the intent's id and the dispute's."""
    held = await account.held(amount, card)
    taken = await account.gateway.capture(account.captures(held.intent_id, amount))
    assert taken.kind == "captured"

    async def look() -> list[str]:
        page = await account.shopper.disputes.list_async({"payment_intent": held.intent_id})
        return [dispute.id for dispute in page.data]

    found = await account.eventually(look, bool)
    assert len(found) == 1
    return held.intent_id, found[0]


async def ended(account: Account, dispute_id: str, evidence: str) -> DisputeFact:
    """The dispute after the bank has read one of the test phrases."""
    await account.shopper.disputes.update_async(
        dispute_id, {"evidence": {"uncategorized_text": evidence}, "submit": True}
    )
    over = (DisputeState.WON, DisputeState.LOST, DisputeState.INQUIRY_CLOSED)
    return await account.eventually(
        lambda: account.gateway.look_up_dispute(dispute_id), lambda seen: seen.state in over
    )


async def test_a_chargeback_takes_the_money_and_a_fee(account: Account) -> None:
    intent_id, dispute_id = await disputed(account)
    fact = await account.eventually(lambda: account.gateway.look_up_dispute(dispute_id), lambda seen: seen.withdrawn)
    assert (fact.dispute_id, fact.intent_id) == (dispute_id, intent_id)
    assert (fact.amount_minor, fact.currency) == (2500, account.currency)
    assert fact.state is DisputeState.NEEDS_RESPONSE
    assert fact.reason == "fraudulent"
    assert fact.evidence_due_at is not None
    [fee] = fact.fees
    assert fee.amount_minor > 0
    assert fee.currency == account.currency
    transaction = await account.shopper.balance_transactions.retrieve_async(fee.transaction_id)
    assert transaction.amount == -2500
    assert transaction.net == -2500 - fee.amount_minor


async def test_an_inquiry_takes_nothing(account: Account) -> None:
    intent_id, dispute_id = await disputed(account, INQUIRY)
    fact = await account.gateway.look_up_dispute(dispute_id)
    assert fact.intent_id == intent_id
    assert fact.state is DisputeState.INQUIRY
    assert not fact.withdrawn
    assert fact.fees == ()


async def test_a_disputed_payment_is_not_refunded(account: Account) -> None:
    intent_id, dispute_id = await disputed(account)
    await account.eventually(lambda: account.gateway.look_up_dispute(dispute_id), lambda seen: seen.withdrawn)
    fact = await account.gateway.refund(account.refunds(intent_id, 1000))
    assert isinstance(fact, RefundFailed)
    assert fact.refusal.code is RefusalCode.CHARGE_DISPUTED


@pytest.mark.parametrize(
    ("evidence", "state"), [("winning_evidence", DisputeState.WON), ("losing_evidence", DisputeState.LOST)]
)
async def test_the_banks_last_word(account: Account, evidence: str, state: DisputeState) -> None:
    _, dispute_id = await disputed(account)
    assert (await ended(account, dispute_id, evidence)).state is state


async def test_money_comes_back_with_a_dispute_that_is_won(account: Account) -> None:
    intent_id, dispute_id = await disputed(account)
    await ended(account, dispute_id, "winning_evidence")

    async def moved() -> int:
        dispute = await account.shopper.disputes.retrieve_async(dispute_id)
        return sum(transaction.amount for transaction in dispute.balance_transactions)

    assert await account.eventually(moved, lambda total: total == 0) == 0
    book = await account.gateway.books.of_intent(intent_id)
    assert book.net == {account.currency: 2500 - sum(fee.fee_minor for fee in book.fees)}


async def test_an_unknown_dispute_is_our_own_mistake(account: Account) -> None:
    with pytest.raises(StripeMisconfigured, match="resource_missing"):
        await account.gateway.look_up_dispute("du_1NoSuchDispute000000000")
