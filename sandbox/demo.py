"""What `milepost up` and `milepost demo` show: the stack with its links, and three checkouts from end to end."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.live import Live
from rich.table import Table
from temporalio.client import Client

from activities.audit import audit_tenant
from domain.ids import checkout_workflow, order_workflow, shipment_workflow
from domain.money import Money
from models.demo import TENANT
from sandbox.cost import KINDS, cost_of
from sandbox.stack import ALL, DataInUse, Links, ProcessDied, Stack, StackOptions
from sandbox.timeskip import skip_time
from settings import Settings

API_KEY = "mp_test_demo"
"""The demo shop's key. It opens nothing but a sandbox on this machine's loopback."""

_DELIVERED_WITHIN_SECONDS = 90


def run_up(data: Path | None, console: Console) -> int:
    """Start everything, show where it is, and leave it running. Exit code 1 when it cannot start or something died."""
    try:
        with _stack(console, data) as stack:
            console.print(_table(stack.links))
            console.print("Running. Ctrl-C stops it.")
            stack.wait()
            console.print("Stopping …")
    except (DataInUse, ProcessDied) as why:
        console.print(f"[red]{why}[/red]")
        return 1
    except KeyboardInterrupt:
        pass
    console.print("Stopped.")
    return 0


def run_demo(console: Console, *, once: bool) -> int:
    """The three checkouts and the audit. With `once`, exit code 0 when all went as it should, else 1."""
    began = time.monotonic()
    try:
        with _stack(console, None) as stack:
            good, page = asyncio.run(_story(console, stack))
            verdict = "[green]All as promised[/green]" if good else "[red]Something is not as promised[/red]"
            console.print(f"\n{verdict}, {time.monotonic() - began:.0f} s with the stack's start.")
            if not once:
                console.print(_table(stack.links, page))
                console.print("The stack is still running: look around. Ctrl-C stops it.")
                stack.wait()
    except ProcessDied as why:
        console.print(f"[red]{why}[/red]")
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 0
    return 0 if good else 1


@contextmanager
def _stack(console: Console, data: Path | None) -> Iterator[Stack]:
    with console.status("Starting PostgreSQL, Temporal, the stand-ins, the API and a worker …") as status:

        def progress(name: str, state: str) -> None:
            status.update(f"{name}: {state}")

        env = {"MILEPOST_SEED_API_KEY": API_KEY}
        options = StackOptions(data=data, prefer_ports=True, env=env, processes=ALL | {"codec"})
        stack = Stack(options, on_progress=progress)
        stack.__enter__()
    try:
        yield stack
    except BaseException as error:
        stack.__exit__(type(error), error, error.__traceback__)
        raise
    stack.__exit__(None, None, None)


def _table(links: Links, page: str = "in each e-mail") -> Table:
    table = Table(title="Milepost on this machine", show_header=False)
    for name, where in (
        ("API", links.api),
        ("API documentation", f"{links.api}/docs"),
        ("API key of the demo shop", API_KEY),
        ("Temporal UI, support's page", links.temporal_ui),
        ("Temporal", links.temporal_address),
        ("Stripe stand-in", links.stripe),
        ("Carrier stand-in", links.carrier),
        ("E-mails to customers", links.mail),
        ("The customer's page of an order", page),
        ("Logs", str(links.logs)),
        ("Data", str(links.data)),
    ):
        table.add_row(name, where)
    return table


async def _story(console: Console, stack: Stack) -> tuple[bool, str]:
    links = stack.links
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(base_url=links.api, headers=headers, timeout=60) as api:
        temporal = await stack.temporal()
        number = await _delivered(console, api, temporal, links)
        good = bool(number) and await _declined(console, api)
        good &= await _expired(console, api, temporal)
        page = await _told(console, api, links, number) if number else ""
        settings = Settings.model_validate(_settings(stack.environment()))
        findings = await audit_tenant(settings, TENANT, temporal)
    console.rule("The audit: database and Stripe")
    for finding in findings:
        console.print(f"[red]{finding.check}[/red] {finding.subject}: {finding.detail}")
    if not findings:
        console.print("Clean: stock, money and orders agree with each other and with Stripe.")
    return good and bool(page) and not findings, page


def _settings(environment: dict[str, str]) -> dict[str, str]:
    """The stack's environment as this process's settings, without touching this process's own."""
    fields = {name: field.alias or name for name, field in Settings.model_fields.items()}
    found = {name: environment.get(alias.upper()) for name, alias in fields.items()}
    return {name: value for name, value in found.items() if value is not None}


def cart(payment: dict[str, str], sku: str = "SCARF-SILK-01", quantity: int = 2) -> dict[str, Any]:
    """The body of a checkout: so many of a SKU, to Paris."""
    return {
        "currency": "EUR",
        "lines": [{"sku": sku, "quantity": quantity}],
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
        "shipping_address": {
            "name": "Ada Lovelace", "line1": "12 Rue de la Paix", "city": "Paris", "postal_code": "75002",
            "country": "FR",
        },
        "shipping_method": "standard",
        "payment": payment,
    }  # fmt: skip


async def _begin(api: httpx.AsyncClient, key: str, cart: dict[str, Any]) -> httpx.Response:
    return await api.post("/v1/checkouts", json=cart, headers={"Idempotency-Key": key})


async def _delivered(console: Console, api: httpx.AsyncClient, temporal: Client, links: Links) -> str:
    """The order's number; nothing if it did not go as it should."""
    console.rule("1. An order, from an HTTP request to the doorstep")
    began = time.monotonic()
    answer = await _begin(api, "demo-order", cart({"mode": "server", "payment_method": "pm_card_visa"}))
    took = (time.monotonic() - began) * 1000
    if answer.status_code != 201:
        console.print(f"[red]{answer.status_code} {answer.text}[/red]")
        return ""
    number = answer.json()["order_number"]
    console.print(f"POST /v1/checkouts → 201 in {took:.0f} ms: order {number}")
    order: dict[str, Any] = {}
    with Live(console=console, refresh_per_second=8) as live:
        until = time.monotonic() + _DELIVERED_WITHIN_SECONDS
        while time.monotonic() < until and order.get("state") != "delivered":
            order = (await api.get(f"/v1/orders/{number}")).json()
            live.update(_timeline(order))
            await asyncio.sleep(0.1)
    console.print()
    workflows = [
        checkout_workflow(TENANT, order["checkout_id"]),
        order_workflow(TENANT, number),
        *(shipment_workflow(TENANT, parcel["id"]) for parcel in order["shipments"]),
    ]
    for workflow in workflows:
        console.print(f"{links.temporal_ui}/namespaces/default/workflows/{quote(workflow, safe='')}", soft_wrap=True)
    console.print(await _costs(temporal, workflows))
    return str(number) if order["state"] == "delivered" and order["payment"]["captured"] == order["total"] else ""


def _timeline(order: dict[str, Any]) -> Table:
    total = Money(order["total"], order["currency"])
    payment = order["payment"]
    title = f"Order {order['number']} · {total} · {order['state']} · payment {payment['state']} ({payment['card']})"
    table = Table("time", "what", "", title=title)
    for event in order["timeline"]:
        table.add_row(event["occurred_at"][11:23], event["type"], event["message"])
    return table


async def _costs(temporal: Client, workflows: list[str]) -> Table:
    costs = [await cost_of(temporal, workflow) for workflow in workflows]
    names = [cost.workflow_id.split("/")[0] for cost in costs]
    table = Table("what it cost Temporal", *names, "together")
    for kind in KINDS:
        counts = [cost.counts[kind] for cost in costs]
        table.add_row(kind, *map(str, counts), str(sum(counts)))
    return table


async def _declined(console: Console, api: httpx.AsyncClient) -> bool:
    console.rule("2. A declined card")
    card = {"mode": "server", "payment_method": "pm_card_chargeDeclinedInsufficientFunds"}
    answer = await _begin(api, "demo-declined", cart(card))
    problem = answer.json()
    console.print(f"POST /v1/checkouts → {answer.status_code} {problem['code']}: {problem['detail']}")
    checkout = (await api.get(f"/v1/checkouts/{problem['checkout_id']}")).json()
    console.print(f"Checkout {checkout['id']} is {checkout['state']}: nothing is held, the scarves are free again.")
    return answer.status_code == 402 and checkout["state"] == "failed"


async def _expired(console: Console, api: httpx.AsyncClient, temporal: Client) -> bool:
    console.rule("3. A shopper who never confirms")
    answer = await _begin(api, "demo-abandoned", cart({"mode": "client"}))
    checkout = answer.json()
    console.print(f"POST /v1/checkouts → {answer.status_code} {checkout['state']} until {checkout['expires_at']}")
    console.print("Fifteen minutes pass (the server skips them) …")
    await skip_time(temporal, checkout_workflow(TENANT, checkout["id"]))
    until = time.monotonic() + 30
    while time.monotonic() < until and checkout["state"] == "awaiting_payment":
        await asyncio.sleep(0.1)
        checkout = (await api.get(f"/v1/checkouts/{checkout['id']}")).json()
    console.print(f"Checkout {checkout['id']} is {checkout['state']}: {checkout['reason_detail']}")
    return bool(checkout["state"] == "expired")


async def _told(console: Console, api: httpx.AsyncClient, links: Links, number: str) -> str:
    """The link to the customer's page, once it opens and every e-mail is sent; nothing if that is not so."""
    console.rule("4. What the customer of the first order was told")
    until = time.monotonic() + 30
    mails: list[dict[str, Any]] = []
    while time.monotonic() < until and (not mails or any(one["state"] == "pending" for one in mails)):
        await asyncio.sleep(0.1)
        mails = (await api.get(f"/v1/orders/{number}/mails")).json()
    for one in mails:
        console.print(f"{one['created_at'][11:19]}  {one['milestone'].replace('_', ' ')}: {one['state']}")
    link = (await api.post(f"/v1/orders/{number}/tracking-links")).json()["url"]
    opened = (await api.get(link, headers={"Authorization": ""})).status_code
    console.print(f"Their e-mails: {links.mail}", soft_wrap=True)
    console.print(f"Their page ({opened}): {link}", soft_wrap=True)
    return str(link) if opened == 200 and {one["state"] for one in mails} == {"sent"} else ""
