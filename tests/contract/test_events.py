"""The event log: what happened, oldest first, as the webhooks would have brought it."""

import json
from typing import Any

from gateways.stripe.books import RawEvent
from tests.contract.kit import TENANT, Account


async def log_of(account: Account, intent_id: str) -> tuple[int, list[RawEvent]]:
    """When the intent was made, and the events about it in the hour from then on."""
    intent = await account.shopper.payment_intents.retrieve_async(intent_id)
    since = intent.created
    found = [one async for some in account.gateway.books.events(since, since + 3600) for one in some]
    return since, [one for one in found if one.intent_id == intent_id]


def body(event: RawEvent) -> Any:
    """The event as JSON."""
    return json.loads(event.body)


async def test_what_happened_to_a_payment(account: Account) -> None:
    held = await account.held(2500)
    await account.gateway.capture(account.captures(held.intent_id, 2500))
    await account.gateway.refund(account.refunds(held.intent_id, 500))
    expected = {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
    }

    async def look() -> list[RawEvent]:
        return (await log_of(account, held.intent_id))[1]

    found = await account.eventually(look, lambda seen: expected <= {body(one)["type"] for one in seen})
    created = [body(one)["created"] for one in found]
    assert created == sorted(created)
    assert {one.tenant for one in found} == {TENANT}
    assert len({one.event_id for one in found}) == len(found)
    for one in found:
        parsed = account.gateway.parse(one.body)
        assert (parsed.id, parsed.intent_id) == (one.event_id, one.intent_id)
        assert parsed.metadata["tenant"] == TENANT


async def test_since_counts_and_until_does_not(account: Account) -> None:
    held = await account.held(2500)

    async def look() -> list[RawEvent]:
        return (await log_of(account, held.intent_id))[1]

    await account.eventually(look, bool)
    since, found = await log_of(account, held.intent_id)
    assert "payment_intent.created" in {body(one)["type"] for one in found}
    before = [one async for some in account.gateway.books.events(since - 60, since) for one in some]
    assert held.intent_id not in {one.intent_id for one in before}
