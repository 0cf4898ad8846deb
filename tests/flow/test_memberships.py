"""Memberships from joining to their end, on the running stack: years pass, cards fail, nobody pays a period twice."""

import uuid
from typing import Any

import pytest

from tests.flow.kit import Shop, until
from tests.flow.members_kit import DAY, PRICE_A_MONTH, Club


@pytest.fixture
async def club(shop: Shop) -> Club:
    return await Club(shop).open()


async def test_who_pays_is_a_member_and_joins_once(club: Club) -> None:
    key, customer = uuid.uuid4().hex, f"cus_{uuid.uuid4().hex}"
    member = await club.joined(key=key, customer=customer)
    assert (await club.ask(key=key, customer=customer)).json() == member
    assert await club.paid(member) == [PRICE_A_MONTH]
    has = await club.standing(member)
    assert (has["tier"], has["entitlements"], has["free_shipping"]) == ("gold", ["archive"], True)
    again = await club.ask(customer=customer)
    assert (again.status_code, again.json()["code"]) == (409, "already_a_member")
    other = await club.ask(key=key, customer=customer, tier="silver")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_declined_card_makes_no_member_and_leaves_room_for_another_try(club: Club) -> None:
    customer = f"cus_{uuid.uuid4().hex}"
    key = uuid.uuid4().hex
    for _ in range(2):
        refused = await club.ask(customer=customer, key=key, payment_method="pm_card_chargeDeclined")
        assert (refused.status_code, refused.json()["code"]) == (402, "card_declined")
    member = await club.joined(customer=customer)
    assert await club.paid(member) == [PRICE_A_MONTH]


async def test_3d_secure_at_joining(club: Club, shop: Shop) -> None:
    answer = await club.ask(
        payment_method="pm_card_authenticationRequiredOnSetup", return_url="https://shop.example/back"
    )
    assert answer.status_code == 202, answer.text
    waiting = answer.json()
    assert waiting["next_action"]["redirect_url"]
    assert (await club.standing(waiting))["tier"] is None
    await shop.bank(waiting, "pass")
    member = await club.seen_in(waiting, "active")
    await club.pass_periods(member, 2)  # set up then, so that the bank does not ask again
    assert await club.paid(member) == [PRICE_A_MONTH] * 2


async def test_who_never_confirms_is_no_member_and_pays_nothing(club: Club, shop: Shop) -> None:
    waiting = (await club.ask(payment_method=None)).json()
    assert waiting["state"] == "pending"
    await shop.skip_time(club.flow(waiting))
    ended = await club.seen_in(waiting, "failed")
    assert ended["reason"] == "reservation_expired"
    assert await club.paid(waiting) == []


async def test_two_years_of_months_are_two_years_of_payments(club: Club) -> None:
    member = await club.joined()
    await club.pass_years(member, 25)
    seen = await club.see(member)
    paid = [one for one in seen["periods"] if one["state"] == "paid"]
    assert [one["ends_at"] for one in paid[:-1]] == [one["starts_at"] for one in paid[1:]]
    assert sorted(await club.paid(member)) == [PRICE_A_MONTH] * len(paid)
    left = await club.act(member, "cancel", at_once=True)
    assert left.json()["state"] == "cancelled"


async def declining(club: Club) -> dict[str, Any]:
    """A member whose kept card is declined from now on."""
    member = await club.joined()
    answer = await club.act(member, "card", payment_method="pm_card_chargeCustomerFail")
    assert answer.status_code == 200, answer.text
    return member


async def test_a_declined_renewal_is_retried_and_a_new_card_mends_it(club: Club, shop: Shop) -> None:
    member = await declining(club)
    await shop.skip_time(club.flow(member), DAY * 33)
    late = await club.seen_in(member, "past_due")
    assert (await club.standing(member))["tier"] == "gold"
    assert late["next_action"]["client_secret"]
    mended = await club.act(member, "card", payment_method="pm_card_visa")
    assert (mended.status_code, mended.json()["state"]) == (200, "active"), mended.text
    assert await club.paid(member) == [PRICE_A_MONTH] * 2
    assert len((await club.see(member))["periods"]) == 2


async def test_who_never_pays_lapses_after_grace_and_may_join_again(club: Club, shop: Shop) -> None:
    member = await declining(club)
    await shop.skip_time(club.flow(member))
    ended = await club.seen_in(member, "lapsed")
    assert ended["reason"] == "not_renewed"
    assert [one["state"] for one in ended["periods"]] == ["paid", "written_off"]
    assert await club.paid(member) == [PRICE_A_MONTH]
    assert (await club.standing(member))["tier"] is None
    await club.joined(customer=member["customer_id"])


async def test_a_bank_that_asks_for_the_customer_gets_them_and_no_second_charge(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await club.act(member, "card", payment_method="pm_card_authenticationRequired")
    await shop.skip_time(club.flow(member), DAY * 33)
    late = await club.seen_in(member, "past_due")
    await shop.browser_confirms(late)
    mended = await club.act(member, "confirm")
    assert mended.json()["state"] == "active", mended.text
    assert await club.paid(member) == [PRICE_A_MONTH] * 2


async def test_cancelled_with_its_period_it_is_not_renewed(club: Club, shop: Shop) -> None:
    member = await club.joined()
    left = (await club.act(member, "cancel")).json()
    assert (left["state"], left["ends_with_period"]) == ("active", True)
    assert left["benefits_until"] == left["period_ends_at"]
    assert (await club.act(member, "resume")).json()["ends_with_period"] is False
    assert (await club.act(member, "cancel")).json()["ends_with_period"] is True
    await shop.skip_time(club.flow(member))
    await club.seen_in(member, "cancelled")
    assert await club.paid(member) == [PRICE_A_MONTH]
    gone = await club.act(member, "resume")
    assert gone.status_code == 409


async def test_cancelled_at_once_the_unused_time_is_refunded(club: Club, shop: Shop) -> None:
    member = await club.joined()
    await shop.skip_time(club.flow(member), DAY * 15)
    await club.act(member, "cancel", at_once=True)
    await club.seen_in(member, "cancelled")

    async def refunded() -> int:
        ((minor,),) = shop.sql("SELECT refunded_minor FROM payments WHERE membership_id = :m", m=member["id"])
        return int(minor)

    assert 0 < await until(refunded) < PRICE_A_MONTH


async def test_another_tier_begins_with_the_next_period(club: Club) -> None:
    member = await club.joined()
    changed = await club.act(member, "tier", tier="silver")
    assert (changed.json()["tier"], changed.json()["next_tier"]) == ("gold", "silver")
    await club.pass_periods(member, 2)
    seen = await club.see(member)
    assert (seen["tier"], seen["next_tier"]) == ("silver", None)
    assert sorted(await club.paid(member)) == [490, PRICE_A_MONTH]


@pytest.mark.parametrize("fault", [{"when": "after", "status": None}, {"when": "after", "status": 500}])
async def test_a_renewal_whose_answer_is_lost_is_charged_once(club: Club, shop: Shop, fault: dict[str, Any]) -> None:
    member = await club.joined()
    await shop.stripe("faults", operation="payment_intents.create", **fault)
    await club.pass_periods(member, 2)
    assert len(await club.paid(member)) == await club.paid_periods(member)
