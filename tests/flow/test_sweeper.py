"""A checkout whose workflow is gone is brought to its end; one whose workflow runs is never touched."""

import asyncio
import uuid
from typing import Any

import httpx
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import checkout_id
from tests.flow.kit import PRICE, SHIPPING, TENANT, Shop, until
from workflows.sweeper import SweeperWorkflow

TOTAL = PRICE + SHIPPING


async def sweep(shop: Shop) -> int:
    """One run of the sweeper beside its schedule: how many it began to end."""
    begun = await shop.temporal.execute_workflow(
        SweeperWorkflow.run, id=f"sweeper-{uuid.uuid4().hex}", task_queue="milepost"
    )
    return begun[TENANT]


def overdue(shop: Shop, number: str, minutes: int = 6) -> None:
    """Its time has been up for so long."""
    shop.sql(
        "UPDATE checkouts SET expires_at = now() - make_interval(mins => :m) WHERE checkout_id = :c RETURNING 1",
        m=minutes, c=number,
    )  # fmt: skip


async def abandoned(shop: Shop, sku: str, **how: Any) -> dict[str, Any]:
    """A checkout that waited for its shopper and has no workflow any more."""
    waiting = await shop.waiting(sku, **how)
    await shop.checkout_flow(waiting["id"]).terminate("a hand slipped")
    return waiting


async def terminated(shop: Shop, number: str) -> None:
    """The workflow of a checkout is ended by force. Its row is there a moment before it is."""

    async def slips() -> bool:
        try:
            await shop.checkout_flow(number).terminate("a hand slipped")
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True

    await until(slips)


def payment(shop: Shop, number: str) -> tuple[Any, ...]:
    """Its state and its intent."""
    ((state, intent),) = shop.sql("SELECT state, intent_id FROM payments WHERE checkout_id = :c", c=number)
    return state, intent


def refunds(shop: Shop, number: str) -> list[tuple[Any, ...]]:
    """What was given back of its payment, or is to be."""
    query = (
        "SELECT f.amount_minor, f.state FROM payment_operations f JOIN payments p USING (tenant_id, payment_id)"
        " WHERE f.kind = 'refund' AND p.checkout_id = :c"
    )
    return shop.sql(query, c=number)


async def test_what_was_left_behind_ends_and_what_runs_is_left_alone(shop: Shop) -> None:
    sku, other = shop.new_sku(5), shop.new_sku(5)
    gone, runs = await abandoned(shop, sku, quantity=2), await shop.waiting(other)
    overdue(shop, gone["id"])
    overdue(shop, runs["id"], 10)
    assert await sweep(shop) == 1
    seen = await shop.checkout_in(gone["id"], "expired")
    assert seen["reason"] == "reservation_expired"
    assert shop.stock(sku) == (5, 0)
    intent = await shop.intent(gone["id"])
    assert (intent["status"], payment(shop, gone["id"])) == ("canceled", ("voided", intent["id"]))
    assert (await shop.checkout(runs["id"]))["state"] == "awaiting_payment"
    assert shop.stock(other) == (5, 1)
    assert await sweep(shop) == 0
    cancelled = await shop.http.post(f"/v1/checkouts/{runs['id']}/cancel")
    assert cancelled.json()["state"] == "cancelled"


async def test_nothing_is_swept_before_its_time_has_been_up_for_five_minutes(shop: Shop) -> None:
    gone = await abandoned(shop, shop.new_sku())
    assert await sweep(shop) == 0
    overdue(shop, gone["id"], 4)
    assert await sweep(shop) == 0
    assert (await shop.checkout(gone["id"]))["state"] == "awaiting_payment"
    overdue(shop, gone["id"])
    assert await sweep(shop) == 1
    await shop.checkout_in(gone["id"], "expired")


async def test_a_shopper_who_paid_into_the_void_gets_it_back(shop: Shop) -> None:
    gone = await abandoned(shop, shop.new_sku())
    await shop.browser_confirms(gone)
    assert (await shop.intent(gone["id"]))["status"] == "requires_capture"
    overdue(shop, gone["id"])
    assert await sweep(shop) == 1
    await shop.checkout_in(gone["id"], "expired")
    assert (await shop.intent(gone["id"]))["status"] == "canceled"


async def test_what_was_taken_at_once_is_refunded(shop: Shop) -> None:
    gone = await abandoned(shop, shop.new_sku(), payment={"mode": "client", "capture": "automatic"})
    await shop.browser_confirms(gone)
    assert (await shop.intent(gone["id"]))["status"] == "succeeded"
    overdue(shop, gone["id"])
    assert await sweep(shop) == 1
    await shop.checkout_in(gone["id"], "expired")
    assert payment(shop, gone["id"])[0] == "refunded"
    assert refunds(shop, gone["id"]) == [(TOTAL, "succeeded")]


async def test_one_that_is_lost_in_the_middle_of_its_refund(shop: Shop) -> None:
    gone = await abandoned(shop, shop.new_sku(), payment={"mode": "client", "capture": "automatic"})
    await shop.browser_confirms(gone)
    overdue(shop, gone["id"])
    await shop.stripe("faults", operation="refunds.create", when="before", status=None, times=1000)
    assert await sweep(shop) == 1

    async def set_aside() -> list[tuple[Any, ...]]:
        return refunds(shop, gone["id"])

    await until(set_aside, lambda seen: seen == [(TOTAL, "pending")])
    assert await sweep(shop) == 0
    await shop.checkout_flow(gone["id"]).terminate("a hand slipped again")
    await shop.http.delete(f"{shop.links.stripe}/_control/faults")
    assert await sweep(shop) == 1
    await shop.checkout_in(gone["id"], "expired")
    assert refunds(shop, gone["id"]) == [(TOTAL, "succeeded")]
    assert (await shop.intent(gone["id"]))["refunds"] == 1


async def test_an_authorization_that_nobody_noted_is_found(shop: Shop) -> None:
    gone = await abandoned(shop, shop.new_sku())
    await shop.browser_confirms(gone)
    shop.sql("UPDATE payments SET intent_id = NULL WHERE checkout_id = :c RETURNING 1", c=gone["id"])
    overdue(shop, gone["id"])
    assert await sweep(shop) == 1
    await shop.checkout_in(gone["id"], "expired")
    intent = await shop.intent(gone["id"])
    assert (intent["status"], payment(shop, gone["id"])) == ("canceled", ("voided", intent["id"]))


async def test_a_checkout_that_never_reached_the_provider(shop: Shop) -> None:
    sku, key = shop.new_sku(3), uuid.uuid4().hex
    number = checkout_id(TENANT, key)
    await shop.stripe("faults", operation="payment_intents.create", when="before", status=None, times=1000)
    buying = asyncio.create_task(shop.buy(sku, key=key))

    async def state() -> list[tuple[Any, ...]]:
        return shop.sql("SELECT state FROM checkouts WHERE checkout_id = :c", c=number)

    await until(state, lambda seen: seen == [("open",)])
    await terminated(shop, number)
    await shop.http.delete(f"{shop.links.stripe}/_control/faults")
    await buying
    overdue(shop, number)
    assert await sweep(shop) == 1
    await shop.checkout_in(number, "expired")
    assert await shop.intents(number) == []
    assert (payment(shop, number), shop.stock(sku)) == (("voided", None), (3, 0))
    again = await shop.buy(sku, key=key)
    assert (again.status_code, again.json()["code"]) == (410, "reservation_expired")


async def test_two_sweepers_and_an_impatient_shopper(shop: Shop) -> None:
    gone = await abandoned(shop, shop.new_sku())
    overdue(shop, gone["id"])
    begun = await asyncio.gather(sweep(shop), sweep(shop), sweep(shop))

    async def insist(act: str) -> httpx.Response:
        """While one process takes the place of another, Temporal may have no room: 503 says to repeat."""
        path = f"/v1/checkouts/{gone['id']}/{act}"
        return await until(lambda: shop.http.post(path), lambda answer: answer.status_code != 503)

    answers = await asyncio.gather(*(insist(act) for act in ("confirm", "cancel")))
    assert sum(begun) >= 1
    assert {one.status_code for one in answers} <= {200, 409}
    assert {one.json().get("code", "already_ended") for one in answers} == {"already_ended"}
    await shop.checkout_in(gone["id"], "expired")
    ended = shop.sql("SELECT count(*) FROM events WHERE checkout_id = :c AND type = 'checkout.expired'", c=gone["id"])
    assert ended == [(1,)]


async def test_it_is_on_a_schedule(shop: Shop) -> None:
    schedule = await shop.temporal.get_schedule_handle("sweeper").describe()
    assert schedule.schedule.spec.intervals[0].every.total_seconds() == 300
