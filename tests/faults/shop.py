"""The shop on a running stack, for these tests and for `python -m tests.faults.table`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from sandbox.stack import Stack, StackOptions
from tests.flow.kit import KEY, Shop

OPTIONS = StackOptions(env={"MILEPOST_SEED_API_KEY": KEY})


@asynccontextmanager
async def open_shop(stack: Stack) -> AsyncIterator[Shop]:
    """The shop with its clients, which are closed at the end. A request may wait for a whole silence of Stripe."""
    temporal = await stack.temporal(lazy=True)
    headers = {"Authorization": f"Bearer {KEY}"}
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=0)
    async with httpx.AsyncClient(
        base_url=stack.links.api, headers=headers, timeout=60, limits=limits, trust_env=False
    ) as http:
        shop = Shop(stack, http, temporal)
        try:
            await shop.calm()
            yield shop
        finally:
            shop.close()
