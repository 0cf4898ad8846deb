"""Whole lives: orders a second from the shopper's request to the delivered parcel, with every webhook on the way."""

import asyncio
import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from sandbox.demo import cart
from sandbox.stack import Stack

LOOK_EVERY_SECONDS = 0.5
DELIVERED_WITHIN_SECONDS = 300.0
SCAN_EVERY_SECONDS = 0.2
"""The carrier's stand-in scans a parcel that often: its way takes a second, the rest is ours."""


async def measure(
    stack: Stack, api: httpx.AsyncClient, count: int, at_once: int, on_end: Callable[[], None]
) -> dict[str, float]:
    """`count` orders, `at_once` at a time: orders a second, and seconds from request to door.

    Raises `httpx.HTTPStatusError` for an answer that is no success, `TimeoutError` for a parcel that does not arrive.
    """
    pace = await api.post(f"{stack.links.carrier}/_control/pace", json={"seconds": SCAN_EVERY_SECONDS})
    pace.raise_for_status()
    left, took = iter(range(count)), list[float]()

    async def one_after_another() -> None:
        for _ in left:
            began = time.perf_counter()
            await _live(api)
            took.append(time.perf_counter() - began)
            on_end()

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    elapsed = time.perf_counter() - began
    return {"per_second": count / elapsed, "p50_seconds": statistics.median(took), "max_seconds": max(took)}


async def _live(api: httpx.AsyncClient) -> None:
    body = cart({"mode": "server", "payment_method": "pm_card_visa"}, quantity=1)
    answer = await api.post("/v1/checkouts", json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    number = str(answer.raise_for_status().json()["order_number"])
    parcel = (await _until(api, number, "label_bought"))["shipments"][0]["id"]
    (await api.post(f"/v1/shipments/{parcel}/handover")).raise_for_status()
    await _until(api, number, "delivered")


async def _until(api: httpx.AsyncClient, number: str, state: str) -> dict[str, Any]:
    deadline = time.perf_counter() + DELIVERED_WITHIN_SECONDS
    while time.perf_counter() < deadline:
        order: dict[str, Any] = (await api.get(f"/v1/orders/{number}")).raise_for_status().json()
        if order["shipments"][0]["state"] == state:
            return order
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    raise TimeoutError(f"the parcel of order {number} is not {state}")
