"""The operations that move money, and the ways an answer can be lost; for the tests that break the stand-in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from domain.payments import PaymentDeclined
from gateways.stripe import StripeUnavailable
from tests.contract.kit import Account


@dataclass(frozen=True)
class Operation:
    """One operation of the gateway: what comes before it, what its success is called, and how often it had effect."""

    name: str
    endpoint: str
    kind: str
    prepare: Callable[[Account], Awaitable[Any]]
    count: Callable[[dict[str, Any]], int]
    method: str = ""
    """Of the gateway; like the name unless told."""

    def __str__(self) -> str:
        return self.name


async def _authorize(account: Account) -> Any:
    return account.asks()


async def _capture(account: Account) -> Any:
    held = await account.held()
    return account.captures(held.intent_id, held.amount_minor)


async def _void(account: Account) -> Any:
    return account.voids((await account.held()).intent_id)


async def _refund(account: Account) -> Any:
    paid = await account.taken()
    return account.refunds(paid.intent_id, 1000)


async def _confirm_again(account: Account) -> Any:
    """An intent that was declined, with a card that is not."""
    owner = (await account.shopper.customers.create_async({"metadata": {"run": account.run}})).id
    bad, good = [
        (await account.shopper.payment_methods.attach_async(card, {"customer": owner})).id
        for card in ("pm_card_chargeCustomerFail", "pm_card_visa")
    ]
    asked = account.asks(bad, provider_customer=owner, off_session=True, return_url=None)
    refused = await account.gateway.authorize(asked)
    assert isinstance(refused, PaymentDeclined)
    key = f"{asked.idempotency_key}/again"
    return replace(asked, payment_method=good, intent_id=refused.intent_id, idempotency_key=key)


OPERATIONS = [
    Operation("authorize", "payment_intents.create", "authorized", _authorize, lambda s: int(s["authorizations_live"])),
    Operation("capture", "payment_intents.capture", "captured", _capture, lambda s: int(s["captures"])),
    Operation("void", "payment_intents.cancel", "voided", _void, lambda s: int(s["by_status"].get("canceled", 0))),
    Operation("refund", "refunds.create", "refund_made", _refund, lambda s: int(s["refunds"])),
    Operation(
        "confirm_again", "payment_intents.confirm", "authorized", _confirm_again,
        lambda s: int(s["authorizations_live"]), "authorize",
    ),
]  # fmt: skip


async def arm(account: Account, operation: Operation, **fault: Any) -> None:
    """Break the next request of this operation."""
    assert account.stand is not None
    await account.stand.fault(operation=operation.endpoint, **fault)


async def effects(account: Account, operation: Operation) -> int:
    """How often the operation had its effect, by the provider's own count."""
    assert account.stand is not None
    return operation.count(await account.stand.state())


async def watch(account: Account, operation: Operation) -> None:
    """Begin to count the operation's requests; nothing breaks."""
    await arm(account, operation, nth=1_000_000)


async def sent(account: Account, operation: Operation) -> int:
    """How many requests of the operation arrived since `watch`."""
    assert account.stand is not None
    listed = (await account.stand.http.get("/_control/faults")).json()["faults"]
    return sum(int(one["seen"]) for one in listed if one["operation"] == operation.endpoint)


async def act(account: Account, operation: Operation, asked: Any) -> Any:
    """Ask once."""
    return await getattr(account.gateway, operation.method or operation.name)(asked)


async def insist(account: Account, operation: Operation, asked: Any) -> Any:
    """Ask until there is an answer, as an activity's retries do."""
    for _ in range(50):
        try:
            return await act(account, operation, asked)
        except StripeUnavailable:
            continue
    raise AssertionError("there was no answer")
