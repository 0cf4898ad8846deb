"""Orders that have arrived, and what a customer, support and the warehouse do to send some of it back."""

import uuid
from typing import Any

import httpx

from domain.ids import return_workflow
from tests.flow.kit import TENANT, Handle, Shop, until


class Returns:
    """What a test of returns asks of a shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def delivered(self, sku: str, quantity: int = 1, **how: Any) -> dict[str, Any]:
        """An order that has arrived, and is paid."""
        order = await self.shop.bought(sku, quantity=quantity, **how)
        assert (await self.shop.hand_over(order)).json()["released"]
        await self.shop.scan(order, "picked_up", "delivered")
        return await self.shop.order_in(order["number"], "delivered")

    async def ask(
        self,
        order: dict[str, Any],
        sku: str,
        quantity: int = 1,
        *,
        reason: str = "changed_mind",
        key: str | None = None,
    ) -> httpx.Response:
        """`POST /v1/orders/{number}/returns`."""
        body = {"lines": [{"sku": sku, "quantity": quantity, "reason": reason}]}
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self.shop.http.post(f"/v1/orders/{order['number']}/returns", json=body, headers=headers)

    async def labelled(self, order: dict[str, Any], sku: str, quantity: int = 1, **how: Any) -> dict[str, Any]:
        """A return, approved by whoever must, with its label."""
        answer = await self.ask(order, sku, quantity, **how)
        assert answer.status_code == 201, answer.text
        back = answer.json()
        if back["state"] == "requested":
            assert (await self.act(back, "approve", reason="a good customer")).status_code == 200
        return await self.seen_in(back, "label_sent")

    async def act(self, back: dict[str, Any], act: str, **body: Any) -> httpx.Response:
        """`POST /v1/returns/{id}/{act}`."""
        return await self.shop.http.post(f"/v1/returns/{back['id']}/{act}", json=body or None)

    async def inspect(self, back: dict[str, Any], sku: str, **counts: int) -> httpx.Response:
        """What one line turned out to be."""
        return await self.act(back, "inspect", lines=[{"sku": sku, **counts}], actor="Ugo")

    async def seen(self, back: dict[str, Any]) -> dict[str, Any]:
        """`GET /v1/returns/{id}`."""
        answer = await self.shop.http.get(f"/v1/returns/{back['id']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def seen_in(self, back: dict[str, Any], state: str) -> dict[str, Any]:
        """The return, once it is in that state."""
        return await until(lambda: self.seen(back), lambda one: one["state"] == state)

    async def through(self, order: dict[str, Any], sku: str, quantity: int = 1, **counts: int) -> dict[str, Any]:
        """Asked for, received, inspected, and ended."""
        back = await self.labelled(order, sku, quantity)
        assert (await self.act(back, "receive")).status_code == 200
        answer = await self.inspect(back, sku, **(counts or {"restock": quantity}))
        assert answer.status_code == 200, answer.text
        return await until(lambda: self.seen(back), lambda one: one["ended_at"])

    async def scan(self, back: dict[str, Any], *statuses: str) -> None:
        """The carrier scans the parcel on its way back."""
        state = (await self.shop.carrier("state")).json()
        parcel = state["references"][back["id"]]["shipments"][0]["id"]
        for status in statuses:
            await self.shop.carrier(f"shipments/{parcel}/scan", status=status)

    async def refunded(self, order: dict[str, Any]) -> int:
        """What has gone back of an order's payment."""
        return int((await self.shop.order(order["number"]))["payment"]["refunded"])

    def flow(self, back: dict[str, Any]) -> Handle:
        """Its workflow."""
        return self.shop.temporal.get_workflow_handle(return_workflow(TENANT, back["id"]))
