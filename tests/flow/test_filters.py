"""The saved filters of docs/support.md: each is taken by the real server and finds what it says, and nothing else."""

import re
import uuid
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from domain.ids import checkout_workflow, order_workflow, shipment_workflow
from tests.flow.kit import TENANT, Shop, until
from tests.flow.test_backorder import set_terms

PAGE = Path(__file__).resolve().parents[2] / "docs" / "support.md"
ROW = re.compile(r"^\| \[([^\]]+)\]\(images/([a-z-]+)\.png\) \| `([^`]+)` \|", re.MULTILINE)


def filters() -> dict[str, str]:
    """Name → filter, as they stand on the page."""
    return {name: query for name, _, query in ROW.findall(PAGE.read_text())}


class Floor:
    """Orders of one customer in every state that a filter asks for."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.customer = shop, f"cus_{uuid.uuid4().hex[:12]}"
        self.sku = ""
        self.known: dict[str, str] = {}
        """Workflow id → what it is called here."""

    async def build(self) -> None:
        """One of each."""
        shop, customer = self.shop, {"email": "ada@example.com", "name": "Ada", "id": self.customer}
        self.sku = shop.new_sku(9)
        await self._keep("gone", await shop.bought(self.sku, customer=customer, quantity=5))
        await shop.hand_over(self.order)
        await self._keep("ready", await shop.bought(self.sku, customer=customer))
        self.number, self.tracking = self.order["number"], self.order["shipments"][0]["tracking_number"]
        await shop.carrier("faults", operation="buy", status=400, times=1)
        await self._keep("stuck", await shop.bought(self.sku, customer=customer, labelled=False))
        await until(lambda: shop.order(self.order["number"]), lambda seen: seen["needs_attention"])
        later = shop.new_sku(0)
        await set_terms(shop, later, backorder_limit=9, expected_on="2027-03-01")
        await self._keep("waits", await shop.bought(later, customer=customer, labelled=False))
        checkout = await shop.waiting(self.sku, customer=customer)
        self.known[checkout_workflow(TENANT, checkout["id"])] = "checkout"

    async def _keep(self, name: str, order: dict[str, Any]) -> None:
        self.order = order
        self.known[order_workflow(TENANT, order["number"])] = name
        self.known[shipment_workflow(TENANT, order["shipments"][0]["id"])] = f"{name}'s parcel"

    def own(self, query: str) -> str:
        """With what is ours in place of the page's examples."""
        for example, ours in {
            'OrderNumber="1001"': f'OrderNumber="{self.number}"',
            "MP320240933335": str(self.tracking),
            "cus_1x": self.customer,
            "WATCH-LTD-03": self.sku,
            "TotalMinor > 800000": "TotalMinor > 40000",
            '"2026-11-20T00:00:00Z"': '"2126-01-01T00:00:00Z"',
        }.items():
            query = query.replace(example, ours)
        return query

    async def found(self, query: str) -> set[str]:
        """What of ours it finds."""
        listed = [one.id async for one in self.shop.temporal.list_workflows(self.own(query))]
        return {self.known[one] for one in listed if one in self.known}


FINDS = {
    "Needs a person": {"stuck", "stuck's parcel"},
    "Ended in trouble": set[str](),
    "Orders in need": {"stuck"},
    "Parcels in need": {"stuck's parcel"},
    "One order": {"ready", "ready's parcel"},
    "One parcel": {"ready's parcel"},
    "One customer": {"gone", "ready", "stuck", "waits"},
    "Not left for days": {"ready", "stuck", "waits"},
    "Waits for stock": {"waits's parcel"},
    "On the way": {"gone's parcel"},
    "Large orders": {"gone"},
    "Paying now": {"checkout"},
    "Open disputes": set[str](),
    "Failed": set[str](),
}


async def test_each_filter_finds_what_it_says(shop: Shop) -> None:
    floor = Floor(shop)
    await floor.build()
    assert filters().keys() == FINDS.keys()
    for name, query in filters().items():
        await until(lambda query=query: floor.found(query), lambda seen, name=name: seen == FINDS[name])  # type: ignore[misc]  # bound at once
    disputed = await shop.bought(shop.new_sku(), card="pm_card_createDispute")
    assert (await shop.hand_over(disputed)).json()["released"]

    async def disputes() -> list[str]:
        query = filters()["Open disputes"] + f' AND OrderNumber="{disputed["number"]}"'
        return [one.id async for one in shop.temporal.list_workflows(query)]

    (dispute,) = await until(disputes)
    running = await shop.temporal.get_workflow_handle(dispute).describe()
    assert running.status is WorkflowExecutionStatus.RUNNING
    (checkout,) = [one for one, name in floor.known.items() if name == "checkout"]
    await shop.http.post(f"/v1/checkouts/{checkout.rpartition('/')[2]}/cancel")
