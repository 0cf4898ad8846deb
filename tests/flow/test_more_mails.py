"""E-mails of what is more than one parcel: parts cancelled, parcels each, stock that is late, returns, memberships."""

import asyncio
from typing import Any

import pytest

from tests.flow.kit import Shop, until
from tests.flow.mail_kit import LINK, arrived, due_now, new_address, settled
from tests.flow.members_kit import DAY, Club
from tests.flow.parcels_kit import Parcels
from tests.flow.returns_kit import Returns
from tests.flow.test_backorder import EXPECTED, set_terms

LATER = "2026-12-24"


def of(address: str) -> dict[str, str]:
    """A customer with that address."""
    return {"email": address, "name": "Ada Lovelace"}


async def came(shop: Shop, address: str, count: int) -> list[dict[str, Any]]:
    """What came to an address, once it is so many."""
    return await until(lambda: arrived(shop, address), lambda seen: len(seen) >= count, within=40)


async def test_a_part_is_cancelled_and_each_parcel_that_leaves_is_told_of(shop: Shop) -> None:
    address, parcels = new_address(), Parcels(shop)
    here, away = shop.new_sku(), shop.new_sku()
    order = await parcels.bought({here: 2}, {away: 1}, customer=of(address))
    assert (await parcels.cancel(order, lines={here: 1})).status_code == 200
    for place in (0, 1):
        assert (await shop.hand_over(parcels.alone(order, place))).json()["released"]
    due_now(shop, order["number"])
    moot = ("payment_action",)  # the browser confirmed it
    gone = ("parcel_handed_over",) * 2
    told = await settled(shop, order["number"], *moot, "order_placed", "order_partly_cancelled", *gone)
    assert [one["state"] for one in told] == ["moot", *["sent"] * 4]
    _, part, first, second = await arrived(shop, address)
    assert part["subject"] == f"Order {order['number']}: a part of it was cancelled"
    assert "Thing (1 cancelled)" in part["text"]
    numbers = [one["tracking_number"] for one in (await shop.order(order["number"]))["shipments"]]
    assert [[number in one["text"] for number in numbers] for one in (first, second)] == [[True, False], [False, True]]


async def test_who_waits_for_stock_is_told_when_it_comes_later_than_was_said(shop: Shop) -> None:
    address, sku = new_address(), shop.new_sku(0)
    assert (await set_terms(shop, sku, backorder_limit=5, expected_on=EXPECTED)).status_code == 200
    order = await shop.bought(sku, labelled=False, customer=of(address))
    await until(lambda: shop.order(order["number"]), lambda seen: seen["shipments"][0]["waits_for_stock"])
    known = {"backorder_limit": 5, "expected_on": EXPECTED}
    changed = await set_terms(shop, sku, backorder_limit=5, expected_on=LATER, expected=known)
    assert changed.status_code == 200, changed.text
    await shop.skip_time(shop.parcel_flow(order), DAY * 1.1)
    await settled(shop, order["number"], "order_placed", "stock_delayed")
    await shop.skip_time(shop.parcel_flow(order), DAY * 1.1)
    _, late = await arrived(shop, address)
    assert "we now expect them on December 24, 2026" in late["text"]
    assert "Waiting for stock" in late["text"]


async def test_a_return_is_told_of_from_its_label_to_the_money(shop: Shop) -> None:
    address, back, sku = new_address(), Returns(shop), shop.new_sku()
    order = await back.delivered(sku, customer=of(address))
    asked = await back.labelled(order, sku, reason="damaged")
    assert (await back.act(asked, "receive")).status_code == 200
    assert (await back.inspect(asked, sku, restock=1)).status_code == 200
    before = ("order_placed", "parcel_handed_over", "parcel_delivered")
    await settled(shop, order["number"], *before, "return_label", "return_received", "refunded")
    label, received, refunded = (await arrived(shop, address))[-3:]
    seen = await back.seen(asked)
    assert seen["label_url"] in label["text"]
    assert seen["label_url"] in label["html"]
    assert seen["tracking_number"] in label["text"]
    assert "Thing" in label["text"]
    assert LINK.findall(received["text"])
    assert refunded["subject"] == f"Order {order['number']}: €115.00 refunded"


async def test_a_return_that_is_not_accepted_is_told_of(shop: Shop) -> None:
    address, back, sku = new_address(), Returns(shop), shop.new_sku()
    order = await back.delivered(sku, 2, customer=of(address))
    asked = (await back.ask(order, sku, 2)).json()
    assert asked["state"] == "requested"
    assert (await back.act(asked, "reject", reason="a note for us only")).status_code == 200
    await settled(shop, order["number"], "order_placed", "parcel_handed_over", "parcel_delivered", "return_rejected")
    last = (await arrived(shop, address))[-1]
    assert last["subject"] == f"Order {order['number']}: about your return"
    assert "a note for us only" not in last["text"] + last["html"]


@pytest.fixture
async def club(shop: Shop) -> Club:
    """A plan of its own."""
    return await Club(shop).open()


async def test_a_member_is_welcomed_gets_receipts_and_hears_what_to_do_until_it_lapses(shop: Shop, club: Club) -> None:
    address = new_address()
    member = await club.joined(email=address)
    await club.pass_periods(member, 2)
    await came(shop, address, 2)  # a receipt names the card of the moment at which it is written
    await club.act(member, "card", payment_method="pm_card_chargeCustomerFail")
    await shop.skip_time(club.flow(member), DAY * 31.5)
    await club.seen_in(member, "past_due")
    welcome, receipt, failed = await came(shop, address, 3)
    assert welcome["subject"] == "Welcome to Club Gold"
    assert receipt["subject"] == "Club Gold: your receipt"
    for one in (welcome, receipt):
        assert "€9.90" in one["text"]
        assert "visa 4242" in one["text"]
    assert failed["subject"] == "Club Gold: your payment did not go through"
    assert "give us another card" in failed["text"]
    await shop.skip_time(club.flow(member), DAY * 9)
    await club.seen_in(member, "lapsed")
    lapsed = (await came(shop, address, 4))[-1]
    assert "You owe nothing" in lapsed["text"]
    told = await arrived(shop, address)
    assert len({one["message_id"] for one in told}) == len(told) == 4


async def test_a_member_who_leaves_hears_when_it_ends_and_that_it_has(shop: Shop, club: Club) -> None:
    address = new_address()
    member = await club.joined(email=address)
    assert (await club.act(member, "cancel")).status_code == 200
    assert (await club.act(member, "resume")).status_code == 200
    assert (await club.act(member, "cancel")).status_code == 200
    asked = "SELECT count(*) FROM mails WHERE checkout_id = :m AND milestone = 'member_ending' AND state = 'sent'"
    await until(lambda: asyncio.to_thread(shop.sql, asked, m=member["id"]), lambda seen: seen[0][0] >= 1, within=40)
    await shop.skip_time(club.flow(member), DAY * 31.5)
    await club.seen_in(member, "cancelled")
    ended = "Club Gold: your membership has ended"
    seen = await until(
        lambda: arrived(shop, address), lambda seen: seen[-1:] and seen[-1]["subject"] == ended, within=40
    )
    welcome, *ending, last = (one["subject"] for one in seen)
    assert (welcome, last) == ("Welcome to Club Gold", ended)
    assert len(ending) <= 2, "each time at most once; what was taken back before it was sent is not"
    assert all(subject.startswith("Club Gold: your membership ends on ") for subject in ending)


async def test_money_back_of_a_membership_is_told_of(shop: Shop) -> None:
    address = new_address()
    club = await Club(shop).open(refund_policy="pro_rata")
    member = await club.joined(email=address)
    assert (await club.act(member, "cancel", at_once=True)).status_code == 200
    told = {one["subject"] for one in await came(shop, address, 3)}
    assert any(subject.endswith(" refunded") for subject in told), told
    assert "Club Gold: your membership has ended" in told
