"""What a membership gives at each instant, and what the database lets nobody do to one."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from domain.memberships import NOBODY, Interval, PlanStatus, RefundPolicy, Standing
from domain.states import MembershipState
from models import memberships
from models.base import now
from models.memberships import Membership
from models.plans import MembershipPlan, MembershipTier
from tests.models.kit import Server, Shop

MONTH = {"interval": Interval.MONTH, "grace_seconds": 7 * 86_400, "retry_seconds": [86_400]}
GOLD = Standing("gold", "vip", frozenset({"archive"}), True, 3600, 2)
_S = MembershipState


@pytest.fixture
def club(shop: Shop) -> Shop:
    """A shop with a plan of one tier, twice: two families."""
    for plan in ("club", "press"):
        shop.server.add(
            shop.tenant,
            MembershipPlan(
                tenant_id=shop.tenant, plan_id=plan, family=plan, name=plan, status=PlanStatus.ACTIVE,
                refund_policy=RefundPolicy.NOTHING, **MONTH,
            ),
            MembershipTier(
                tenant_id=shop.tenant, plan_id=plan, tier_id="gold", name="Gold", rank=1, price_tier="vip",
                entitlements=["archive"], free_shipping=True, early_access_seconds=3600, purchase_limit=2,
            ),
        )  # fmt: skip
    return shop


async def member(
    shop: Shop, name: str, *, state: MembershipState = _S.ACTIVE, plan: str = "club", customer: str = "ada", **more: Any
) -> None:
    """A membership whose benefits last an hour; `until` and `ended` are told from the database's clock."""
    until = now() + more.pop("until", timedelta(hours=1))
    async with shop.transaction() as session:
        session.add(
            Membership(
                tenant_id=shop.tenant, membership_id=name, fingerprint="f", customer_id=customer, family=plan,
                plan_id=plan, tier_id="gold", state=state, currency="EUR", amount_minor=990,
                refund_policy=RefundPolicy.NOTHING, period_starts_at=now() - timedelta(days=30),
                period_ends_at=now() + more.pop("ends", timedelta(0)),
                benefits_until=until, ended_at=more.pop("ended", None), **MONTH,
            )
        )  # fmt: skip


async def told(shop: Shop, customer: str = "ada") -> Standing:
    """What a customer has in a transaction of their own."""
    async with shop.transaction() as session:
        return await memberships.standing(session, customer)


async def test_a_customer_without_a_membership_is_nobody(club: Shop) -> None:
    assert await told(club) == NOBODY


async def test_a_member_has_what_the_tier_gives_today(club: Shop) -> None:
    await member(club, "m1")
    assert await told(club) == GOLD
    club.run("UPDATE membership_tiers SET free_shipping = false, entitlements = '{archive,drops}'")
    changed = await told(club)
    assert (changed.free_shipping, changed.entitlements) == (False, frozenset({"archive", "drops"}))


@pytest.mark.parametrize("state", [_S.ACTIVE, _S.PAST_DUE])
async def test_a_period_that_ended_a_second_ago_still_counts_in_grace_and_not_behind_it(
    club: Shop, state: MembershipState
) -> None:
    second = timedelta(seconds=1)
    await member(club, "m1", state=state, ends=-second, until=timedelta(days=7) - second, customer="in grace")
    await member(club, "m2", state=state, ends=-second, until=-second, customer="without grace")
    assert await told(club, "in grace") == GOLD
    assert await told(club, "without grace") == NOBODY


async def test_the_last_instant_is_not_part_of_it(club: Shop) -> None:
    async with club.transaction() as session:
        for name, until in (("at", timedelta(0)), ("before", timedelta(microseconds=1))):
            session.add(
                Membership(
                    tenant_id=club.tenant, membership_id=name, fingerprint="f", customer_id=name, family="club",
                    plan_id="club", tier_id="gold", state=_S.ACTIVE, currency="EUR", amount_minor=0,
                    refund_policy=RefundPolicy.NOTHING, period_starts_at=now() - timedelta(days=30),
                    period_ends_at=now() + until, benefits_until=now() + until, **MONTH,
                )
            )  # fmt: skip
        await session.flush()  # the same transaction: the same instant
        assert await memberships.standings(session, ["at", "before", "x"]) == {
            "at": NOBODY,
            "before": GOLD,
            "x": NOBODY,
        }


@pytest.mark.parametrize("state", [_S.PENDING, _S.LAPSED, _S.CANCELLED, _S.FAILED])
async def test_who_has_not_paid_yet_or_has_left_has_nothing_though_time_is_left(
    club: Shop, state: MembershipState
) -> None:
    await member(club, "m1", state=state, ended=None if state is _S.PENDING else now())
    assert await told(club) == NOBODY


async def test_two_families_give_together(club: Shop) -> None:
    await member(club, "m1")
    await member(club, "m2", plan="press")
    club.run("UPDATE membership_tiers SET rank = 5, tier_id = tier_id, purchase_limit = 9 WHERE plan_id = 'press'")
    assert (await told(club)).purchase_limit == 9


async def test_another_tenants_member_is_nobody_here(club: Shop, server: Server) -> None:
    await member(club, "m1")
    assert await told(server.new_shop()) == NOBODY


@pytest.mark.parametrize("state", [_S.PENDING, _S.ACTIVE, _S.PAST_DUE])
async def test_of_one_family_a_customer_has_one_membership_at_a_time(club: Shop, state: MembershipState) -> None:
    await member(club, "m1", state=state)
    with pytest.raises(sa.exc.IntegrityError, match="uq_memberships_living"):
        await member(club, "m2")
    await member(club, "m3", plan="press")
    await member(club, "m4", customer="bob")
    club.run("UPDATE memberships SET state = 'cancelled', ended_at = now() WHERE membership_id = 'm1'")
    await member(club, "m5")


def bought(shop: Shop, checkout: str, quantity: int, *, period: int = 0, sku: str = "BAG") -> str:
    """What came of taking so many of the limit of two."""
    take = (
        "INSERT INTO member_purchases (tenant_id, checkout_id, sku, membership_id, period, quantity, most)"
        f" VALUES ('{shop.tenant}', '{checkout}', '{sku}', 'm1', {period}, {quantity}, 2)"
    )
    try:
        shop.run(take)
    except sa.exc.IntegrityError as refused:
        return "refused" if "more than 2" in str(refused) else str(refused)
    return "taken"


async def test_a_members_limit_holds_for_a_sku_and_a_period(club: Shop) -> None:
    await member(club, "m1")
    assert [bought(club, "co_1", 3), bought(club, "co_2", 1), bought(club, "co_3", 2)] == [
        "refused",
        "taken",
        "refused",
    ]
    assert [bought(club, "co_4", 2, sku="HAT"), bought(club, "co_5", 2, period=1)] == ["taken", "taken"]
    assert [bought(club, "co_6", 1), bought(club, "co_7", 1)] == ["taken", "refused"]


async def test_twenty_checkouts_of_one_member_in_one_moment_get_the_limit_and_no_more(club: Shop) -> None:
    await member(club, "m1")
    outcomes = await asyncio.gather(*(asyncio.to_thread(bought, club, f"co_{number}", 1) for number in range(20)))
    assert sorted(outcomes) == ["refused"] * 18 + ["taken"] * 2


async def test_what_came_to_nothing_does_not_count(club: Shop) -> None:
    await member(club, "m1")
    given_up = await club.open(club.new_sku())
    assert bought(club, given_up, 2) == "taken"
    assert bought(club, "co_1", 1) == "refused"
    await club.give_up(given_up)
    assert bought(club, "co_1", 1) == "taken"
