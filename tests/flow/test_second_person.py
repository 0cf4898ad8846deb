"""Refunds that nobody returned anything for: a large one waits until somebody else than who asked allows it."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from tests.flow.kit import Shop, until
from tests.flow.refunds_kit import LARGE, Desk

DISPUTED = {"code": "charge_disputed", "message": "This charge is disputed."}


@pytest.fixture
async def desk(shop: Shop) -> Desk:
    """Six pieces have left."""
    return await Desk.open(shop)


async def test_a_small_one_needs_nobody_else(desk: Desk) -> None:
    answer = await desk.ask(LARGE - 1)
    assert (answer.status_code, answer.json()["state"], answer.json()["cause"]) == (201, "succeeded", "lost_parcel")
    assert answer.json()["asked_by"].startswith("key_")
    assert answer.json()["decided_by"] is None
    refused = await desk.act(answer.json(), "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_now")


async def test_a_large_one_goes_back_when_somebody_else_allows_it(shop: Shop, desk: Desk) -> None:
    one = await desk.waits(None)
    assert (one["amount"], one["decided_by"], await desk.back()) == (desk.order["total"], None, 0)
    assert "approved or declined by somebody else" in str(await desk.calls())
    assert "`decide`" in await shop.details(desk.flow(one))
    assert (await shop.attributes(desk.flow(one)))[0]["NeedsAttention"]
    listed = (await shop.http.get("/v1/refunds")).json()["items"]
    assert [mine["id"] for mine in listed if mine["order_number"] == desk.order["number"]] == [one["id"]]

    same = await desk.act(one, "approve", same=True)
    assert (same.status_code, same.json()["code"], await desk.back()) == (409, "second_person_required", 0)
    for _ in range(2):
        done = await desk.act(one, "approve")
        assert (done.status_code, done.json()["state"]) == (200, "succeeded"), done.text
    assert done.json()["decided_by"] not in (None, done.json()["asked_by"])
    assert await desk.back() == desk.order["total"]
    late = await desk.act(one, "decline")
    assert (late.status_code, late.json()["code"]) == (409, "not_now")
    await until(desk.calls, lambda told: told is None)
    told = [event["type"] for event in (await shop.order(desk.order["number"]))["timeline"]]
    assert [kind for kind in told if kind.startswith("refund.")] == ["refund.awaiting_approval", "refund.approved"]


@pytest.mark.parametrize("same", [False, True])
async def test_one_that_is_declined_moves_nothing_and_may_be_asked_for_anew(
    shop: Shop, desk: Desk, *, same: bool
) -> None:
    one = await desk.waits()
    done = await desk.act(one, "decline", same=same)
    assert (done.status_code, done.json()["state"], done.json()["decision"]) == (200, "declined", "seen")
    assert await desk.back() == 0
    (shown,) = (await shop.order(desk.order["number"]))["refunds"]
    assert (shown["id"], shown["state"]) == (one["id"], "declined")
    await desk.waits(None)


async def test_nobody_decides_in_time(shop: Shop, desk: Desk) -> None:
    one = await desk.waits()
    await shop.skip_time(desk.flow(one), timedelta(days=6))
    assert (await desk.seen(one))["state"] == "awaiting_approval"
    await shop.skip_time(desk.flow(one))  # as far as it takes: an order to skip replaces one that is under way
    await until(lambda: desk.seen(one), lambda seen: seen["state"] == "expired")
    await until(desk.calls, lambda told: "nobody approved" in str(told))
    assert (await desk.act(one, "approve")).status_code == 409
    assert await desk.back() == 0


async def test_what_waits_counts_as_given_back_for_the_next_one_who_asks(desk: Desk) -> None:
    one = await desk.waits()
    left = desk.order["total"] - LARGE
    refused = await desk.ask(left + 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_exceeds_captured")
    assert refused.json()["facts"] == {"refundable": str(left)}
    assert (await desk.ask(left)).status_code == 201
    assert (await desk.act(one, "approve")).json()["state"] == "succeeded"
    assert await desk.back() == desk.order["total"]


async def test_a_crowd_that_asks_and_allows_at_once_is_one_refund(desk: Desk) -> None:
    key = uuid.uuid4().hex
    asked = await asyncio.gather(*(desk.ask(key=key) for _ in range(4)))
    assert {(one.status_code, one.json()["id"]) for one in asked} == {(202, asked[0].json()["id"])}
    done = await asyncio.gather(*(desk.act(asked[0].json(), "approve") for _ in range(4)))
    assert {one.status_code for one in done} <= {200, 409}
    assert 200 in {one.status_code for one in done}
    assert (await desk.ask(key=key)).json()["state"] == "succeeded"
    assert await desk.back() == LARGE


async def test_a_refusal_of_stripe_is_told_to_who_allowed_it(shop: Shop, desk: Desk) -> None:
    one = await desk.waits()
    await shop.stripe("faults", operation="refunds.create", status=400, error=DISPUTED)
    done = await desk.act(one, "approve")
    assert (done.status_code, done.json()["code"]) == (409, "charge_disputed")
    await until(lambda: desk.seen(one), lambda seen: seen["state"] == "failed")
    assert await desk.back() == 0
    assert (await desk.ask(1_000)).status_code == 201


async def test_a_worker_that_dies_while_it_waits_and_while_it_is_allowed(shop: Shop, desk: Desk) -> None:
    one = await desk.waits()
    shop.stack.kill("worker-1")
    shop.stack.start("worker-1")
    await shop.stripe("faults", operation="refunds.create", when="after", status=None)
    deciding = asyncio.create_task(desk.act(one, "approve"))
    await until(lambda: desk.seen(one), lambda seen: seen["state"] != "awaiting_approval")
    shop.stack.kill("worker-1")
    shop.stack.start("worker-1")
    await deciding
    await until(lambda: desk.seen(one), lambda seen: seen["state"] == "succeeded")
    assert await desk.back() == LARGE
    assert (await shop.intent(desk.order["checkout_id"]))["refunds"] == 1


async def test_of_a_refund_that_is_not_there(shop: Shop, desk: Desk) -> None:
    assert (await shop.http.get("/v1/refunds/re_nobody")).status_code == 404
    answer = await desk.act({"id": "re_nobody"}, "approve")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_over_graphql_too(shop: Shop, desk: Desk) -> None:
    ask = f'mutation {{ refundOrder(number: "{desk.order["number"]}", idempotencyKey: "{uuid.uuid4().hex}") '
    ask += "{ id state askedBy } }"
    asked = (await shop.http.post("/graphql", json={"query": ask})).json()["data"]["refundOrder"]
    assert asked["state"] == "AWAITING_APPROVAL"
    allow = f'mutation {{ approveRefund(id: "{asked["id"]}", reason: "seen") {{ state decidedBy }} }}'
    same = (await shop.http.post("/graphql", json={"query": allow})).json()
    assert same["errors"][0]["extensions"]["code"] == "second_person_required"
    done = (await shop.http.post("/graphql", json={"query": allow}, headers=desk.second)).json()
    assert done["data"]["approveRefund"]["state"] == "SUCCEEDED"
    assert await desk.back() == desk.order["total"]
