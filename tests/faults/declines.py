"""What is refused for good: by the bank or by Stripe. Nothing is taken, and in the end nothing is held."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from domain.ids import checkout_id, operation_key, payment_id
from tests.faults.operations import OPERATIONS, PART, TOTAL, Order, refund
from tests.flow.kit import TENANT, Shop

_, _CAPTURE, _, _REFUND = OPERATIONS


@dataclass
class Decline:
    """One refusal. `wanted` is what Stripe has of the order afterwards, summed over its intents."""

    name: str
    order: Order
    run: Callable[[Order], Awaitable[str]]
    wanted: dict[str, int]
    payment: str
    complaints: list[str] = field(default_factory=list)
    found: str = ""
    ended: str = ""

    @property
    def payment_id(self) -> str:
        """Follows from the key."""
        return payment_id(TENANT, checkout_id(TENANT, self.order.key))

    async def play(self) -> None:
        """From the checkout to its end."""
        self.ended = await self.run(self.order)

    def judge(self, intents: list[dict[str, Any]]) -> None:
        """Note everything that is not as wanted."""
        checkout = checkout_id(TENANT, self.order.key)
        mine = [one for one in intents if one["metadata"].get("checkout_id") == checkout]
        has = {name: sum(one[name] for one in mine) for name in self.wanted}
        shown = ("charges", "captures", "refunds", "amount_capturable", "amount_received")
        self.found = ", ".join(f"{name.replace('amount_', '')} {has[name]}" for name in shown)
        self.complaints += [
            f"{what}: {seen!r}, wanted {wanted!r}" for what, seen, wanted in self._seen(has) if seen != wanted
        ]

    def _seen(self, has: dict[str, int]) -> Iterator[tuple[str, object, object]]:
        for name, value in self.wanted.items():
            yield f"{name} at Stripe", has[name], value
        query = "SELECT state, captured_minor, refunded_minor FROM payments WHERE payment_id = :p"
        rows = self.order.shop.sql(query, p=self.payment_id)
        yield "payment", rows, [(self.payment, self.wanted["amount_received"], 0)]
        query = "SELECT kind FROM payment_operations WHERE payment_id = :p AND state = 'pending'"
        yield "operations still out", self.order.shop.sql(query, p=self.payment_id), []


async def _authorize(order: Order) -> str:
    order.sku = order.shop.new_sku()
    answer = await order.shop.buy(order.sku, key=order.key, card="pm_card_chargeDeclined")
    assert (answer.status_code, answer.json()["code"]) == (402, "card_declined"), answer.text
    assert order.shop.stock(order.sku) == (5, 0)
    return "checkout failed"


async def _capture(order: Order) -> str:
    """The parcel stays, a person is called and cancels the order."""
    shop = order.shop
    await _CAPTURE.prepare(order)
    await shop.stripe("faults", **_aim(order, "payment_intents.capture", "capture"), status=402)
    answer = await shop.hand_over(order.seen)
    assert (answer.json()["released"], answer.json()["reason"]) == (False, "card_declined"), answer.text
    order.seen = await shop.order(order.seen["number"])
    assert (order.seen["state"], order.seen["needs_attention"]) == ("placed", True)
    await shop.cancel_order(order.seen["number"])
    order.seen = await shop.order_in(order.seen["number"], "cancelled")
    assert shop.stock(order.sku) == (5, 0)
    return "parcel kept, order cancelled"


async def _refuse_refund(order: Order) -> str:
    await _REFUND.prepare(order)
    disputed = {"code": "charge_disputed", "message": "This charge is disputed."}
    await order.shop.stripe("faults", **_aim(order, "refunds.create", "refund"), status=400, error=disputed)
    answer = await refund(order, amount=PART)
    assert (answer.status_code, answer.json()["code"]) == (409, "charge_disputed"), answer.text
    order.seen = await order.shop.order(order.seen["number"])
    assert [one["state"] for one in order.seen["refunds"]] == ["failed"]
    return "refund refused, order as it was"


def _aim(order: Order, endpoint: str, kind: str) -> dict[str, str]:
    payment = payment_id(TENANT, checkout_id(TENANT, order.key))
    return {"operation": endpoint, "idempotency_key": operation_key(TENANT, payment, kind, 1)}


def _wanted(**other: int) -> dict[str, int]:
    names = ("charges", "captures", "refunds", "amount_capturable", "amount_received", "amount_refunded")
    return dict.fromkeys(names, 0) | {"attempts": 1} | other


def all_declines(shop: Shop, salt: str) -> list[Decline]:
    """One of each operation that can be refused."""

    def order(name: str) -> Order:
        return Order(shop, f"declined {name} {salt}")

    return [
        Decline("authorize declined", order("authorize"), _authorize, _wanted(), "voided"),
        Decline("capture declined", order("capture"), _capture, _wanted(charges=1, cancels=1), "voided"),
        Decline(
            "refund refused", order("refund"), _refuse_refund,
            _wanted(charges=1, captures=1, amount_received=TOTAL), "captured",
        ),
    ]  # fmt: skip
