"""The auditor sees each broken promise of memberships when it is planted, names it, and sees nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.dues import DuesActivities
from activities.memberships import MembershipActivities
from domain.ids import membership_payment_id, membership_workflow
from domain.joining import BeginCharge, MembershipInput, RecordCharge
from domain.memberships import Interval, PlanStatus, RefundPolicy
from domain.payments import PaymentAuthorized, PaymentCaptured, SavedCard
from models import audit, plans
from models.audit import Finding
from models.audit_memberships import MEMBERSHIP_CHECKS
from models.memberships import MemberPurchase
from models.plans import MembershipPlan, MembershipPrice, MembershipTier
from tests.models.kit import SUPERUSER, Shop
from tests.models.member_plants import MEMBER_PLANTS, Plant

NOW = datetime.now(UTC)
MEMBER = "mem_1"


@pytest.fixture
async def member(shop: Shop) -> Shop:
    """A shop with one member, whose first period is paid, and who has bought of a limit of one."""
    own = {"tenant_id": shop.tenant, "plan_id": "club"}
    shop.server.add(
        shop.tenant,
        MembershipPlan(
            **own, family="club", name="Club", status=PlanStatus.ACTIVE, interval=Interval.MONTH, grace_seconds=0,
            retry_seconds=[], refund_policy=RefundPolicy.NOTHING,
        ),
        MembershipTier(
            **own, tier_id="gold", name="Gold", rank=1, entitlements=[], free_shipping=False, early_access_seconds=0,
            purchase_limit=1,
        ),
        MembershipPrice(**own, tier_id="gold", currency="EUR", amount_minor=990),
    )  # fmt: skip
    asked = MembershipInput(shop.tenant, MEMBER, "f", "cus_ada", "club", "gold", "EUR", "pm_card_visa", None, 3600)
    assert (await MembershipActivities(shop.server.database).open(asked)).refusal is None
    async with shop.transaction() as session:
        terms = await plans.terms(session, "club", "gold", "EUR")
    dues, ends = DuesActivities(shop.server.database), NOW + timedelta(days=31)
    await dues.begin(BeginCharge(shop.tenant, MEMBER, 0, terms, NOW, ends, "pm_card_visa"))
    fact = PaymentAuthorized(
        "pi_1", 990, card="visa 4242", saved=SavedCard("cus_1", "pm_1"), captured=PaymentCaptured("pi_1", 990, "ch_1")
    )
    await dues.record(RecordCharge(shop.tenant, MEMBER, 0, terms, ends, fact))
    await dues.record(RecordCharge(shop.tenant, MEMBER, 0, terms, ends, fact))  # repeated, it changes nothing
    async with shop.transaction() as session:
        session.add(
            MemberPurchase(
                tenant_id=shop.tenant, checkout_id="co_1", sku="BAG", membership_id=MEMBER, period=0, quantity=1, most=1
            )
        )
    return shop


async def findings(shop: Shop) -> list[Finding]:
    async with shop.transaction() as session:
        return await audit.audit(session)


async def test_a_member_who_paid_is_in_order_and_has_a_process(member: Shop) -> None:
    assert await findings(member) == []
    assert member.ledger() == {"receivable": 990, "captured": -990}
    async with member.transaction() as session:
        assert await audit.in_progress(session) == {membership_workflow(member.tenant, MEMBER): "membership active"}


def test_every_check_of_memberships_has_a_plant() -> None:
    assert {plant.check for plant in MEMBER_PLANTS} == set(MEMBERSHIP_CHECKS)


@pytest.mark.parametrize("plant", MEMBER_PLANTS, ids=[plant.damage[:64] for plant in MEMBER_PLANTS])
async def test_exactly_the_check_for_it_finds_the_damage(member: Shop, plant: Plant) -> None:
    damage = f"{plant.damage} WHERE tenant_id = '{{tenant}}'".format(tenant=member.tenant)
    assert member.run("SET LOCAL session_replication_role = replica", damage, role=SUPERUSER) == 1
    found = await findings(member)
    assert {one.check for one in found} == {plant.check, *plant.beside}
    (own,) = (one for one in found if one.check == plant.check)
    assert own.subject == plant.subject.format(pay=membership_payment_id(member.tenant, MEMBER, 0))
    assert own.detail.startswith(plant.detail)
