"""Renewals while Stripe, the worker and the webhooks misbehave: each period is charged exactly once."""

import asyncio
from typing import Any

import pytest

from tests.flow.kit import Shop, until
from tests.flow.members_kit import DAY, PRICE_A_MONTH, Club

CREATE, CONFIRM = "payment_intents.create", "payment_intents.confirm"
LOST = [
    pytest.param({"when": "after", "status": None}, id="answer-lost"),
    pytest.param({"when": "before", "status": None}, id="never-arrived"),
    pytest.param({"when": "before", "status": 500}, id="key-spent"),
    pytest.param({"when": "before", "status": 429, "retry_after": 0}, id="rate-limited"),
]


@pytest.fixture
async def club(shop: Shop) -> Club:
    return await Club(shop).open()


async def charged_twice_over(club: Club, member: dict[str, Any]) -> None:
    """Two periods are paid, each by one charge."""
    assert await club.paid_periods(member) == 2
    assert await club.paid(member) == [PRICE_A_MONTH] * 2


async def struck(shop: Shop) -> int:
    """How many requests a fault has struck."""
    answer = await shop.http.get(f"{shop.links.stripe}/_control/faults")
    return sum(fault["struck"] for fault in answer.json()["faults"])


async def past_due(club: Club, card: str = "pm_card_chargeCustomerFail") -> dict[str, Any]:
    """A member whose renewal was declined."""
    member = await club.joined()
    await club.act(member, "card", payment_method=card)
    await club.shop.skip_time(club.flow(member), DAY * 31.5)
    return await club.seen_in(member, "past_due")


@pytest.mark.parametrize("fault", LOST)
async def test_a_renewal_that_is_not_heard_of_at_first(club: Club, shop: Shop, fault: dict[str, Any]) -> None:
    member = await club.joined()
    await shop.stripe("faults", operation=CREATE, **fault)
    await club.pass_periods(member, 2)
    await charged_twice_over(club, member)


@pytest.mark.parametrize("fault", LOST)
async def test_a_retry_that_is_not_heard_of_at_first(club: Club, shop: Shop, fault: dict[str, Any]) -> None:
    late = await past_due(club)
    await shop.stripe("faults", operation=CONFIRM, **fault)
    mended = await club.act(late, "card", payment_method="pm_card_visa")
    assert mended.status_code == 200, mended.text
    await club.seen_in(late, "active")
    await charged_twice_over(club, late)


@pytest.mark.parametrize("fault", LOST)
async def test_a_card_that_is_not_heard_of_at_first(club: Club, shop: Shop, fault: dict[str, Any]) -> None:
    """It is kept once asked for again, also where Stripe has saved a failure for its key; and pays the next period."""
    member = await club.joined()
    await shop.stripe("faults", operation="payment_methods.attach", **fault)
    changed = await club.act(member, "card", payment_method="pm_card_mastercard")
    assert changed.status_code in (200, 202, 503), changed.text  # not known yet, if the machine is slow: it goes on
    await until(lambda: club.see(member), lambda seen: seen["card"] == "mastercard 4444", within=60)
    await club.pass_periods(member, 2)
    await charged_twice_over(club, member)


async def test_stripe_refuses_us_for_a_day_and_a_person_is_called_meanwhile(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await shop.stripe("faults", operation=CREATE, when="before", status=401, times=2)
    await shop.skip_time(club.flow(member), DAY * 32)
    waiting = await until(lambda: club.see(member), lambda seen: seen["needs_attention"])
    assert waiting["state"] == "active"
    assert (await club.standing(member))["tier"] == "gold"
    await shop.skip_time(club.flow(member), DAY)
    await until(lambda: struck(shop), lambda times: times == 2)
    await shop.skip_time(club.flow(member), DAY)
    await until(lambda: club.paid_periods(member), lambda paid: paid == 2)
    assert (await club.see(member))["needs_attention"] is None
    await charged_twice_over(club, member)


async def test_a_cancellation_in_the_middle_of_a_renewal_is_done_to_what_was_paid(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await shop.stripe("faults", operation=CREATE, when="before", status=200, delay_seconds=2)
    await shop.skip_time(club.flow(member), DAY * 32)
    await until(lambda: struck(shop))
    left = (await club.act(member, "cancel")).json()
    assert (left["state"], left["ends_with_period"], left["periods"][-1]["state"]) == ("active", True, "paid")
    await charged_twice_over(club, member)


async def test_webhooks_twice_and_in_the_wrong_order_change_nothing(club: Club, shop: Shop) -> None:
    await shop.stripe("webhooks", duplicate=2, reorder=True)
    late = await past_due(club, "pm_card_authenticationRequired")
    await shop.stripe("webhooks", mode="hold")
    await shop.browser_confirms(late)
    await shop.stripe("webhooks/release", reorder=True)
    await club.seen_in(late, "active")
    await charged_twice_over(club, late)


async def test_a_customer_and_a_retry_at_the_same_moment_pay_once(club: Club, shop: Shop) -> None:
    late = await past_due(club)
    answers = await asyncio.gather(
        shop.browser_confirms(late),
        club.act(late, "card", payment_method="pm_card_visa"),
        club.act(late, "confirm"),
    )
    assert answers[0].status_code in (200, 400)
    await club.act(late, "confirm")
    await club.seen_in(late, "active")
    await charged_twice_over(club, late)


async def test_the_worker_is_killed_between_the_charge_and_its_record(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await shop.stripe("faults", operation=CREATE, when="before", status=200, delay_seconds=1.5)
    await shop.skip_time(club.flow(member), DAY * 32)
    try:
        await until(lambda: struck(shop))
        shop.stack.kill("worker-1")
        await until(lambda: club.paid(member), lambda paid: len(paid) == 2)  # it happened, and nobody here knows
        assert await club.paid_periods(member) == 1
    finally:
        shop.stack.start("worker-1")
    await until(lambda: club.paid_periods(member), lambda paid: paid == 2, within=90)
    await charged_twice_over(club, member)
