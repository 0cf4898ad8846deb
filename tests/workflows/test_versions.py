"""Two versions of the workers at once: a checkout ends on the one it began on, its order moves on."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from gateways.accounts import carriers_of, stripe_of
from models.database import Database
from sandbox.blueprint import ALL
from sandbox.stack import Stack, StackOptions
from settings import Settings
from tests.faults.shop import open_shop
from tests.flow.kit import KEY, Handle, Shop, until
from worker import build, deployment_of, serving

DEPLOYMENT = "milepost"
WITHIN = 60.0


@asynccontextmanager
async def worker_of(stack: Stack, client: Client, version: str) -> AsyncIterator[None]:
    """A worker of this version, in this process; it ends what it has begun."""
    environment = stack.environment()
    lower = {name.lower(): value for name, value in environment.items()}
    settings = Settings.model_validate({**lower, **environment, "MILEPOST_WORKER_BUILD": version})
    database = Database(settings.database_url.get_secret_value(), pool_size=5)
    stripe, carriers = stripe_of(settings), carriers_of(settings)
    async with serving(build(client, settings, database, stripe, carriers)):
        yield
    await stripe.close()
    await carriers.close()
    await database.close()


async def make_current(client: Client, version: str) -> None:
    """As `temporal worker deployment set-current-version` does, once Temporal has heard of the version."""

    async def asked() -> bool:
        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace="default", deployment_name=DEPLOYMENT, build_id=version, ignore_missing_task_queues=True
        )
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
        except RPCError:
            return False
        return True

    await until(asked, within=WITHIN)


async def versions(flow: Handle) -> set[str]:
    """Which versions of the code have decided for a workflow."""
    history = await flow.fetch_history()
    done = [one for one in history.events if one.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    return {one.workflow_task_completed_event_attributes.deployment_version.build_id for one in done}


async def moved_on(shop: Shop, order: dict[str, Any]) -> set[str]:
    """The versions that have decided for an order, once `b` has: at an event after Temporal's partitions know of it."""

    async def noted() -> set[str]:
        answer = await shop.http.post(f"/v1/orders/{order['number']}/note", json={"reason": "a look at the versions"})
        assert answer.is_success, answer.text
        return await versions(shop.order_flow(order["number"]))

    return await until(noted, lambda seen: "b" in seen, within=WITHIN, every=1.0)


async def a_day_with_two_versions(shop: Shop) -> None:
    """Begun under `a`; while `b` is current the shopper pays, and the parcel leaves."""
    client, stack = await shop.stack.temporal(), shop.stack
    async with worker_of(stack, client, "a"):
        await make_current(client, "a")
        placed = await shop.bought(shop.new_sku(), key=uuid.uuid4().hex)
        checkout = await shop.waiting(shop.new_sku())
        async with worker_of(stack, client, "b"):
            await make_current(client, "b")
            await shop.browser_confirms(checkout)
            done = await shop.checkout_in(checkout["id"], "completed", within=WITHIN)
            assert await versions(shop.checkout_flow(checkout["id"])) == {"a"}
            assert (await shop.hand_over(placed)).json()["released"]
            await shop.order_in(placed["number"], "shipped", within=WITHIN)
            assert await moved_on(shop, placed) == {"a", "b"}
            await shop.scan(placed, "delivered")
            await until(lambda: versions(shop.parcel_flow(placed)), lambda seen: seen == {"a", "b"})
            later = await shop.bought(shop.new_sku())
            assert await versions(shop.checkout_flow(later["checkout_id"])) == {"b"}
            assert "b" in await moved_on(shop, await shop.order(done["order_number"]))


@pytest.mark.stack
@pytest.mark.timeout(900)
async def test_a_checkout_ends_on_the_version_it_began_on_and_an_order_moves_on() -> None:
    with Stack(StackOptions(processes=ALL - {"worker"}, env={"MILEPOST_SEED_API_KEY": KEY})) as stack:
        async with open_shop(stack) as shop:
            await a_day_with_two_versions(shop)


def test_without_a_version_all_workers_are_alike() -> None:
    needed = {"database_url": "postgresql://x", "stripe_api_key": "sk_test_x", "carrier_api_base": "http://x"}
    settings = Settings.model_validate({**needed, "carrier_api_key": "x"})
    assert deployment_of(settings) is None
    versioned = deployment_of(settings.model_copy(update={"worker_build": "1.2.0"}))
    assert versioned is not None
    assert (versioned.version.deployment_name, versioned.version.build_id) == (DEPLOYMENT, "1.2.0")
