"""Orders of several parcels: pieces of a cart are put into a second location before it is paid."""

import uuid
from typing import Any

import httpx

from domain.ids import shipment_workflow
from tests.flow.kit import TENANT, Handle, Shop, until

_PLACE = (
    "INSERT INTO locations (tenant_id, location_id, name, priority, address)"
    " SELECT tenant_id, 'milan', 'Milan', 9, address FROM locations WHERE location_id = 'florence'"
    " ON CONFLICT DO NOTHING"
)
_LEVEL = (
    "INSERT INTO stock_levels (tenant_id, location_id, sku, on_hand, reserved)"
    " VALUES (current_tenant(), 'milan', :sku, :n, :n)"
)
_LESS = "UPDATE stock_levels SET reserved = reserved - :n WHERE location_id = 'florence' AND sku = :sku"
_CAME = (
    "INSERT INTO stock_movements (tenant_id, location_id, sku, kind, quantity, cause)"
    " VALUES (current_tenant(), 'milan', :sku, 'received', :n, 'opening stock')"
)
_SOME = "UPDATE reservations SET quantity = quantity - :n WHERE checkout_id = :c AND sku = :sku"
_ALL = "DELETE FROM reservations WHERE checkout_id = :c AND sku = :sku AND quantity = :n"
_GIVE = (
    "INSERT INTO reservations (tenant_id, checkout_id, sku, location_id, quantity, state, expires_at)"
    " SELECT tenant_id, checkout_id, :sku, 'milan', :n, 'held', expires_at FROM checkouts WHERE checkout_id = :c"
)


class Parcels:
    """What a test of several parcels asks of a shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def bought(
        self,
        here: dict[str, int],
        away: dict[str, int],
        *,
        labelled: bool = True,
        card: str = "pm_card_visa",
        **how: Any,
    ) -> dict[str, Any]:
        """An order of two parcels: what leaves from home, and what leaves from the other place."""
        lines = {sku: here.get(sku, 0) + away.get(sku, 0) for sku in {**here, **away}}
        body = [{"sku": sku, "quantity": count} for sku, count in sorted(lines.items())]
        checkout = await self.shop.waiting("", lines=body, **how)
        for sku, count in away.items():
            self.put_away(checkout["id"], sku, count, all_of_it=sku not in here)
        await self.shop.browser_confirms(checkout, card)
        number = (await self.shop.checkout_in(checkout["id"], "completed"))["order_number"]
        return await (self.labelled(number) if labelled else self.shop.order(number))

    def put_away(self, checkout: str, sku: str, count: int, *, all_of_it: bool) -> None:
        for statement in (_PLACE, _LEVEL, _CAME, _ALL if all_of_it else _SOME, _LESS, _GIVE):
            self.shop.write(statement, c=checkout, sku=sku, n=count)

    async def labelled(self, number: str) -> dict[str, Any]:
        """The order, once each parcel that can go has its label."""
        return await until(
            lambda: self.shop.order(number),
            lambda seen: all(one["state"] == "label_bought" or one["waits_for_stock"] for one in seen["shipments"]),
            within=45,
        )

    async def labelled_but(self, number: str, gone: str) -> dict[str, Any]:
        """The order, once each parcel but one that has ended has its label."""
        return await until(
            lambda: self.shop.order(number),
            lambda seen: all(one["state"] == "label_bought" for one in seen["shipments"] if one["id"] != gone),
        )

    def alone(self, order: dict[str, Any], place: int) -> dict[str, Any]:
        """The order as if it had this one parcel, for what is asked of the one parcel of an order."""
        return order | {"shipments": [order["shipments"][place]]}

    async def cancel(self, order: dict[str, Any], *, key: str | None = None, **body: Any) -> httpx.Response:
        """`POST /v1/orders/{number}/cancel`."""
        lines = body.pop("lines", None)
        if lines is not None:
            body["lines"] = [{"sku": sku, "quantity": count} for sku, count in lines.items()]
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return await self.shop.http.post(f"/v1/orders/{order['number']}/cancel", json=body or None, headers=headers)

    async def deliver(self, order: dict[str, Any], place: int) -> None:
        """The dock lets a parcel go, and the carrier brings it."""
        one = self.alone(order, place)
        answer = await self.shop.hand_over(one)
        assert answer.json()["released"], answer.text
        await self.shop.scan(one, "picked_up", "delivered")

    async def money(self, order: dict[str, Any]) -> tuple[str, int, int]:
        """Of its payment: the state, what was captured, and what of it went back."""
        payment = (await self.shop.order(order["number"]))["payment"]
        return payment["state"], payment["captured"], payment["refunded"]

    def flow(self, order: dict[str, Any], place: int) -> Handle:
        """The workflow of one of its parcels."""
        return self.shop.temporal.get_workflow_handle(shipment_workflow(TENANT, order["shipments"][place]["id"]))
