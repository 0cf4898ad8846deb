"""Returns with a wish for something else, and the parcel in which it goes out."""

from typing import Any

import httpx

from tests.flow.access_kit import owner
from tests.flow.kit import until
from tests.flow.returns_kit import Returns

Order = dict[str, Any]


class Exchanges(Returns):
    """What a test of exchanges asks of a shop, beside what returns are asked."""

    def costing(self, price: int, count: int = 5) -> str:
        """A thing of its own at another price."""
        sku = self.shop.new_sku(count)
        owner(self.shop, "UPDATE prices SET amount_minor = :p WHERE sku = :s", p=price, s=sku)
        return sku

    async def wish(self, order: Order, *lines: tuple[str, int, str | None], key: str | None = None) -> httpx.Response:
        """`POST /v1/orders/{number}/returns` of (SKU, pieces, SKU that is wanted instead)."""
        told = [
            {"sku": sku, "quantity": quantity, "reason": "wrong_size", "exchange_for": wanted}
            for sku, quantity, wanted in lines
        ]
        headers = {"Idempotency-Key": key or f"{order['number']}-{lines}"}
        return await self.shop.http.post(f"/v1/orders/{order['number']}/returns", json={"lines": told}, headers=headers)

    async def wished(self, order: Order, *lines: tuple[str, int, str | None]) -> dict[str, Any]:
        """A return with a wish, that has its label."""
        answer = await self.wish(order, *lines)
        assert answer.status_code == 201, answer.text
        one = answer.json()
        if one["state"] == "requested":
            assert (await self.act(one, "approve", reason="a good customer")).status_code == 200
        return await self.seen_in(one, "label_sent")

    async def inspected(self, one: dict[str, Any], *lines: dict[str, Any]) -> dict[str, Any]:
        """Received and inspected; the return, once it has ended."""
        assert (await self.act(one, "receive")).status_code == 200
        assert (await self.act(one, "inspect", lines=list(lines), actor="Ugo")).status_code == 200
        return await until(lambda: self.seen(one), lambda seen: seen["ended_at"])

    async def parcel(self, order: Order, one: dict[str, Any], state: str) -> dict[str, Any]:
        """What goes out instead, once it is in that state; with all there is to say of its order."""

        async def look() -> dict[str, Any]:
            sent = (await self.shop.order(order["number"]))["shipments"]
            return next(parcel for parcel in sent if parcel["id"] == one["exchange"]["shipment"])

        return await until(look, lambda parcel: parcel["state"] == state)

    async def send(self, order: Order, one: dict[str, Any], *statuses: str) -> None:
        """It has its label, leaves, and is scanned."""
        parcel = await self.parcel(order, one, "label_bought")
        answer = await self.shop.http.post(f"/v1/shipments/{parcel['id']}/handover")
        assert answer.status_code == 200, answer.text
        await self.shop.scan({"shipments": [parcel]}, *statuses)
