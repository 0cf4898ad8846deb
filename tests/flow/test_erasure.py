"""A customer's personal data is erased on request, and money, stock and orders stay as they were."""

import uuid
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from domain.ids import customer_id, erasure_workflow
from tests.flow.access_kit import bearer, new_key
from tests.flow.kit import ADDRESS, KEY, TENANT, Shop, until

MONEY = (
    "SELECT (SELECT coalesce(sum(amount_minor), 0) FROM payments), (SELECT count(*) FROM ledger_entries),"
    " (SELECT coalesce(sum(total_minor), 0) FROM orders), (SELECT count(*) FROM stock_movements),"
    " (SELECT sum(on_hand) FROM stock_levels), (SELECT count(*) FROM order_lines)"
)


def columns_with(shop: Shop, text: str) -> list[str]:
    """Every table of the database that has the text in some row of the tenant, in whatever column."""
    found = []
    for (table,) in shop.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"):
        bytes_of = shop.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = :t AND data_type = 'bytea'", t=table
        )
        looks = [f"position(lower(:x) IN lower(CAST({table} AS text))) > 0"]
        looks += [f"position(convert_to(:x, 'UTF8') IN {table}.{column}) > 0" for (column,) in bytes_of]
        try:
            ((count,),) = shop.sql(f"SELECT count(*) FROM {table} WHERE {' OR '.join(looks)}", x=text)
        except sa.exc.ProgrammingError:  # not the application's to read
            continue
        found += [table] * (count > 0)
    return found


async def erase(shop: Shop, customer: str) -> Any:
    return await shop.http.post(f"/v1/customers/{customer}/erasure", headers=bearer(KEY))


async def test_nothing_of_a_customer_is_left_but_money_stock_and_country(shop: Shop) -> None:
    mark = uuid.uuid4().hex
    email = f"{mark}@example.com"
    where = ADDRESS | {"name": f"Ada {mark}", "line1": f"7 Rue {mark}", "city": f"Ville {mark}"}
    buy: dict[str, Any] = {"customer": {"email": email, "name": f"Ada {mark}"}, "shipping_address": where}
    who, sku = customer_id(TENANT, email), shop.new_sku()
    order = await shop.bought(sku, payment=SAVING, **buy)
    assert (await shop.buy(shop.new_sku(), card="pm_card_chargeDeclined", **buy)).status_code == 402
    assert {"checkouts", "orders"} <= set(columns_with(shop, mark))
    ((provider,),) = shop.sql("SELECT provider_id FROM provider_customers WHERE customer_id = :c", c=who)

    waits = await erase(shop, who)
    assert (waits.status_code, waits.json()["state"]) == (202, "waiting")
    assert {"kind": "order", "id": order["number"]} in waits.json()["unfinished"]
    assert "checkouts" in columns_with(shop, mark)
    assert (await shop.cancel_order(order["number"])).status_code == 200
    await shop.order_in(order["number"], "cancelled")
    before = shop.sql(MONEY)

    flow = shop.temporal.get_workflow_handle(erasure_workflow(TENANT, who))
    await shop.skip_time(flow, timedelta(days=2))
    assert (await shop.ended(flow))["state"] == "erased"
    assert columns_with(shop, mark) == []
    assert shop.sql(MONEY) == before
    kept = "SELECT DISTINCT address ->> 'country', customer ->> 'customer_id' FROM checkouts WHERE customer_id = :c"
    assert shop.sql(kept, c=who) == [("FR", who)]
    assert shop.sql("SELECT 1 FROM provider_customers WHERE customer_id = :c", c=who) == []
    gone = await shop.http.get(
        f"{shop.links.stripe}/v1/customers/{provider}", headers={"Authorization": f"Bearer {shop.links.stripe_api_key}"}
    )
    assert gone.json()["deleted"] is True
    assert (await shop.order(order["number"]))["state"] == "cancelled"

    again = await erase(shop, who)
    assert (again.status_code, again.json()) == (
        200, {"customer_id": who, "state": "erased", "unfinished": []},
    )  # fmt: skip


SAVING = {"mode": "server", "payment_method": "pm_card_visa", "save_card": True}


async def test_it_is_audited_and_a_stranger_is_erased_at_once(shop: Shop) -> None:
    who, request = f"cus_{uuid.uuid4().hex}", uuid.uuid4().hex
    answer = await shop.http.post(f"/v1/customers/{who}/erasure", headers=bearer(KEY) | {"X-Request-Id": request})
    assert (answer.status_code, answer.json()["state"]) == (200, "erased")
    seen = shop.sql("SELECT target, status FROM audit_log WHERE request_id = :r", r=request)
    assert seen == [(f"/v1/customers/{who}/erasure", 200)]


async def test_it_waits_for_stripe_and_says_when_it_takes_long(shop: Shop) -> None:
    mark = uuid.uuid4().hex
    who = f"cus_{mark}"
    buy: dict[str, Any] = {"customer": {"id": who, "email": f"{mark}@example.com", "name": "Ada"}}
    order = await shop.bought(shop.new_sku(), payment=SAVING, **buy)
    assert (await shop.cancel_order(order["number"])).status_code == 200
    await shop.order_in(order["number"], "cancelled")
    await shop.stripe("faults", operation="customers.delete", when="after", status=None, times=1)

    async def erased() -> Any:
        return (await erase(shop, who)).json()

    await until(erased, lambda answer: answer["state"] == "erased", within=30)
    assert columns_with(shop, f"{mark}@example.com") == []


async def test_a_key_of_another_kind_erases_nobody(shop: Shop) -> None:
    key = new_key(shop, "orders:act", "memberships:write")
    answer = await shop.http.post("/v1/customers/cus_ada/erasure", headers=bearer(key))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    odd = await shop.http.post("/v1/customers/a%20b/erasure", headers=bearer(KEY))
    assert (odd.status_code, odd.json()["code"]) == (422, "invalid_request")
