"""Shoppers have a task queue of their own: they buy while nobody serves orders, and those begin when somebody does."""

import pytest

from sandbox.stack import Stack, StackOptions
from tests.faults.shop import open_shop
from tests.flow.kit import KEY, Shop, until
from tests.flow.mail_kit import settled

WORKERS = ({"MILEPOST_WORKER_SERVES": "checkouts"}, {"MILEPOST_WORKER_SERVES": "orders"})


async def queue_of(shop: Shop, number: str) -> str:
    """The task queue that an order's workflow is in."""
    return str((await shop.order_flow(number).describe()).task_queue)


async def a_day_with_two_kinds_of_workers(shop: Shop) -> None:
    """Bought while none serves orders; carried when one does, and none serves checkouts."""
    shop.stack.kill("worker-2")
    placed = await shop.bought(shop.new_sku(), labelled=False)
    assert (await queue_of(shop, placed["number"]), placed["state"]) == ("milepost-orders", "placed")
    shop.stack.start("worker-2")
    shop.stack.kill("worker-1")

    async def handed_over() -> bool:
        answer = await shop.hand_over(placed)
        return answer.is_success and bool(answer.json()["released"])

    await until(handed_over)
    await shop.scan(placed, "delivered")
    await shop.order_in(placed["number"], "delivered")
    sent = await settled(shop, placed["number"], "order_placed", "parcel_handed_over", "parcel_delivered")
    assert {one["state"] for one in sent} == {"sent"}
    shop.stack.start("worker-1")
    assert (await shop.bought(shop.new_sku()))["state"] == "placed"


@pytest.mark.stack
@pytest.mark.timeout(300)
async def test_checkouts_and_orders_have_workers_of_their_own() -> None:
    options = StackOptions(worker_processes=2, worker_env=WORKERS, env={"MILEPOST_SEED_API_KEY": KEY})
    with Stack(options) as stack:
        async with open_shop(stack) as shop:
            await a_day_with_two_kinds_of_workers(shop)
            await until(shop.audit, lambda findings: not findings)
