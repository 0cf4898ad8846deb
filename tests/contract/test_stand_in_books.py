"""The whole account at once, on the stand-in only: it would read everything that a real test account ever did."""

import json
import time
from typing import Any

import pytest
import stripe

from domain.books import IntentStatus
from gateways.stripe.books import EVENTS_SECONDS
from tests.contract.kit import TENANT, Account
from tests.contract.test_disputes import disputed


async def a_day_of_business(account: Account) -> None:
    """One intent of each kind."""
    await account.gateway.authorize(account.asks(None))
    await account.gateway.authorize(account.asks("pm_card_visa_chargeDeclined"))
    await account.held(1000)
    voided = await account.held(1100)
    await account.gateway.void(account.voids(voided.intent_id))
    part = await account.held(1200)
    await account.gateway.capture(account.captures(part.intent_id, 700))
    several = await account.held(1300)
    for amount, before in ((300, 0), (400, 300)):
        await account.gateway.capture(account.captures(several.intent_id, amount, final=False, before_minor=before))
    for card in ("pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail"):
        paid = await account.taken(1400, card)
        await account.gateway.refund(account.refunds(paid.intent_id, 600))
    await disputed(account, amount=1500)
    await account.gateway.authorize(account.asks(amount=900, currency="JPY"))


async def test_the_whole_account_is_the_sum_of_its_intents(emptied: Account) -> None:
    await a_day_of_business(emptied)
    assert emptied.stand is not None
    for _ in range(2):
        whole = [book async for book in emptied.gateway.books.everything()]
        state = await emptied.stand.state()
        assert {book.intent_id for book in whole} == {line["id"] for line in state["payment_intents"]}
        assert len(whole) == 11
        for book in whole:
            alone = await emptied.gateway.books.of_intent(book.intent_id)
            assert _sorted(alone) == _sorted(book)
        await emptied.stand.control("advance", seconds=60)  # and once more, with every refund at its end


def _sorted(book: Any) -> Any:
    return book.intent_id, book.status, sorted(book.refunds, key=str), sorted(book.fees, key=str), book.net


async def test_an_intent_takes_few_questions(emptied: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe allows a hundred a second, and shoppers have the first right to them."""
    held, kept, given_back = await emptied.held(), await emptied.taken(1400), await emptied.taken(1400)
    await emptied.gateway.refund(emptied.refunds(given_back.intent_id, 600))
    charged_back, _ = await disputed(emptied, amount=1500)
    asked, request = list[str](), stripe.HTTPXClient.request_async

    async def counted(client: Any, method: str, url: str, *more: Any, **named: Any) -> Any:
        asked.append(f"{method} {url}")
        return await request(client, method, url, *more, **named)

    monkeypatch.setattr(stripe.HTTPXClient, "request_async", counted)
    counts = []
    for intent in (held.intent_id, kept.intent_id, given_back.intent_id, charged_back):
        asked.clear()
        await emptied.gateway.books.of_intent(intent)
        counts.append(len(asked))
    assert counts == [1, 2, 3, 3]


async def test_more_refunds_than_come_with_their_charge(emptied: Account) -> None:
    paid = await emptied.taken(2400)
    for _ in range(12):
        await emptied.gateway.refund(emptied.refunds(paid.intent_id, 100))
    book = await emptied.gateway.books.of_intent(paid.intent_id)
    assert [refund.amount_minor for refund in book.refunds] == [100] * 12
    assert book.net == {"EUR": 1200 - sum(fee.fee_minor for fee in book.fees)}


async def test_the_whole_account_comes_in_pages(emptied: Account) -> None:
    for _ in range(103):
        await emptied.gateway.authorize(emptied.asks(None))
    books = [book async for book in emptied.gateway.books.everything()]
    assert len({book.intent_id for book in books}) == 103
    assert {book.tenant for book in books} == {TENANT}


async def test_an_authorization_that_nobody_captured_lapses(emptied: Account) -> None:
    held = await emptied.held()
    assert emptied.stand is not None
    await emptied.stand.control("advance", seconds=8 * 86_400)
    assert (await emptied.gateway.look_up(held.intent_id)).kind == "cancelled"
    late = await emptied.gateway.capture(emptied.captures(held.intent_id, held.amount_minor))
    assert late.kind == "capture_declined"
    book = await emptied.gateway.books.of_intent(held.intent_id)
    assert (book.status, book.refunds, book.net) == (IntentStatus.CANCELLED, (), {})


async def test_a_lapse_is_told_as_one(emptied: Account) -> None:
    """docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow"""
    held, begun = await emptied.held(), int(time.time())
    assert emptied.stand is not None
    await emptied.stand.control("advance", seconds=8 * 86_400)
    intent: Any = await emptied.shopper.payment_intents.retrieve_async(held.intent_id, {"expand": ["latest_charge"]})
    assert (intent.status, intent.cancellation_reason) == ("canceled", "expired")
    charge = intent.latest_charge
    assert (charge.captured, charge.amount_captured) == (False, 0)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)
    assert (await emptied.shopper.refunds.list_async({"payment_intent": held.intent_id})).data == []
    told = [
        json.loads(one.body)["type"]
        for since in (begun, begun + 8 * 86_400)
        async for some in emptied.gateway.books.events(since - 600, since + 600)
        for one in some
    ]
    assert told[3:] == ["charge.expired", "payment_intent.canceled"]


async def test_events_come_in_pages_and_in_order(emptied: Account) -> None:
    for _ in range(40):
        await emptied.held()
    now = int(time.time())
    pages = [some async for some in emptied.gateway.books.events(now - 3 * EVENTS_SECONDS, now + EVENTS_SECONDS)]
    log = [one for some in pages for one in some]
    assert len(log) == 120
    assert max(map(len, pages)) <= 100
    by_intent: dict[str | None, list[str]] = {}
    for one in log:
        by_intent.setdefault(one.intent_id, []).append(json.loads(one.body)["type"])
    steps = ["payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"]
    assert list(by_intent.values()) == [steps] * 40
