"""Order numbers have no twins, and no gaps but where no order follows; placed however often, it is one order."""

from functools import partial

import pytest
import sqlalchemy as sa

from domain.ids import shipment_id
from domain.states import OrderState, ReservationState, ShipmentState
from models import audit, checkouts, events, orders
from models.base import RowMissing
from models.tenancy import order_number_for
from tests.models.kit import PRICE, SHIPPING, TOTAL, Server, Shop, at_once

_PARCEL = (
    "INSERT INTO shipments (tenant_id, shipment_id, order_number, location_id, state)"
    " VALUES (current_tenant(), :id, :n, 'florence', 'handed_over')"
)


async def test_twenty_placed_at_once_have_twenty_numbers_in_a_row(shop: Shop) -> None:
    sku = shop.new_sku(20)
    opened = [await shop.open(sku) for _ in range(20)]
    placed = await at_once(partial(shop.place, checkout) for checkout in opened)
    assert sorted(int(one.order_number) for one in placed) == list(range(1001, 1021))
    assert {row.checkout_id for row in shop.rows("SELECT checkout_id FROM orders")} == set(opened)
    assert shop.level(sku) == (20, 20)
    async with shop.transaction() as session:
        assert await audit.audit(session) == []


async def test_each_tenant_counts_for_itself(server: Server, shop: Shop) -> None:
    other = server.new_shop()
    first, second = await shop.buy(shop.new_sku()), await other.buy(other.new_sku())
    assert first.order_number == second.order_number == "1001"


async def test_a_checkout_has_one_number_however_often_it_is_asked_for(shop: Shop) -> None:
    opened = [await shop.open(shop.new_sku()) for _ in range(2)]
    database = shop.server.database
    asked = [partial(order_number_for, database, shop.tenant, opened[0])] * 10
    assert set(await at_once(asked)) == {"1001"}
    assert await order_number_for(database, shop.tenant, opened[1]) == "1002"
    placed = [await shop.place(one) for one in opened]
    assert [one.order_number for one in placed] == ["1001", "1002"]
    assert await order_number_for(database, shop.tenant, opened[0]) == "1001"


async def test_a_checkout_that_is_not_there_has_none(shop: Shop) -> None:
    other = shop.server.new_shop()
    theirs = await other.open(other.new_sku())
    for checkout in ("co_unknown", theirs):
        with pytest.raises(RowMissing, match="no checkout"):
            await order_number_for(shop.server.database, shop.tenant, checkout)
    assert shop.rows("SELECT last_number FROM order_counters") == [(1000,)]


async def test_nobody_waits_for_the_number_of_one_that_is_being_placed(shop: Shop) -> None:
    """The crowd of a drop wants the counter, and the row of the stock: neither is locked while rows are written."""
    sku = shop.new_sku(5)
    first, second = await shop.open(sku), await shop.open(sku)
    await order_number_for(shop.server.database, shop.tenant, first)
    async with shop.transaction() as session:
        await checkouts.get(session, first)  # it is being placed: locked until the end
        assert (await shop.place(second)).order_number == "1002"
    assert (await shop.place(first)).order_number == "1001"


async def test_a_tenant_without_a_counter_is_told_so(shop: Shop) -> None:
    shop.run("DELETE FROM order_counters")
    with pytest.raises(RowMissing, match="has no order counter"):
        await shop.buy(shop.new_sku())
    assert shop.rows("SELECT 1 FROM orders") == []


async def test_placed_again_it_is_the_same_order(shop: Shop) -> None:
    checkout = await shop.open(shop.new_sku())
    first = await shop.place(checkout)
    before = shop.rows("SELECT * FROM events ORDER BY event_id")
    assert await shop.place(checkout) == first
    assert [one.shipment_id for one in first.parcels] == [shipment_id(shop.tenant, checkout, 0)]
    assert shop.rows("SELECT order_number FROM orders") == [(first.order_number,)]
    assert shop.rows("SELECT last_number FROM order_counters") == [(1001,)]
    assert shop.rows("SELECT * FROM events ORDER BY event_id") == before


async def test_placed_by_ten_at_once_it_is_the_same_order(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.open(sku)
    placed = await at_once([partial(shop.place, checkout)] * 10)
    assert {one.order_number for one in placed} == {"1001"}
    assert len({one.parcels for one in placed}) == 1
    assert shop.rows("SELECT count(*) FROM shipments") == [(1,)]
    assert shop.level(sku) == (10, 1)


async def test_the_database_itself_takes_one_order_a_checkout(shop: Shop) -> None:
    await shop.buy(shop.new_sku())
    twin = "INSERT INTO orders SELECT (jsonb_populate_record(o, CAST(:new AS jsonb))).* FROM orders o"
    assert shop.refusal(twin, new='{"order_number": "2000"}') == "23505/uq_orders_tenant_id_checkout_id"


async def test_the_order_is_what_the_checkout_was(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.open(sku)
    number = (await shop.place(checkout)).order_number
    async with shop.transaction() as session:
        order = await orders.get(session, number)
        assert (order.checkout_id, order.total_minor, order.shipping_minor) == (checkout, TOTAL, SHIPPING)
        (line,) = await orders.lines(session, number)
        assert (line.sku, line.quantity, line.gross_minor) == (sku, 1, PRICE)
        told = [one.type for one in await events.timeline(session, checkout)]
        assert told == ["checkout.opened", "payment.authorized", "order.placed"]
        answer = await checkouts.answer(session, checkout)
        assert answer is not None
        assert (answer.state, answer.order_number) == ("completed", number)


async def test_without_stock_of_its_own_nothing_is_placed(shop: Shop) -> None:
    sku = shop.new_sku()
    checkout = await shop.open(sku)
    await shop.move(checkout, ReservationState.RELEASED)
    with pytest.raises(RowMissing, match="holds no stock"):
        await shop.place(checkout)
    assert shop.rows("SELECT state FROM payments") == [("pending",)]
    assert (await shop.buy(shop.new_sku())).order_number == "1002"


@pytest.mark.parametrize(
    ("parcels", "order"),
    [
        (["pending", "pending"], OrderState.PLACED),
        (["handed_over", "pending"], OrderState.SHIPPED),
        (["delivered", "handed_over"], OrderState.SHIPPED),
        (["delivered", "lost"], OrderState.SHIPPED),
        (["delivered", "delivered"], OrderState.DELIVERED),
        (["delivered", "cancelled"], OrderState.DELIVERED),
        (["cancelled", "pending"], OrderState.PLACED),
        (["cancelled", "cancelled"], OrderState.PLACED),
    ],
)
async def test_an_order_is_where_its_parcels_are(shop: Shop, parcels: list[str], order: OrderState) -> None:
    number = (await shop.buy(shop.new_sku())).order_number
    shop.run("DELETE FROM shipment_lines", "DELETE FROM shipments")
    for place, state in enumerate(parcels):
        shop.run(_PARCEL.replace("handed_over", ShipmentState(state)), id=f"shp_{place}", n=number)
    async with shop.transaction() as session:
        row = await orders.get(session, number)
        await orders.follow_parcels(session, row)
    assert shop.rows("SELECT state FROM orders") == [(order,)]


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ("UPDATE orders SET total_minor = 0", "orders_total"),
        ("UPDATE orders SET needs_attention = true", "orders_attention_has_reason"),
        ("UPDATE order_lines SET quantity = 0", "order_lines_quantity"),
        ("UPDATE order_lines SET tax_minor = tax_minor + 1", "order_lines_adds_up"),
        ("UPDATE checkouts SET order_number = NULL", "checkouts_completed_has_order"),
    ],
)
async def test_an_order_that_does_not_add_up_cannot_be_written(shop: Shop, change: str, limit: str) -> None:
    await shop.buy(shop.new_sku())
    assert shop.refusal(change) == f"23514/ck_{limit}"


async def test_an_unknown_order_is_missing(shop: Shop) -> None:
    async with shop.transaction() as session:
        assert await orders.find(session, "1001") is None
        with pytest.raises(RowMissing, match="no order 1001"):
            await orders.get(session, "1001")
        assert await session.scalar(sa.text("SELECT 1")) == 1
