"""A day of random orders, drawn from a seed, with the time of each skipped: all of them end, and the audit is clean.

`make day` lives 200 of them; `MILEPOST_DAY_ORDERS` and `MILEPOST_DAY_SEED` say how many, and which.
"""

import asyncio
import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sandbox.stack import Stack
from tests.faults.day_desk import OVER, Desk
from tests.faults.day_order import DayOrder
from tests.faults.day_plans import plans
from tests.faults.journey import ENDED, PATIENCE
from tests.faults.lives import WEBHOOKS
from tests.faults.shop import OPTIONS, open_shop
from tests.flow.kit import Shop, until

ORDERS = int(os.environ.get("MILEPOST_DAY_ORDERS", "200"))
SEED = int(os.environ.get("MILEPOST_DAY_SEED", "1"))
AT_ONCE = 8
AN_HOUR = 8
"""So many orders come before the weather changes: how webhooks of Stripe and of the carrier arrive."""

WEATHER: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    (WEBHOOKS["normal"], {"duplicate": 0, "reorder": False}),
    (WEBHOOKS["twice"], {"duplicate": 1, "reorder": False}),
    (WEBHOOKS["late and backwards"], {"duplicate": 1, "reorder": True}),
)


@dataclass
class Day:
    """All orders of a day. `findings` is what the auditor said in the evening."""

    seed: int
    orders: list[DayOrder]
    findings: list[object] = field(default_factory=list)
    seconds: float = 0

    @property
    def failures(self) -> list[str]:
        """Everything that is not as it should be, each with its order's plan and diary."""
        named = [
            f"{complaint}\n  {one.plan}\n  {'; '.join(one.said)}" for one in self.orders for complaint in one.complaints
        ]
        return named + [f"the audit: {finding}" for finding in self.findings]

    def ends(self) -> dict[str, list[DayOrder]]:
        """How they ended, the most common way first."""
        groups: dict[str, list[DayOrder]] = {}
        for one in self.orders:
            groups.setdefault(ending(one), []).append(one)
        return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))

    def happened(self) -> list[tuple[str, int, int]]:
        """What was done, how often, and how often it was refused."""
        done = sum((one.happened for one in self.orders), Counter[str]())
        refused = sum((one.refused for one in self.orders), Counter[str]())
        return [(what, done[what], refused[what]) for what in sorted(done | refused)]


def ending(one: DayOrder) -> str:
    """How an order ended, in words."""
    if not one.order:
        return f"no order, checkout {one.checkout_state or 'unknown'}"
    order = one.order
    parcels = ", ".join(sorted({parcel["state"].replace("_", " ") for parcel in order["shipments"]}))
    state = order["state"] if order["state"] in ENDED else "ended by a person"
    back = {back["state"] for back in one.backs}
    return f"{state}: {parcels}" + (f"; a return {', '.join(sorted(back))}" if back else "")


async def run(shop: Shop, seed: int, orders: int, told: Callable[[DayOrder], None] = lambda _: None) -> Day:
    """Live the day. `told` hears of each order that is over."""
    began, salt, turn = time.monotonic(), uuid.uuid4().hex, asyncio.Semaphore(AT_ONCE)
    day = Day(seed, [DayOrder(shop, plan, f"day {salt} {plan.number}") for plan in plans(seed, orders)])

    async def one_of(order: DayOrder) -> None:
        async with turn:
            if order.plan.number % AN_HOUR == 0:
                stripe, carrier = WEATHER[order.plan.number // AN_HOUR % len(WEATHER)]
                await shop.stripe("webhooks", **stripe)
                await shop.carrier("webhooks", **carrier)
            await _live(order)
            told(order)

    await asyncio.gather(*(one_of(order) for order in day.orders))
    await shop.calm()
    try:
        await until(shop.audit, lambda findings: not findings, within=PATIENCE)
    except AssertionError:
        day.findings = await shop.audit()
    intents = (await shop.stripe("state"))["payment_intents"]
    for order in day.orders:
        order.complaints += await _wrong(order, intents)
    day.seconds = time.monotonic() - began
    return day


async def _live(order: DayOrder) -> None:
    try:
        await order.live()
        await Desk(order).see_off()
        order.backs = [await order.returns.seen(back) for back in order.backs]
    except Exception as error:  # whatever it was, it is told with the plan, and the day goes on
        order.complaints.append(f"{type(error).__name__}: {error}")


async def _wrong(order: DayOrder, intents: list[dict[str, Any]]) -> list[str]:
    """What no end may be, whatever happened."""
    mine = [one for one in intents if one["metadata"].get("checkout_id") == order.one.checkout_id]
    if order.order:
        await order.look()
    return [*_of_money(order, mine), *_of_the_order(order)]


def _of_money(order: DayOrder, mine: list[dict[str, Any]]) -> Iterator[str]:
    held, received, refunded = (
        sum(one[name] for one in mine) for name in ("amount_capturable", "amount_received", "amount_refunded")
    )
    if held:
        yield f"{held} is still held"
    if sum(one["charges"] for one in mine) > 1:
        yield "charged more than once"
    if refunded > received:
        yield f"{refunded} refunded of {received}"
    nothing_sent = not order.order or order.order["state"] == "cancelled"
    if nothing_sent and received != refunded:
        yield f"nothing is sent, {received} was taken and {refunded} given back"
    if order.order:
        told = order.order["payment"]
        if received > order.order["total"]:
            yield f"{received} taken of {order.order['total']}"
        if (told["captured"], told["refunded"]) != (received, refunded):
            yield f"the order says {told}, Stripe {received} and {refunded}"


def _of_the_order(order: DayOrder) -> Iterator[str]:
    query = (
        "SELECT o.kind, o.state FROM payment_operations o JOIN payments p USING (tenant_id, payment_id)"
        " WHERE p.checkout_id = :c AND o.state IN ('pending', 'settling')"
    )
    if out := order.shop.sql(query, c=order.one.checkout_id):
        yield f"still out: {out}"
    query = "SELECT sku, reserved FROM stock_levels WHERE sku = ANY(:s) AND reserved > 0"
    if kept := order.shop.sql(query, s=order.skus):
        yield f"still reserved: {kept}"
    if order.order.get("needs_attention"):
        yield f"still needs a person: {order.order['attention_reason']}"
    if under_way := [one["state"] for one in order.order.get("shipments", ()) if one["state"] not in OVER]:
        yield f"parcels are under way: {under_way}"


def show(day: Day, console: Console) -> None:
    """How the orders ended and what was done, for a terminal."""
    drawn = Table("how it ended", "orders", "of them called a person", "captured", "back", title="A day of orders")
    for ended, ones in day.ends().items():
        paid = [one.order["payment"] for one in ones if one.order]
        captured, back = sum(one["captured"] for one in paid), sum(one["refunded"] for one in paid)
        called = sum(bool(one.reasons) for one in ones)
        drawn.add_row(ended, str(len(ones)), str(called), str(captured), str(back))
    console.print(drawn)
    acts = Table("what was done", "times", "refused", title="What happened on it")
    for what, done, refused in day.happened():
        acts.add_row(what, str(done), str(refused or ""))
    console.print(acts)
    audit = f"{len(day.findings)} findings" if day.findings else "clean"
    over = sum(not one.complaints for one in day.orders)
    console.print(
        f"{over} of {len(day.orders)} orders over, as they should be, in {day.seconds:.0f} s; seed {day.seed};"
        f" audit {audit}"
    )


async def _main() -> int:
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, Stack(OPTIONS) as stack:
        task = progress.add_task("orders that are over", total=ORDERS)
        async with open_shop(stack) as shop:
            day = await run(shop, SEED, ORDERS, lambda _: progress.advance(task))
    show(day, console)
    if day.failures:
        sys.stderr.write("\n".join(day.failures) + "\n")
    return 1 if day.failures else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(_main()))
