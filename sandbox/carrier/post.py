"""What the carrier stand-in does by itself: moves parcels, and posts webhooks until they are taken."""

import asyncio
import contextlib
import hmac
import logging
import time
import unicodedata
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from gateways.signatures import sign
from sandbox.carrier.depot import Depot
from sandbox.carrier.records import Delivery, Face

SIGNATURE_HEADER = "Milepost-Signature"
_AT_ONCE = 32
_ATTEMPT_SECONDS = 10.0


@contextlib.asynccontextmanager
async def running(depot: Depot, webhook_url: str, secret: str) -> AsyncIterator[None]:
    """Both at work, for as long as the context is open."""
    async with httpx.AsyncClient(timeout=_ATTEMPT_SECONDS) as client:

        async def post(delivery: Delivery) -> bool:
            depot.in_flight += 1
            try:
                return await _taken(client, webhook_url, secret, delivery)
            finally:
                depot.in_flight -= 1

        tasks = [asyncio.create_task(_move(depot)), asyncio.create_task(_post(depot, post))]
        for task in tasks:
            task.add_done_callback(_never_silently)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _move(depot: Depot) -> None:
    while True:
        depot.move(await depot.moves.next())


async def _post(depot: Depot, post: Callable[[Delivery], Awaitable[bool]]) -> None:
    """Webhooks of one parcel go one after the other, those of different parcels side by side."""
    slots = asyncio.Semaphore(_AT_ONCE)
    turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def deliver(delivery: Delivery) -> None:
        async with turns[delivery.shipment_id]:
            while delivery.id in depot.deliveries:
                if not await post(delivery):
                    depot.not_delivered(delivery)
                    break
                depot.delivered(delivery)
        slots.release()

    async with asyncio.TaskGroup() as group:
        while True:
            delivery = depot.deliveries.get(await depot.posts.next())
            if delivery is not None:
                await slots.acquire()
                group.create_task(deliver(delivery))


def _never_silently(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        logging.getLogger("uvicorn.error").critical("the carrier stands still", exc_info=task.exception())


async def _taken(client: httpx.AsyncClient, url: str, secret: str, delivery: Delivery) -> bool:
    body = delivery.body.encode()
    headers = {"Content-Type": "application/json", **_SIGNED[delivery.face](secret, body)}
    try:
        answer = await client.post(_address(url, delivery.face), content=body, headers=headers)
    except httpx.HTTPError:
        return False
    return answer.is_success


def _address(url: str, face: Face) -> str:
    """Each face has an address of its own at the shop, if the shop knows them apart."""
    return url if face == "generic" else url.replace("/carriers/sandbox/", f"/carriers/{face}/")


def _as_easypost(secret: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(unicodedata.normalize("NFKD", secret).encode(), body, "sha256").hexdigest()
    return {"X-Hmac-Signature": f"hmac-sha256-hex={digest}"}


def _as_stripe(name: str) -> Callable[[str, bytes], dict[str, str]]:
    return lambda secret, body: {name: sign(secret, body, int(time.time()))}


_SIGNED = {
    "generic": _as_stripe(SIGNATURE_HEADER),
    "easypost": _as_easypost,
    "shippo": _as_stripe("Shippo-Auth-Signature"),
}
"""A face → the header that signs a body under a secret."""
