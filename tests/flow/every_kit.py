"""One of everything, and how each route that changes something is asked with the example of its description."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tests.flow.access_kit import OPENAPI, Route, bearer, new_key
from tests.flow.kit import Shop, until
from tests.flow.returns_kit import Returns

SCARF = "SCARF-SILK-01"
Names = dict[str, str]


class How(NamedTuple):
    """How a route is asked: what there must be before, which gives the names in its path and further headers."""

    made: Callable[["Every"], Awaitable[Names]]
    status: int | None = None
    """The documented refusal that the example meets, where such a thing has no need of it."""
    other: dict[str, Any] | None = None
    """What is changed of the example for another request, where the key is the name of a thing."""


class Every:
    """Makes a thing of each kind in the demo shop, out of the examples of the description."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.returns = shop, Returns(shop)

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The answer's JSON; it must be a success. Each call is an attempt of its own."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} | {name.replace("_", "-"): one for name, one in headers.items()}
        answer = await self.shop.http.request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    async def order(self, *, labelled: bool = True) -> dict[str, Any]:
        """Two scarves, as the example of a checkout buys them."""
        begun = await self.call("POST", "/v1/checkouts", example("POST", "/v1/checkouts"))
        number = begun["order_number"]
        return await (self.shop.labelled(number) if labelled else self.shop.order(number))

    async def arrived(self) -> dict[str, Any]:
        """The same, paid and delivered."""
        order = await self.order()
        assert (await self.shop.hand_over(order)).json()["released"]
        await self.shop.scan(order, "picked_up", "delivered")
        return await self.shop.order_in(order["number"], "delivered")

    async def sent_back(self, state: str) -> Names:
        """One scarf of it on its way back: requested, approved, or in the warehouse."""
        order = await self.arrived()
        answer = await self.returns.ask(order, SCARF, reason="wrong_size")
        assert answer.status_code == 201, answer.text
        back = answer.json()
        if state != "requested":
            if back["state"] == "requested":
                assert (await self.returns.act(back, "approve", reason="of course")).is_success
            await self.returns.seen_in(back, "label_sent")
        if state == "received":
            assert (await self.returns.act(back, "receive")).is_success
        return {"number": back["id"]}

    async def member(self) -> Names:
        """Somebody who joined as the example does."""
        body = example("POST", "/v1/memberships") | {
            "customer": {"id": f"cus_{uuid.uuid4().hex[:12]}", "email": "ada@example.com"}
        }
        return {"number": (await self.call("POST", "/v1/memberships", body))["id"]}

    async def nothing(self) -> Names:
        """The path says it all."""
        return {}

    async def fresh(self) -> Names:
        """A name that nobody has, whatever the path calls it."""
        name = f"n{uuid.uuid4().hex[:12]}"
        return dict.fromkeys(("role", "plan_id", "method", "customer_id"), name) | {
            "code": name.upper(),
            "number": name,
            "country": "NZ",
        }

    async def key(self) -> Names:
        """An API key."""
        body = example("POST", "/v1/access/keys")
        return {"key_id": (await self.call("POST", "/v1/access/keys", body))["id"]}

    async def origins(self) -> Names:
        """The list as it was read."""
        return {"If-Match": (await self.shop.http.get("/v1/access/origins")).headers["etag"]}

    async def role(self) -> Names:
        """A role that was read."""
        name = (await self.fresh())["role"]
        await self.call("PUT", f"/v1/access/roles/{name}", example("PUT", "/v1/access/roles/{role}"))
        return {"role": name, "If-Match": (await self.shop.http.get(f"/v1/access/roles/{name}")).headers["etag"]}

    async def cart(self) -> Names:
        """A checkout that waits for its shopper."""
        return {"number": (await self.shop.waiting(self.shop.new_sku()))["id"]}

    async def drop(self) -> Names:
        """The drop of the example."""
        body = example("POST", "/v1/drops")
        await self.call("POST", "/v1/drops", body)
        return {"drop": body["id"], "If-Match": "*"}

    async def mail(self) -> Names:
        """An order's confirmation, which was sent."""
        number = (await self.order(labelled=False))["number"]

        async def look() -> Any:
            return (await self.shop.http.get(f"/v1/orders/{number}/mails")).json()

        mails = await until(look, lambda seen: seen and seen[0]["state"] == "sent")
        return {"number": number, "mail": mails[0]["id"]}

    async def leaving(self) -> Names:
        """A member who has said that they leave."""
        names = await self.member()
        await self.call("POST", f"/v1/memberships/{names['number']}/cancel", {})
        return names

    async def price_list(self) -> Names:
        """A list of dollars."""
        name = (await self.fresh())["number"]
        await self.call("PUT", f"/v1/price-lists/{name}", example("PUT", "/v1/price-lists/{number}"))
        return {"number": name, "If-Match": "*"}

    async def product(self) -> Names:
        """The scarf of the examples."""
        await self.call("POST", "/v1/products/bulk", example("POST", "/v1/products/bulk"))
        return {"product_id": "silk-scarf-blue", "If-Match": "*"}

    async def asked_refund(self) -> Names:
        """A refund so large that somebody else than who asked for it must allow it."""
        order = await self.shop.bought(self.shop.new_sku(9), quantity=6)
        assert (await self.shop.hand_over(order)).json()["released"]
        await self.shop.order_in(order["number"], "shipped")
        body = {"amount": 50_001, "cause": "lost_parcel", "reason": "never came"}
        answer = await self.shop.http.post(
            f"/v1/orders/{order['number']}/refunds", json=body, headers=bearer(new_key(self.shop, "*"))
        )
        assert answer.status_code == 202, answer.text
        return {"refund": answer.json()["id"]}

    async def promotion(self) -> Names:
        """The code that the example of a quote names."""
        if (await self.shop.http.get("/v1/promotions/WELCOME10")).is_success:
            return {"code": "WELCOME10"}
        terms = {"name": "Welcome", "percent_basis_points": 1000}
        await self.call("PUT", "/v1/promotions/WELCOME10", terms)
        return {"code": "WELCOME10"}

    async def level(self) -> Names:
        """A hundred of something."""
        return {"location": "florence", "sku": self.shop.new_sku(100)}

    async def terms(self) -> Names:
        """The same with a safety stock of two."""
        names = await self.level()
        await self.call("PUT", f"/v1/stock/florence/{names['sku']}/terms", {"safety_stock": 2, "expected": {}})
        return names

    async def order_number(self) -> Names:
        """An order that has its label."""
        return {"number": (await self.order())["number"]}

    async def arrived_number(self) -> Names:
        """An order that has arrived."""
        return {"number": (await self.arrived())["number"]}

    async def parcel(self) -> Names:
        """The parcel of an order, with its label."""
        return {"number": (await self.order())["shipments"][0]["id"]}

    async def requested(self) -> Names:
        """A return that nobody has looked at."""
        return await self.sent_back("requested")

    async def approved(self) -> Names:
        """A return with its label."""
        return await self.sent_back("label_sent")

    async def received(self) -> Names:
        """A return in the warehouse's hands."""
        return await self.sent_back("received")


HOW: dict[str, How] = {
    "POST /codec/decode": How(Every.nothing),
    "POST /codec/encode": How(Every.nothing, status=403),
    "POST /v1/access/keys": How(Every.nothing, other={"name": "another"}),
    "POST /v1/access/keys/{key_id}/revoke": How(Every.key),
    "POST /v1/access/keys/{key_id}/rotate": How(Every.key, other={"overlap": 60}),
    "PUT /v1/access/origins": How(Every.origins),
    "DELETE /v1/access/roles/{role}": How(Every.role),
    "PUT /v1/access/roles/{role}": How(Every.fresh),
    "POST /v1/checkouts": How(Every.nothing, other={"expected_total": None}),
    "POST /v1/checkouts/{number}/cancel": How(Every.cart),
    "POST /v1/checkouts/{number}/confirm": How(Every.cart),
    "POST /v1/customers/{customer_id}/erasure": How(Every.fresh),
    "POST /v1/customers/{customer_id}/tokens": How(Every.fresh),
    "POST /v1/drops": How(Every.nothing),
    "PUT /v1/drops/{drop}": How(Every.drop),
    "PUT /v1/membership-plans/{plan_id}": How(Every.fresh),
    "POST /v1/memberships": How(Every.nothing, other={"tier": "gold"}),
    "POST /v1/memberships/{number}/cancel": How(Every.member),
    "POST /v1/memberships/{number}/card": How(Every.member),
    "POST /v1/memberships/{number}/confirm": How(Every.member),
    "POST /v1/memberships/{number}/resume": How(Every.leaving),
    "POST /v1/memberships/{number}/tier": How(Every.member),
    "POST /v1/checkouts/{number}/extend-reservation": How(Every.cart),
    "POST /v1/orders/{number}/acknowledge": How(Every.order_number, status=409),
    "POST /v1/orders/{number}/change-address": How(Every.order_number, status=409),
    "POST /v1/orders/{number}/hold": How(Every.order_number),
    "POST /v1/orders/{number}/note": How(Every.order_number),
    "POST /v1/orders/{number}/release": How(Every.order_number, status=409),
    "POST /v1/orders/{number}/resolve": How(Every.order_number, status=409),
    "POST /v1/orders/{number}/retry-payment": How(Every.order_number, status=409),
    "POST /v1/refunds/{refund}/approve": How(Every.asked_refund),
    "POST /v1/refunds/{refund}/decline": How(Every.asked_refund),
    "POST /v1/shipments/{number}/retry": How(Every.parcel, status=409),
    "POST /v1/shipments/{number}/settle": How(Every.parcel, status=409),
    "POST /v1/orders/{number}/cancel": How(Every.order_number),
    "POST /v1/orders/{number}/mails/{mail}/retries": How(Every.mail, status=409),
    "POST /v1/orders/{number}/refunds": How(Every.arrived_number, other={"amount": 100}),
    "POST /v1/orders/{number}/returns": How(Every.arrived_number, other={"note": "another"}),
    "POST /v1/orders/{number}/tracking-links": How(Every.order_number),
    "DELETE /v1/price-lists/{number}": How(Every.price_list),
    "PUT /v1/price-lists/{number}": How(Every.fresh),
    "PUT /v1/price-lists/{number}/prices": How(Every.price_list),
    "POST /v1/products/bulk": How(Every.nothing),
    "PUT /v1/products/{product_id}": How(Every.product),
    "PUT /v1/promotions/{code}": How(Every.fresh),
    "POST /v1/quotes": How(Every.promotion),
    "POST /v1/returns/{number}/approve": How(Every.requested),
    "POST /v1/returns/{number}/cancel": How(Every.requested),
    "POST /v1/returns/{number}/inspect": How(Every.received),
    "POST /v1/returns/{number}/receive": How(Every.approved),
    "POST /v1/returns/{number}/reject": How(Every.requested),
    "POST /v1/shipments/{number}/handover": How(Every.parcel),
    "POST /v1/shipments/{number}/packed": How(Every.parcel),
    "POST /v1/shipments/{number}/picked": How(Every.parcel),
    "PUT /v1/shipping-methods/{method}": How(Every.fresh),
    "PUT /v1/stock/{location}/{sku}": How(Every.level),
    "POST /v1/stock/{location}/{sku}/adjustments": How(Every.level, other={"reason": "another"}),
    "PUT /v1/stock/{location}/{sku}/terms": How(Every.terms),
    "PUT /v1/tax-rates/{country}": How(Every.fresh),
}
"""By route: a new one that changes something must be here (tests/flow/test_endpoints.py)."""


def examples(method: str, path: str) -> list[Any]:
    """The bodies that the description shows for an operation; one None for an operation that takes none."""
    operation = OPENAPI["paths"][path][method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return [None]
    schema = content["schema"]
    refs = [way["$ref"].rpartition("/")[2] for way in (schema, *schema.get("anyOf", [])) if "$ref" in way]
    return [one for ref in refs for one in OPENAPI["components"]["schemas"][ref].get("examples", [])]


def example(method: str, path: str) -> Any:
    """The first of them."""
    return examples(method, path)[0]


def is_name(route: Route) -> bool:
    """Whether the route's `Idempotency-Key` is the name of what it makes: then it is needed (docs/api.md)."""
    parameters = OPENAPI["paths"][route.path][route.method.lower()].get("parameters", [])
    return any(one["name"] == "Idempotency-Key" and one["required"] for one in parameters)


def documented(route: Route) -> set[int]:
    """The statuses that the description names for a route."""
    return {int(status) for status in OPENAPI["paths"][route.path][route.method.lower()]["responses"]}
