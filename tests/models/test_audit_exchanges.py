"""The auditor sees each broken promise of exchanges when it is planted; steps that run again change nothing."""

from dataclasses import replace

import pytest

from activities.returns import ReturnActivities
from domain.carriage import Silence
from domain.parcels import Dimensions
from domain.payments import RefundMade
from domain.returns import Inspected, InspectReturn, MoveReturn, SettleReturn
from domain.states import ReturnState
from gateways.accounts import Despatch
from models import audit, payments, refunds
from models.audit_exchanges import EXCHANGE_CHECKS
from tests.models.kit import PLACE, PRICE, SUPERUSER, Shop
from tests.models.test_audit_returns import POLICY, asking, deliver

CHEAP = 4_000

PLANTS = [
    (
        "exchanges: what goes out has a return behind it", "shp_1",
        "sent 1 for 4000, return is exchanged of 1 for 3999",
        "UPDATE return_lines SET exchanged_minor = exchanged_minor - 1 WHERE return_id = 'ret_1'",
    ),
    (
        "exchanges: what was exchanged has its parcel", "ret_2", "exchange is sent, no such parcel",
        "UPDATE returns SET exchange_state = 'sent' WHERE return_id = 'ret_2'",
    ),
    (
        "exchanges: nothing is set aside for a return that ended", "ret_2",
        "return is cancelled, its exchange is reserved",
        "UPDATE returns SET exchange_state = 'reserved' WHERE return_id = 'ret_2'",
    ),
]  # fmt: skip


@pytest.fixture
async def swapped(shop: Shop) -> str:
    """Two orders of one piece each, to be changed for a cheaper one: `ret_1` is, `ret_2` is given up.

    Each step is taken twice.
    """
    acts = ReturnActivities(shop.server.database, Despatch((), Silence(1, 2), Dimensions(1, 1, 1)))
    cheap = shop.new_sku(2)
    shop.run("UPDATE prices SET amount_minor = :p WHERE sku = :s", p=CHEAP, s=cheap)
    for place in (1, 2):
        sku, number = shop.new_sku(10), f"ret_{place}"
        order, parcel = await deliver(shop, sku)
        ((payment,),) = shop.rows("SELECT payment_id FROM orders WHERE order_number = :o", o=order)
        wish = asking(shop, order, parcel, sku, payment)
        wish = replace(wish, return_id=number, lines=(replace(wish.lines[0], exchange_for=cheap),))
        for _ in range(2):
            assert (await acts.request(wish)).refusal is None
        for _ in range(2):
            await acts.move(MoveReturn(shop.tenant, number, ReturnState.APPROVED, "Mia", "yes"))
        assert shop.level(cheap)[1] == place
        if place == 2:
            for _ in range(2):
                await acts.move(MoveReturn(shop.tenant, number, ReturnState.CANCELLED, "Mia", "no"))
            break
        await acts.move(MoveReturn(shop.tenant, number, ReturnState.RECEIVED, "Ugo", "here"))
        await acts.inspect(InspectReturn(shop.tenant, number, "Ugo", (Inspected(parcel, sku, restock=1),)))
        for _ in range(2):
            settled = await acts.settle(SettleReturn(shop.tenant, number, POLICY))
        assert settled.parcel is not None
        assert (settled.parcel.shipment_id, settled.refund_minor) == ("shp_1", PRICE - CHEAP)
        async with shop.transaction() as session:
            row = await payments.get(session, payment)
            await refunds.begin(session, row, settled.refund_id, settled.refund_minor, "returned")
            made = RefundMade("re_x", settled.refund_minor, transaction_id="txn_x")
            await refunds.record(session, row, settled.refund_id, made)
        for _ in range(2):
            await acts.move(MoveReturn(shop.tenant, number, ReturnState.EXCHANGED, "Milepost", "done"))
    return cheap


async def findings(shop: Shop) -> list[audit.Finding]:
    """What the auditor says."""
    async with shop.transaction() as session:
        return await audit.audit(session)


async def test_steps_that_run_again_change_nothing(shop: Shop, swapped: str) -> None:
    assert await findings(shop) == []
    assert shop.level(swapped) == (2, 1)
    parcels = shop.rows("SELECT sent_for, location_id, paid_minor FROM shipments WHERE sent_for <> 'order'")
    assert [tuple(row) for row in parcels] == [("exchange", PLACE, 0)]
    assert shop.rows("SELECT sku, quantity, gross_minor FROM shipment_lines WHERE shipment_id = 'shp_1'") == [
        (swapped, 1, CHEAP)
    ]


@pytest.mark.parametrize(("check", "subject", "detail", "statement"), PLANTS, ids=lambda value: str(value)[:50])
async def test_what_is_broken_is_found(
    shop: Shop, swapped: str, check: str, subject: str, detail: str, statement: str
) -> None:
    one = f"{statement} AND tenant_id = '{shop.tenant}'"
    assert shop.run("SET LOCAL session_replication_role = replica", one, role=SUPERUSER) == 1
    assert await findings(shop) == [audit.Finding(check, subject, detail)]


def test_each_check_has_its_plant() -> None:
    assert {check for check, *_ in PLANTS} == set(EXCHANGE_CHECKS)


async def test_a_parcel_of_the_order_cannot_hold_what_was_not_ordered(shop: Shop, swapped: str) -> None:
    both = (
        "UPDATE shipments SET sent_for = 'order' WHERE shipment_id = 'shp_1'",
        "UPDATE shipment_lines SET gross_minor = gross_minor WHERE shipment_id = 'shp_1'",
    )
    assert shop.refusal(*both) == "23514/parcels_add_up"
