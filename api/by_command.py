"""`milepost order …`: support's acts from the command line, signed by the operating system's user or `--actor`."""

import asyncio
import uuid
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from api.problems import Problem
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.money import Money
from domain.support import ORDER_ACTS, PARCEL_ACTS, possible
from gateways.temporal import connect
from models import acting, events, orders, payments, shipments
from models.database import Database
from settings import Settings

_LAST_EVENTS = 20


class NotDone(Exception):
    """It was refused, or could not be asked: the message says why."""


def act_on(settings: Settings, workflow: str, act: str, request: object, key: str | None) -> bool:
    """Ask a workflow, by its id. False: it has it in hand, and goes on. Raises `NotDone`."""

    async def run() -> bool:
        try:
            async with reaching(workflow.partition("/")[0]):
                client = await connect(settings)
                handle = client.get_workflow_handle(workflow)
                within = timedelta(seconds=ANSWER_WITHIN_SECONDS)
                await handle.execute_update(act, request, id=f"{act}/{key or uuid.uuid4().hex}", rpc_timeout=within)
        except StillRunning:
            return False
        except Problem as problem:
            raise NotDone(f"{problem.detail} ({problem.code})") from problem
        return True

    return asyncio.run(run())


def show_order(settings: Settings, tenant: str, number: str, console: Console) -> None:
    """Where an order is, what may be done, and what has happened. Raises `NotDone` when there is none."""
    asyncio.run(_show(settings, tenant, number, console))


async def _show(settings: Settings, tenant: str, number: str, console: Console) -> None:
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        async with database.transaction(tenant) as session:
            order = await orders.find(session, number)
            if order is None:
                raise NotDone(f"There is no order {number} (not_found)")
            packed = await shipments.of_order(session, number)
            payment = await payments.get(session, order.payment_id)
            told = await events.timeline(session, order.checkout_id)
    finally:
        await database.close()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    say(f"Order {number}: {order.state}, {Money(order.total_minor, order.currency)}")
    if order.held_reason is not None:
        say(f"Held: {order.held_reason}")
    if order.attention_reason is not None:
        say(f"Needs a person: {order.attention_reason}")
    say(f"Possible acts: {', '.join(possible(ORDER_ACTS, acting.order_facts(order, packed, payment.state))) or 'none'}")
    table = Table("parcel", "state", "needs", "tracking number", "possible acts")
    for one in packed:
        acts = ", ".join(possible(PARCEL_ACTS, acting.parcel_facts(order, one)))
        table.add_row(one.shipment_id, one.state, one.trouble or "", one.tracking_number or "", acts)
    console.print(table)
    for event in told[-_LAST_EVENTS:]:
        say(f"{event.occurred_at:%d %b %H:%M:%S} {event.message}")
