"""A membership whose process is gone is taken up again where it was left; one whose process runs is left alone."""

from typing import Any

import pytest

from tests.flow.access_kit import owner
from tests.flow.kit import Shop, until
from tests.flow.members_kit import PRICE_A_MONTH, Club
from tests.flow.test_sweeper import sweep

_AGO = (
    """
    UPDATE memberships SET created_at = created_at - CAST(:ago AS interval),
      period_starts_at = period_starts_at - CAST(:ago AS interval),
      period_ends_at = period_ends_at - CAST(:ago AS interval),
      benefits_until = benefits_until - CAST(:ago AS interval) WHERE membership_id = :member
    """,
    """
    UPDATE membership_periods SET starts_at = starts_at - CAST(:ago AS interval),
      ends_at = ends_at - CAST(:ago AS interval) WHERE membership_id = :member
    """,
)


@pytest.fixture
async def club(shop: Shop) -> Club:
    return await Club(shop).open()


async def left(club: Club, member: dict[str, Any], ago: str) -> None:
    """Its process is gone, and all that it has written happened that long ago."""
    await club.flow(member).terminate("a hand slipped")
    owner(club.shop, *_AGO, member=member["id"], ago=ago)


async def runs(club: Club, member: dict[str, Any]) -> bool:
    """Whether it has a process."""
    status = (await club.flow(member).describe()).status
    return status is not None and status.name == "RUNNING"


async def test_it_is_renewed_once_and_goes_on(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await club.act(member, "tier", tier="silver")
    await left(club, member, "32 days")
    await sweep(shop)
    await club.seen_in(member, "active", tier="silver")
    assert await runs(club, member)
    assert await club.paid(member) == [PRICE_A_MONTH, 490]
    await sweep(shop)
    assert await club.paid_periods(member) == 2
    kinds = shop.sql("SELECT type FROM events WHERE checkout_id = :m ORDER BY event_id", m=member["id"])
    assert kinds.count(("membership.taken_up",)) == 1
    cancelled = await club.act(member, "cancel")
    assert cancelled.json()["ends_with_period"] is True


async def test_its_time_is_not_over_so_nobody_takes_it_up(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await left(club, member, "10 days")
    await sweep(shop)
    assert not await runs(club, member)
    owner(shop, *_AGO, member=member["id"], ago="22 days")
    await sweep(shop)
    await until(lambda: club.paid_periods(member), lambda paid: paid == 2)


async def test_one_that_was_to_end_ends(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await club.act(member, "cancel")
    await left(club, member, "32 days")
    await sweep(shop)
    await club.seen_in(member, "cancelled")
    assert await club.paid(member) == [PRICE_A_MONTH]


async def test_one_that_is_past_due_is_tried_again_on_the_same_payment(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await club.act(member, "card", payment_method="pm_card_chargeCustomerFail")
    await left(club, member, "32 days")
    await sweep(shop)
    await club.seen_in(member, "past_due")
    await club.flow(member).terminate("a hand slipped again")
    await sweep(shop)
    assert await runs(club, member)
    mended = await club.act(member, "card", payment_method="pm_card_visa")
    assert mended.json()["state"] == "active", mended.text
    assert await club.paid(member) == [PRICE_A_MONTH] * 2


async def test_one_that_was_not_paid_for_in_grace_lapses(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await club.act(member, "card", payment_method="pm_card_chargeCustomerFail")
    await left(club, member, "40 days")
    await sweep(shop)
    await club.seen_in(member, "lapsed", reason="not_renewed")
    assert await club.paid(member) == [PRICE_A_MONTH]


@pytest.mark.parametrize("paid", [True, False], ids=["paid in the browser", "never paid"])
@pytest.mark.parametrize("noted", [True, False], ids=["noted", "nobody noted its intent"])
async def test_one_that_was_being_joined(club: Club, shop: Shop, *, paid: bool, noted: bool) -> None:
    waiting = (await club.ask(payment_method="pm_card_authenticationRequiredOnSetup")).json()
    await left(club, waiting, "2 hours")
    if paid:
        await shop.bank(waiting, "pass")
    if not noted:
        clear = "UPDATE payments SET intent_id = NULL WHERE membership_id = :member"
        owner(shop, clear, member=waiting["id"])
    await sweep(shop)
    if paid:
        await club.seen_in(waiting, "active")
    else:
        await club.seen_in(waiting, "failed", reason="reservation_expired")
    assert await club.paid(waiting) == ([PRICE_A_MONTH] if paid else [])
    await until(lambda: runs(club, waiting), lambda seen: seen is paid)


async def test_the_shop_that_asks_again_takes_it_up_as_well(club: Club, shop: Shop) -> None:
    """The same key after the process is gone: the payment that is open is the one that is answered with."""
    key, who = "left-open", "pm_card_authenticationRequiredOnSetup"
    one = await club.ask(key=key + club.plan, payment_method=who, customer=f"cus_{club.plan}")
    await club.flow(one.json()).terminate("a hand slipped")
    two = await club.ask(key=key + club.plan, payment_method=who, customer=f"cus_{club.plan}")
    assert (two.status_code, two.json()["next_action"]) == (202, one.json()["next_action"])
    await shop.bank(two.json(), "pass")
    await club.seen_in(two.json(), "active")
    assert await club.paid(two.json()) == [PRICE_A_MONTH]
