"""The four operations that move money: what comes before each, how the shop asks for it, and how it should end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.flow.kit import PRICE, SHIPPING, Shop, until

TOTAL = PRICE + SHIPPING
PART = 4_000
"""A refund of a part: Stripe itself would refuse to give all of it back twice, but not this."""

PATIENCE = 120.0
"""How long the shop goes on asking, in seconds; a try whose worker died is tried again after 30."""


@dataclass
class Order:
    """One customer's order, as far as it has come."""

    shop: Shop
    key: str
    sku: str = ""
    seen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What there must be in the end, at Stripe and here: exactly this, and nothing besides."""

    intent: dict[str, Any]
    order: str
    payment: tuple[str, int, int, int]
    """State, authorized, captured, refunded."""
    journal: tuple[str, ...]
    """The operations that succeeded, each once."""
    stock: tuple[int, int]
    """On hand and reserved, of 5."""


@dataclass(frozen=True)
class Operation:
    """One operation. `shown` is the field of Stripe's state that counts how often it happened."""

    name: str
    endpoint: str
    shown: str
    prepare: Callable[[Order], Awaitable[None]]
    ask: Callable[[Order], Awaitable[None]]
    wanted: Wanted


async def _nothing(order: Order) -> None:
    order.sku = order.shop.new_sku()


async def _placed(order: Order) -> None:
    await _nothing(order)
    order.seen = await order.shop.bought(order.sku, key=order.key)


async def _shipped(order: Order) -> None:
    await _placed(order)
    answer = await order.shop.hand_over(order.seen)
    assert answer.json()["released"] is True, answer.text
    order.seen = await order.shop.order_in(order.seen["number"], "shipped")


async def _insist(ask: Callable[[], Awaitable[httpx.Response]], *statuses: int) -> httpx.Response:
    """The same request again until it is done, as a shop does. Any other answer than done or not yet is an error."""
    answer = await until(ask, lambda seen: seen.status_code not in (202, 503), within=PATIENCE)
    assert answer.status_code in statuses, answer.text
    return answer


async def _checkout(order: Order) -> None:
    answer = await _insist(lambda: order.shop.buy(order.sku, key=order.key), 201)
    order.seen = await order.shop.order(answer.json()["order_number"])


async def _hand_over(order: Order) -> None:
    answer = await _insist(lambda: order.shop.hand_over(order.seen), 200)
    assert answer.json()["released"] is True, answer.text
    order.seen = await order.shop.order_in(order.seen["number"], "shipped", within=PATIENCE)


async def _cancel(order: Order) -> None:
    await order.shop.cancel_order(order.seen["number"])
    order.seen = await order.shop.order_in(order.seen["number"], "cancelled", within=PATIENCE)


async def refund(order: Order, **body: Any) -> httpx.Response:
    """`POST /v1/orders/{number}/refunds`, always under the same key."""
    path = f"/v1/orders/{order.seen['number']}/refunds"
    return await order.shop.http.post(path, json=body, headers={"Idempotency-Key": order.key})


async def _refund(order: Order) -> None:
    answer = await _insist(lambda: refund(order, amount=PART), 201)
    assert answer.json()["state"] == "succeeded", answer.text
    order.seen = await order.shop.order(order.seen["number"])


def _intent(status: str, **other: int) -> dict[str, Any]:
    """One charge of one attempt, and nothing but what is named."""
    nothing = dict.fromkeys(("captures", "cancels", "refunds", "amount_received", "amount_refunded"), 0)
    return {"status": status, "attempts": 1, "charges": 1, "amount_capturable": 0} | nothing | other


OPERATIONS = (
    Operation(
        "authorize", "payment_intents.create", "charges", _nothing, _checkout,
        Wanted(
            _intent("requires_capture", amount_capturable=TOTAL),
            "placed", ("authorized", TOTAL, 0, 0), ("authorize",), (5, 1),
        ),
    ),
    Operation(
        "capture", "payment_intents.capture", "captures", _placed, _hand_over,
        Wanted(
            _intent("succeeded", captures=1, amount_received=TOTAL),
            "shipped", ("captured", TOTAL, TOTAL, 0), ("authorize", "capture"), (4, 0),
        ),
    ),
    Operation(
        "void", "payment_intents.cancel", "cancels", _placed, _cancel,
        Wanted(_intent("canceled", cancels=1), "cancelled", ("voided", TOTAL, 0, 0), ("authorize", "void"), (5, 0)),
    ),
    Operation(
        "refund", "refunds.create", "refunds", _shipped, _refund,
        Wanted(
            _intent("succeeded", captures=1, refunds=1, amount_received=TOTAL, amount_refunded=PART),
            "shipped", ("captured", TOTAL, TOTAL, PART), ("authorize", "capture", "refund"), (4, 0),
        ),
    ),
)  # fmt: skip


async def together(*work: Awaitable[object]) -> list[BaseException | None]:
    """All of it side by side; what went wrong with each, in order."""
    ends = await asyncio.gather(*work, return_exceptions=True)
    return [end if isinstance(end, BaseException) else None for end in ends]
