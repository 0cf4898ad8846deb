"""Checkouts are opened at the door, before their workflow: together, once a key, and never given up in the middle."""

import asyncio
import uuid

import sqlalchemy as sa

from domain.ids import checkout_id
from tests.flow.kit import TENANT, Shop, until
from tests.flow.test_sweeper import overdue, sweep


async def test_a_repeat_is_not_told_sold_out_while_the_first_request_takes_the_last_one(shop: Shop) -> None:
    sku, key = shop.new_sku(1), uuid.uuid4().hex
    engine = sa.create_engine(shop.links.database_url, poolclass=sa.NullPool)

    async def waiting() -> list[object]:
        return list(
            shop.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()")
        )

    with engine.connect() as holder:
        holder.execute(sa.text("SELECT set_config('milepost.tenant', :t, true)"), {"t": TENANT})
        holder.execute(sa.text("SELECT 1 FROM stock_levels WHERE sku = :s FOR UPDATE"), {"s": sku})
        first = asyncio.create_task(shop.buy(sku, key=key))
        await until(waiting)
        repeats = [asyncio.create_task(shop.buy(sku, key=key)) for _ in range(3)]
        other = asyncio.create_task(shop.buy(sku))
        await until(waiting, lambda seen: len(seen) > 1)
    answers = [one.json() for one in await asyncio.gather(first, *repeats)]
    assert {answer.get("order_number") for answer in answers} == {answers[0]["order_number"]}, answers
    assert (await other).json()["code"] == "out_of_stock"
    assert shop.stock(sku) == (1, 1)
    engine.dispose()


async def test_the_same_key_with_another_cart_in_the_same_moment(shop: Shop) -> None:
    sku, key = shop.new_sku(5), uuid.uuid4().hex
    answers = await asyncio.gather(shop.buy(sku, key=key), *(shop.buy(sku, key=key, quantity=2) for _ in range(2)))
    codes = sorted(one.status_code for one in answers)
    assert codes in ([201, 422, 422], [201, 201, 422])
    assert {one.json()["code"] for one in answers if one.status_code == 422} == {"idempotency_key_reused"}
    assert shop.stock(sku)[1] in (1, 2)


async def test_a_reservation_does_not_lapse_in_the_middle_of_an_authorization(shop: Shop) -> None:
    sku, key = shop.new_sku(1), uuid.uuid4().hex
    number = checkout_id(TENANT, key)
    await shop.stripe("faults", operation="payment_intents.create", when="before", status=200, delay_seconds=2)
    buying = asyncio.create_task(shop.buy(sku, key=key))

    async def struck() -> int:
        answer = await shop.http.get(f"{shop.links.stripe}/_control/faults")
        return sum(fault["struck"] for fault in answer.json()["faults"])

    await until(struck)
    overdue(shop, number, 60)
    assert await sweep(shop) == 0
    assert (await shop.buy(sku)).json()["code"] == "out_of_stock"
    bought = await buying
    assert bought.status_code == 201, bought.text
    assert shop.stock(sku) == (1, 1)


async def test_a_crowd_of_carts_leaves_what_it_should(shop: Shop) -> None:
    one, two = shop.new_sku(6), shop.new_sku(6)
    both = [{"sku": one, "quantity": 1}, {"sku": two, "quantity": 1}]
    wrong = shop.buy(one, lines=[{"sku": "UNHEARD-OF", "quantity": 1}])
    crowd = [shop.buy(one), shop.buy(two), shop.buy(one, lines=both), shop.buy(one, lines=both[::-1])]
    answers = await asyncio.gather(wrong, *crowd, *(shop.buy(one, lines=both) for _ in range(6)))
    assert answers[0].json()["code"] == "unknown_sku"
    sold = [answer for answer in answers if answer.status_code == 201]
    assert len(sold) == len(answers) - 1 - sum(answer.status_code == 409 for answer in answers)
    held = shop.sql("SELECT coalesce(sum(quantity), 0) FROM reservations WHERE sku IN (:a, :b)", a=one, b=two)
    assert held == [(shop.stock(one)[1] + shop.stock(two)[1],)]
    assert 6 in (shop.stock(one)[1], shop.stock(two)[1])
