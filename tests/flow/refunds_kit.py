"""Refunds of a large order by hand: who asks, and who else decides."""

import uuid
from typing import Any

import httpx

from domain.ids import refund_workflow
from tests.flow.access_kit import new_key
from tests.flow.kit import TENANT, Handle, Shop

LARGE = 50_001
"""Minor units: more than one person may give back alone."""


class Desk:
    """An order of €615.00 that is paid, who asks for refunds of it, and who else decides."""

    def __init__(self, shop: Shop, order: dict[str, Any], second: str) -> None:
        self.shop, self.order, self.second = shop, order, {"Authorization": f"Bearer {second}"}

    @classmethod
    async def open(cls, shop: Shop, **how: Any) -> "Desk":
        """Six pieces have left."""
        order = await shop.bought(shop.new_sku(9), quantity=6, **how)
        assert (await shop.hand_over(order)).json()["released"]
        order = await shop.order_in(order["number"], "shipped")
        return cls(shop, order, new_key(shop, "payments:approve", "orders:read"))

    async def ask(self, amount: int | None = LARGE, key: str | None = None, **body: Any) -> httpx.Response:
        """`POST /v1/orders/{number}/refunds`."""
        body |= {"cause": "lost_parcel", "reason": "never came"} | ({"amount": amount} if amount else {})
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self.shop.http.post(f"/v1/orders/{self.order['number']}/refunds", json=body, headers=headers)

    async def waits(self, amount: int | None = LARGE) -> dict[str, Any]:
        """A refund that waits."""
        answer = await self.ask(amount)
        assert (answer.status_code, answer.json()["state"]) == (202, "awaiting_approval"), answer.text
        return dict(answer.json())

    async def act(self, one: dict[str, Any], act: str, *, same: bool = False) -> httpx.Response:
        """`POST /v1/refunds/{id}/{act}`, by a second person or the same."""
        headers = {} if same else self.second
        return await self.shop.http.post(f"/v1/refunds/{one['id']}/{act}", json={"reason": "seen"}, headers=headers)

    async def seen(self, one: dict[str, Any]) -> dict[str, Any]:
        """`GET /v1/refunds/{id}`."""
        return dict((await self.shop.http.get(f"/v1/refunds/{one['id']}")).json())

    async def back(self) -> int:
        """What has gone back."""
        return int((await self.shop.order(self.order["number"]))["payment"]["refunded"])

    async def calls(self) -> str | None:
        """Why a person is needed."""
        told: str | None = (await self.shop.order(self.order["number"]))["attention_reason"]
        return told

    def flow(self, one: dict[str, Any]) -> Handle:
        """Its workflow."""
        return self.shop.temporal.get_workflow_handle(refund_workflow(TENANT, one["id"]))
