"""Stripe's books of one intent agree with what was done: net = captured - fees - refunds - what a dispute took."""

from domain.books import IntentBook, IntentStatus
from domain.states import OperationState
from tests.contract.kit import TENANT, Account
from tests.contract.test_disputes import disputed


def earned(account: Account, book: IntentBook) -> int:
    """What the balance has of it, in the one currency there is."""
    assert set(book.net) <= {account.currency}
    return book.net.get(account.currency, 0)


def fees(book: IntentBook) -> int:
    """All that Stripe kept."""
    return sum(fee.fee_minor for fee in book.fees)


async def test_held_money_moves_no_balance(account: Account) -> None:
    held = await account.held(2500)
    book = await account.gateway.books.of_intent(held.intent_id)
    assert (book.intent_id, book.tenant, book.status) == (held.intent_id, TENANT, IntentStatus.HELD)
    assert (book.held_minor, book.taken_minor) == (2500, 0)
    assert (book.refunds, book.fees, book.net) == ((), (), {})


async def test_nor_does_money_that_was_given_back(account: Account) -> None:
    held = await account.held(2500)
    await account.gateway.void(account.voids(held.intent_id))
    book = await account.gateway.books.of_intent(held.intent_id)
    assert book.status is IntentStatus.CANCELLED
    assert (book.held_minor, book.taken_minor) == (0, 0)
    assert (book.refunds, book.fees, book.net) == ((), (), {})


async def test_a_payment_that_nobody_made(account: Account) -> None:
    for method in (None, "pm_card_visa_chargeDeclined"):
        fact = await account.gateway.authorize(account.asks(method))
        intent_id = getattr(fact, "intent_id", None)
        assert intent_id is not None
        book = await account.gateway.books.of_intent(intent_id)
        assert (book.status, book.held_minor, book.taken_minor) == (IntentStatus.UNDECIDED, 0, 0)
        assert (book.refunds, book.fees, book.net) == ((), (), {})


async def test_captured_money_less_its_fee(account: Account) -> None:
    held = await account.held(2500)
    taken = await account.gateway.capture(account.captures(held.intent_id, 2500))
    assert taken.kind == "captured"
    book = await account.gateway.books.of_intent(held.intent_id)
    assert (book.status, book.held_minor, book.taken_minor) == (IntentStatus.TAKEN, 0, 2500)
    assert taken.fee is not None
    assert [(fee.transaction_id, fee.fee_minor) for fee in book.fees] == [
        (taken.fee.transaction_id, taken.fee.amount_minor)
    ]
    assert earned(account, book) == 2500 - fees(book)


async def test_a_part_captured_is_no_refund(account: Account) -> None:
    held = await account.held(2500)
    await account.gateway.capture(account.captures(held.intent_id, 1000))
    book = await account.gateway.books.of_intent(held.intent_id)
    assert (book.status, book.held_minor, book.taken_minor) == (IntentStatus.TAKEN, 0, 1000)
    assert book.refunds == ()
    assert earned(account, book) == 1000 - fees(book)


async def test_several_captures(account: Account) -> None:
    held = await account.held(3000)
    if not held.multicapture:
        return
    await account.gateway.capture(account.captures(held.intent_id, 1000, final=False))
    between = await account.gateway.books.of_intent(held.intent_id)
    assert (between.held_minor, between.taken_minor) == (2000, 1000)
    assert earned(account, between) == 1000 - fees(between)
    await account.gateway.capture(account.captures(held.intent_id, 500, before_minor=1000))
    book = await account.gateway.books.of_intent(held.intent_id)
    assert (book.held_minor, book.taken_minor) == (0, 1500)
    assert book.refunds == ()
    assert len(book.fees) == 2
    assert earned(account, book) == 1500 - fees(book)


async def test_refunds_are_known_by_their_operation(account: Account) -> None:
    paid = await account.taken(2500)
    asked = [account.refunds(paid.intent_id, amount) for amount in (1000, 300)]
    for one in asked:
        await account.gateway.refund(one)
    book = await account.gateway.books.of_intent(paid.intent_id)
    assert {refund.operation: refund.amount_minor for refund in book.refunds} == {
        one.idempotency_key: one.amount_minor for one in asked
    }
    assert all(refund.state is OperationState.SUCCEEDED for refund in book.refunds)
    assert earned(account, book) == 2500 - 1300 - fees(book)


async def test_a_refund_that_somebody_else_made_is_there_without_one(account: Account) -> None:
    """By hand, at the provider: it has to be seen."""
    held = await account.held(2500)
    await account.gateway.capture(account.captures(held.intent_id, 2000))
    await account.shopper.refunds.create_async({"payment_intent": held.intent_id, "amount": 700})
    book = await account.gateway.books.of_intent(held.intent_id)
    assert [(refund.amount_minor, refund.operation) for refund in book.refunds] == [(700, None)]
    assert earned(account, book) == 2000 - 700 - fees(book)


async def test_a_refund_on_its_way_and_arrived(account: Account) -> None:
    paid = await account.taken(2500, "pm_card_pendingRefund")
    await account.gateway.refund(account.refunds(paid.intent_id, 1000))
    book = await account.gateway.books.of_intent(paid.intent_id)
    assert [refund.state for refund in book.refunds] == [OperationState.SETTLING]
    book = await account.eventually(
        lambda: account.gateway.books.of_intent(paid.intent_id),
        lambda seen: seen.refunds[0].state is OperationState.SUCCEEDED,
    )
    assert earned(account, book) == 2500 - 1000 - fees(book)


async def test_a_refund_that_bounced_gave_nothing_back(account: Account) -> None:
    paid = await account.taken(2500, "pm_card_refundFail")
    await account.gateway.refund(account.refunds(paid.intent_id, 1000))
    book = await account.eventually(
        lambda: account.gateway.books.of_intent(paid.intent_id),
        lambda seen: seen.refunds[0].state is OperationState.FAILED,
    )
    assert earned(account, book) == 2500 - fees(book)


async def test_a_dispute_takes_its_amount_and_a_fee(account: Account) -> None:
    intent_id, dispute_id = await disputed(account)
    fact = await account.eventually(lambda: account.gateway.look_up_dispute(dispute_id), lambda seen: seen.withdrawn)
    book = await account.gateway.books.of_intent(intent_id)
    assert book.taken_minor == 2500
    assert {fee.transaction_id for fee in fact.fees} < {fee.transaction_id for fee in book.fees}
    assert earned(account, book) == 2500 - 2500 - fees(book)
