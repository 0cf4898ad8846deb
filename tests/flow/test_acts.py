"""Support's acts: what is listed as possible is done, all else is refused with its reason."""

import asyncio
import getpass
import os
import re
import subprocess
import sys
import uuid
from typing import Any

import httpx

from domain.ids import api_key_hash, api_key_id
from domain.support import ORDER_ACTS, act_of
from tests.flow.kit import KEY, Shop, until

WHO = api_key_id(api_key_hash(KEY))


async def act(shop: Shop, number: str, name: str, *, key: str | None = None, **body: Any) -> httpx.Response:
    """`POST /v1/orders/{number}/…`."""
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    body = {"reason": "asked by phone"} | body
    return await shop.http.post(f"/v1/orders/{number}/{act_of(name).path}", json=body, headers=headers)


async def done(shop: Shop, number: str, name: str, **how: Any) -> dict[str, Any]:
    """An act that is not refused."""
    answer = await act(shop, number, name, **how)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def acts_of(order: dict[str, Any]) -> list[str]:
    """What people did to it, as its timeline tells."""
    return [event["message"] for event in order["timeline"] if WHO in event["message"]]


async def may(shop: Shop, number: str, *names: str, ended: bool = False) -> None:
    """These acts are listed, to the caller and on support's page; every other one is refused with a known reason."""
    seen = await until(lambda: shop.order(number), lambda order: set(order["possible_acts"]) == set(names))
    if not ended:
        flow, told = shop.order_flow(number), ", ".join(f"`{one}`" for one in seen["possible_acts"])
        await until(lambda: shop.details(flow), lambda page: re.findall(r"Possible acts:\*\* (.*)", page) == [told])
    for one in ORDER_ACTS:
        if one.name not in names and one.takes_reason_only:
            answer = await act(shop, number, one.name)
            assert (answer.status_code, answer.json()["code"] in one.codes) == (409, True), answer.text
    assert acts_of(await shop.order(number)) == acts_of(seen)


async def test_what_is_possible_is_done_and_what_is_not_is_refused_from_placed_to_lost(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    number = order["number"]
    await may(shop, number, "cancel", "hold", "note")
    await done(shop, number, "note")
    held = await done(shop, number, "hold", reason="the address is odd")
    assert held["held_reason"] == "the address is odd"
    await may(shop, number, "cancel", "release", "note")
    assert (await done(shop, number, "release"))["held_reason"] is None
    assert (await shop.hand_over(order)).json()["released"]
    await may(shop, number, "note")
    await shop.scan(order, "picked_up", "lost")
    await may(shop, number, "resolve", "acknowledge", "note")
    await done(shop, number, "acknowledge", reason="sent again by hand")
    await shop.ended(shop.order_flow(number))
    await may(shop, number, ended=True)


async def test_a_cancelled_and_a_closed_order_take_no_acts(shop: Shop) -> None:
    gone = await shop.bought(shop.new_sku())
    assert (await done(shop, gone["number"], "cancel"))["state"] == "cancelled"
    await may(shop, gone["number"], ended=True)
    order = await shop.bought(shop.new_sku())
    await shop.hand_over(order)
    await shop.scan(order, "picked_up", "delivered")
    await shop.order_in(order["number"], "delivered")
    await may(shop, order["number"], "note")
    await shop.skip_time(shop.order_flow(order["number"]))
    await shop.order_in(order["number"], "closed")
    await may(shop, order["number"], ended=True)


async def test_a_parcel_lists_what_may_be_done_to_it(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    assert order["shipments"][0]["possible_acts"] == []
    await shop.stripe("faults", operation="payment_intents.capture", status=402)
    await shop.hand_over(order)
    seen = await until(lambda: shop.order(order["number"]), lambda one: one["shipments"][0]["possible_acts"])
    assert seen["shipments"][0]["possible_acts"] == ["retry"]
    path = f"/v1/shipments/{order['shipments'][0]['id']}"
    early = await shop.http.post(f"{path}/settle", json={"reason": "gone", "state": "lost"})
    assert (early.status_code, early.json()["code"]) == (409, "not_on_its_way")
    again = await shop.http.post(f"{path}/retry", json={"reason": "the bank was called"})
    assert again.status_code == 200, again.text
    seen = await shop.order_in(order["number"], "shipped")
    assert f"Tried again by {WHO}: the bank was called" in acts_of(seen)
    assert seen["shipments"][0]["possible_acts"] == ["settle"]
    late = await shop.http.post(f"{path}/retry", json={"reason": "once more"})
    assert (late.status_code, late.json()["code"]) == (409, "nothing_to_retry")
    code, said = await milepost(
        shop,
        "parcel",
        "settle",
        order["shipments"][0]["id"],
        "--state",
        "delivered",
        "--reason",
        "seen",
        "--actor",
        "Mia",
    )
    assert code == 0, said
    arrived = await shop.order_in(order["number"], "delivered")
    assert "Parcel delivered: Mia says so: seen" in [event["message"] for event in arrived["timeline"]]


async def test_who_acts_is_said_by_the_key_and_the_same_key_is_one_act(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    number, key = order["number"], uuid.uuid4().hex
    first = await done(shop, number, "note", key=key, reason="call back on Friday")
    again = await done(shop, number, "note", key=key, reason="call back on Friday")
    other = await act(shop, number, "note", key=key, reason="call back on Monday")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    notes = [one["message"] for one in again["timeline"] if one["type"] == "order.note"]
    assert notes == [f"Note by {WHO}: call back on Friday"]
    assert first["timeline"] == again["timeline"]
    answer = await shop.http.post(f"/v1/orders/{number}/cancel", json={"reason": "asked", "actor": "the queen"})
    (cancelled,) = answer.json()["cancellations"]
    assert (cancelled["actor"], cancelled["reason"]) == (WHO, "asked")


async def milepost(shop: Shop, *words: str) -> tuple[int, str]:
    """The command, with the settings of the stack: its exit code and what it says."""
    command = [sys.executable, "-m", "cli", *words]
    environment = {**os.environ, **shop.stack.environment(), "COLUMNS": "200"}
    ran = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return ran.returncode, ran.stdout + ran.stderr


async def test_the_command_acts_alike_and_shows_the_order(shop: Shop) -> None:
    order = await shop.bought(shop.new_sku())
    number = order["number"]
    assert (await milepost(shop, "order", "hold", number, "--reason", "a doubt", "--actor", "Mia"))[0] == 0
    code, said = await milepost(shop, "order", "hold", number, "--reason", "a doubt")
    assert code == 1
    assert "already_held" in said
    code, said = await milepost(shop, "order", "show", number)
    assert code == 0
    assert "Held: a doubt" in said
    assert "Possible acts: cancel, release, note" in said
    assert "Held by Mia: a doubt" in said
    assert (await milepost(shop, "order", "cancel", number, "--reason", "no stamp"))[0] == 0
    (cancelled,) = (await shop.order(number))["cancellations"]
    assert cancelled["actor"] == getpass.getuser()
    assert (await milepost(shop, "order", "show", "no-such"))[0] == 1
