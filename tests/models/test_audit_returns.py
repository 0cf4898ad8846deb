"""The auditor sees each broken promise of returns when it is planted, and the tables refuse what would break one."""

import pytest

from activities.returns import ReturnActivities
from domain.carriage import Silence
from domain.parcels import Dimensions
from domain.payments import PaymentCaptured, RefundMade
from domain.returns import (
    Inspected,
    InspectReturn,
    MoveReturn,
    Payer,
    ReturnInput,
    ReturnLine,
    ReturnPolicy,
    ReturnReason,
    SettleReturn,
    ShippingBack,
    Unaccepted,
)
from domain.states import OrderState, ReservationState, ReturnState, ShipmentState
from gateways.accounts import Despatch
from models import audit, orders, payments, refunds, shipments, stock
from models.audit_returns import RETURN_CHECKS
from models.base import now
from tests.models.kit import SHIPPING, SUPERUSER, TOTAL, Shop

RET = "ret_1"
POLICY = ReturnPolicy(86_400, 60, 60, 10**6, (), ShippingBack.WITH_THE_LAST, Payer.SHOP, Unaccepted.KEPT)

PLANTS = [
    (
        "returns: no more comes back than was delivered", "{parcel}/{sku}", "2 come back of 1",
        "UPDATE return_lines SET quantity = 2, damaged = 1",
    ),
    (
        "returns: what was returned is refunded", RET, "11499 is to go back, asked for 11500",
        "UPDATE returns SET goods_minor = goods_minor - 1",
    ),
    (
        "returns: nothing goes back that did not come", RET, "return is expired, a refund of 11500 is succeeded",
        "UPDATE returns SET state = 'expired'",
    ),
    (
        "returns: the goods are the sum of the lines", RET, "goods 10000, lines 9999",
        "UPDATE return_lines SET gross_minor = gross_minor - 1",
    ),
    (
        "returns: what is paid back of a line is no more than was paid", "{parcel}/{sku}",
        "paid 10000, paid back 10001", "UPDATE return_lines SET gross_minor = gross_minor + 1",
    ),
    (
        "returns: what is restocked has its movement", RET + "/{sku}", "0 restocked, movements say 1",
        "UPDATE return_lines SET restocked = 0, damaged = 1",
    ),
]  # fmt: skip


async def deliver(shop: Shop, sku: str) -> tuple[str, str]:
    """An order that has arrived and is paid: its number and its parcel."""
    checkout = await shop.open(sku)
    placed = await shop.place(checkout)
    async with shop.transaction() as session:
        payment = await payments.get(session, shop.payment_of(checkout))
        await payments.mark_captured(session, payment, PaymentCaptured(payment.intent_id or "", TOTAL, "ch_1"))
        await stock.move_reservations(session, checkout, ReservationState.SHIPPED, "test")
        parcel = await shipments.get(session, placed.parcels[0].shipment_id)
        order = await orders.get(session, placed.order_number)
        parcel.shipping_minor, parcel.paid_minor = SHIPPING, TOTAL
        for state in (ShipmentState.LABEL_BOUGHT, ShipmentState.HANDED_OVER, ShipmentState.DELIVERED):
            parcel.state = state
            await session.flush()
        parcel.ended_at = now()
        for reached in (OrderState.SHIPPED, OrderState.DELIVERED):
            order.state = reached
            await session.flush()
        return order.order_number, parcel.shipment_id


def asking(shop: Shop, number: str, parcel: str, sku: str, payment: str) -> ReturnInput:
    lines = (ReturnLine(parcel, sku, 1, ReturnReason.CHANGED_MIND),)
    return ReturnInput(shop.tenant, RET, "f", number, payment, "EUR", lines, "Ada", "too small", POLICY)


@pytest.fixture
def acts(shop: Shop) -> ReturnActivities:
    """The steps of a return."""
    return ReturnActivities(shop.server.database, Despatch((), Silence(1, 2), Dimensions(1, 1, 1)))


@pytest.fixture
async def asked(shop: Shop, acts: ReturnActivities) -> dict[str, str]:
    """A return that was asked for, and what all around it is called."""
    sku = shop.new_sku(10)
    number, parcel = await deliver(shop, sku)
    ((payment,),) = shop.rows("SELECT payment_id FROM orders")
    answer = await acts.request(asking(shop, number, parcel, sku, payment))
    assert (answer.refusal, answer.worth_minor) == (None, 10_000)
    return {"sku": sku, "parcel": parcel, "number": number, "pay": payment}


@pytest.fixture
async def names(shop: Shop, acts: ReturnActivities, asked: dict[str, str]) -> dict[str, str]:
    """It came, was inspected, and paid back; each step is taken twice."""
    line = Inspected(asked["parcel"], asked["sku"], restock=1)
    for _ in range(2):
        await acts.move(MoveReturn(shop.tenant, RET, ReturnState.APPROVED, "Mia", "yes"))
    for _ in range(2):
        await acts.move(MoveReturn(shop.tenant, RET, ReturnState.RECEIVED, "Ugo", "here"))
    for _ in range(2):
        await acts.inspect(InspectReturn(shop.tenant, RET, "Ugo", (line,)))
    for _ in range(2):
        settled = await acts.settle(SettleReturn(shop.tenant, RET, POLICY))
        assert settled.refund_minor == TOTAL
    async with shop.transaction() as session:
        payment = await payments.get(session, asked["pay"])
        await refunds.begin(session, payment, settled.refund_id, settled.refund_minor, "returned")
        await refunds.record(session, payment, settled.refund_id, RefundMade("re_x", TOTAL, transaction_id="txn_x"))
    for _ in range(2):
        await acts.move(MoveReturn(shop.tenant, RET, ReturnState.REFUNDED, "Milepost", "done"))
    return asked


async def findings(shop: Shop) -> list[audit.Finding]:
    """What the auditor says."""
    async with shop.transaction() as session:
        return await audit.audit(session)


async def test_steps_that_run_again_change_nothing(shop: Shop, names: dict[str, str]) -> None:
    assert await findings(shop) == []
    assert shop.level(names["sku"]) == (10, 0)
    steps = shop.rows("SELECT reached FROM return_steps ORDER BY step_id")
    told = ["requested", "approved", "received", "inspected", "inspected", "refunded"]
    assert [row.reached for row in steps] == told


@pytest.mark.parametrize(("check", "subject", "detail", "statement"), PLANTS, ids=lambda value: str(value)[:50])
async def test_what_is_broken_is_found(
    shop: Shop, names: dict[str, str], check: str, subject: str, detail: str, statement: str
) -> None:
    one = f"{statement} WHERE tenant_id = '{shop.tenant}'"
    assert shop.run("SET LOCAL session_replication_role = replica", one, role=SUPERUSER) == 1
    assert await findings(shop) == [audit.Finding(check, subject.format(**names), detail)]


def test_each_check_has_its_plant() -> None:
    assert {check for check, *_ in PLANTS} == set(RETURN_CHECKS)


async def test_a_piece_that_is_on_its_way_back_cannot_come_back_again(shop: Shop, asked: dict[str, str]) -> None:
    again = (
        (
            "INSERT INTO returns (tenant_id, return_id, order_number, fingerprint, state, location_id, actor, note)"
            " SELECT tenant_id, 'ret_2', order_number, 'f', 'requested', location_id, 'a', 'n' FROM returns"
        ),
        (
            "INSERT INTO return_lines (tenant_id, return_id, shipment_id, sku, quantity, reason)"
            " SELECT tenant_id, 'ret_2', shipment_id, sku, 1, reason FROM return_lines WHERE return_id = 'ret_1'"
        ),
    )
    assert shop.refusal(*again) == "23514/returned_at_most_delivered"
    shop.run("UPDATE returns SET state = 'cancelled'")
    shop.run(*again)
