"""Whole lives: orders a second from the shopper's request to the delivered parcel, with every webhook on the way."""

import asyncio
import statistics
import time
import uuid
from collections.abc import Callable

import httpx

from sandbox.demo import cart
from sandbox.stack import Stack

LOOK_EVERY_SECONDS = 0.5
DELIVERED_WITHIN_SECONDS = 60.0
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
    """The carrier's stand-in may take the parcel before the dock has asked: then its hand-over is over already."""
    body = cart({"mode": "server", "payment_method": "pm_card_visa"}, quantity=1)
    answer = await api.post("/v1/checkouts", json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    number = str(answer.raise_for_status().json()["order_number"])
    parcel = await _until(api, number, lambda state: state != "pending")
    for _ in range(round(DELIVERED_WITHIN_SECONDS / LOOK_EVERY_SECONDS)):
        handed = await api.post(f"/v1/shipments/{parcel}/handover")
        if handed.status_code != 503:  # which says: again
            break
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    if handed.status_code != 409:
        handed.raise_for_status()
    await _until(api, number, lambda state: state == "delivered")


async def _until(api: httpx.AsyncClient, number: str, good: Callable[[str], bool]) -> str:
    """The parcel's id, once it is so."""
    deadline = time.perf_counter() + DELIVERED_WITHIN_SECONDS
    while time.perf_counter() < deadline:
        parcel = (await api.get(f"/v1/orders/{number}")).raise_for_status().json()["shipments"][0]
        if good(parcel["state"]):
            return str(parcel["id"])
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    raise TimeoutError(f"the parcel of order {number} is {parcel['state']}")
