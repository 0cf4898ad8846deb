"""A limited drop: forty buyers at once for ten units. Ten get one each, thirty are told, nobody else is charged."""

import asyncio
import uuid
from collections import Counter

from domain.ids import checkout_id
from tests.flow.kit import PRICE, SHIPPING, TENANT, Shop

UNITS, BUYERS = 10, 40


async def test_ten_units_and_forty_buyers(shop: Shop) -> None:
    sku = shop.new_sku(UNITS)
    keys = [uuid.uuid4().hex for _ in range(BUYERS)]
    answers = await asyncio.gather(*(shop.buy(sku, key=key) for key in keys))

    assert Counter(answer.status_code for answer in answers) == {201: UNITS, 409: BUYERS - UNITS}
    sold = {answer.json()["order_number"]: answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"out_of_stock"}
    assert len(sold) == len(set(sold.values())) == UNITS
    assert shop.stock(sku) == (UNITS, UNITS)
    orders = shop.sql(
        "SELECT o.order_number, o.checkout_id FROM orders o JOIN order_lines l"
        " USING (tenant_id, order_number) WHERE l.sku = :sku",
        sku=sku,
    )
    assert dict(orders) == sold

    everybody = {checkout_id(TENANT, key) for key in keys}
    intents = (await shop.stripe("state"))["payment_intents"]
    theirs = [intent for intent in intents if intent["metadata"].get("checkout_id") in everybody]
    assert Counter(intent["metadata"]["checkout_id"] for intent in theirs) == dict.fromkeys(sold.values(), 1)
    assert {(intent["status"], intent["amount_capturable"]) for intent in theirs} == {
        ("requires_capture", PRICE + SHIPPING)
    }

    again = await asyncio.gather(*(shop.buy(sku, key=key) for key in keys))
    assert [answer.status_code for answer in again] == [answer.status_code for answer in answers]
    assert shop.stock(sku) == (UNITS, UNITS)
