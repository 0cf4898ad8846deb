"""What people and programs look at, by its name: read an order, list orders, search. Each is asked many times."""

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx

from benchmarks.growth.copies import customer_id, order_number

TIMES, WARM_UP = 200, 20

_NODE = "nodes { number state total customerId lines { sku quantity } shipments { id state trackingNumber } }"
_PAGE = f"query($c: String, $a: String) {{ orders(customerId: $c, first: 20, after: $a) {{ {_NODE} "
_PAGE += "pageInfo { endCursor hasNextPage } } }"
_FOUND = 'query { products(words: "silk scarf", first: 10) { nodes { id } } }'


class Looks:
    """Of the database as it is: `count` copies."""

    def __init__(self, http: httpx.Client, count: int, seed: int = 1) -> None:
        self._http, self._count, self._dice = http, count, random.Random(seed)
        self._deep = self._after(10)

    def all(self) -> dict[str, Callable[[], None]]:
        """Name → one look."""
        return {
            "an order": lambda: self._get(f"/v1/orders/{self._number()}"),
            "an order's checkout": lambda: self._get(f"/v1/checkouts/co_{self._some():08d}"),
            "an order's e-mails": lambda: self._get(f"/v1/orders/{self._number()}/mails"),
            "an order's returns": lambda: self._get(f"/v1/orders/{self._number()}/returns"),
            "newest orders": self._page,
            "the tenth page of orders": lambda: self._page(a=self._deep),
            "a customer's orders": lambda: self._page(c=customer_id(self._some())),
            "products by words": lambda: self._ask(_FOUND),
            "refunds that wait": lambda: self._get("/v1/refunds?state=awaiting_approval"),
            "unknown parcels": lambda: self._get("/v1/unknown-parcels"),
        }

    def measure(self, tell: Callable[[], None]) -> dict[str, float]:
        """Name → median milliseconds. Looks take turns, so that a noisy moment hits all of them."""
        looks, took = self.all(), dict[str, list[float]]()
        for turn in range(WARM_UP + TIMES):
            for name, look in looks.items():
                began = time.perf_counter()
                look()
                if turn >= WARM_UP:
                    took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
            tell()
        return {name: statistics.median(each) for name, each in took.items()}

    def _some(self) -> int:
        return self._dice.randrange(self._count)

    def _number(self) -> str:
        return order_number(self._some())

    def _get(self, path: str) -> None:
        self._http.get(path).raise_for_status()

    def _page(self, **values: str) -> Any:
        return self._ask(_PAGE, **values)["orders"]

    def _after(self, pages: int) -> str:
        cursor: dict[str, str] = {}
        for _ in range(pages):
            cursor = {"a": self._page(**cursor)["pageInfo"]["endCursor"]}
        return cursor["a"]

    def _ask(self, query: str, **values: str) -> Any:
        answer = self._http.post("/graphql", json={"query": query, "variables": values}).raise_for_status().json()
        if "errors" in answer:
            raise RuntimeError(str(answer["errors"]))
        return answer["data"]
