"""A customer's data is handed out on request: all of theirs, nothing of anybody else's, and no secret."""

import json
import uuid
from typing import Any

import httpx

from domain.ids import customer_id
from tests.flow.access_kit import all_but, bearer, new_key, new_tenant
from tests.flow.kit import ADDRESS, TENANT, Shop
from tests.flow.members_kit import Club
from tests.flow.returns_kit import Returns
from tests.flow.test_erasure import SAVING, columns_with

COPIES = {"kept_answers"}
"""Answers of the last day, which are made of what is told."""


async def export(shop: Shop, customer: str, **headers: str) -> httpx.Response:
    return await shop.http.get(f"/v1/customers/{customer}/export", headers=headers)


async def records(shop: Shop, customer: str) -> dict[str, list[dict[str, Any]]]:
    answer = await export(shop, customer)
    assert answer.status_code == 200, answer.text
    assert answer.json()["customer_id"] == customer
    held: dict[str, list[dict[str, Any]]] = answer.json()["records"]
    return held


async def test_all_of_a_customer_is_told_and_nothing_of_another(shop: Shop) -> None:
    mark, other = uuid.uuid4().hex, uuid.uuid4().hex
    email = f"{mark}@example.com"
    where = ADDRESS | {"name": f"Ada {mark}", "line1": f"7 Rue {mark}", "city": f"Ville {mark}"}
    buy: dict[str, Any] = {"customer": {"email": email, "name": f"Ada {mark}"}, "shipping_address": where}
    sku = shop.new_sku()
    order = await Returns(shop).delivered(sku, payment=SAVING, **buy)
    back = (await Returns(shop).ask(order, sku)).json()
    assert (await shop.buy(shop.new_sku(), card="pm_card_chargeDeclined", **buy)).status_code == 402
    open_one = await shop.waiting(shop.new_sku(), **buy)
    theirs = await shop.bought(shop.new_sku(), customer={"email": f"{other}@example.com", "name": f"Ada {mark[:8]}"})

    held = await records(shop, customer_id(TENANT, email))
    told = {table for table, rows in held.items() if mark in json.dumps(rows)}
    assert set(columns_with(shop, mark)) - COPIES <= told
    (row,) = held["orders"]
    assert (row["order_number"], row["address"]["line1"]) == (order["number"], f"7 Rue {mark}")
    assert len(held["checkouts"]) == 3
    for table in ("order_lines", "shipments", "shipment_lines", "tracking_events", "payments", "payment_operations",
                  "returns", "return_lines", "return_steps", "mails", "events", "reservations", "inbox"):  # fmt: skip
        assert held[table], table
    assert [one["return_id"] for one in held["returns"]] == [back["id"]]
    everything = json.dumps(held)
    for foreign in (theirs["checkout_id"], other):
        assert foreign not in everything
    secrets = shop.sql("SELECT client_secret FROM payments WHERE client_secret IS NOT NULL")
    assert secrets
    assert [secret for (secret,) in secrets if secret in everything] == []
    assert open_one["secret"] not in everything
    assert '"actor"' not in everything


async def test_a_member_who_bought_nothing_has_data_too(shop: Shop) -> None:
    who = f"cus_{uuid.uuid4().hex[:12]}"
    number = (await (await Club(shop).open()).joined(customer=who))["id"]
    held = await records(shop, who)
    assert [one["membership_id"] for one in held["memberships"]] == [number]
    assert held["membership_periods"]
    assert held["payments"]
    assert held["checkouts"] == held["orders"] == []


async def test_it_is_in_the_audit_log_and_who_is_unknown_as_well(shop: Shop) -> None:
    email, unknown = f"{uuid.uuid4().hex}@example.com", f"cus_{uuid.uuid4().hex}"
    await shop.bought(shop.new_sku(), labelled=False, customer={"email": email, "name": "Ada"})
    for who, status, code in ((customer_id(TENANT, email), 200, None), (unknown, 404, "not_found")):
        request = uuid.uuid4().hex
        answer = await export(shop, who, **{"X-Request-Id": request})
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        seen = shop.sql("SELECT action, target, status, code FROM audit_log WHERE request_id = :r", r=request)
        assert seen == [("GET /v1/customers/{customer_id}/export", f"/v1/customers/{who}/export", status, code)]


async def test_another_tenant_and_a_key_of_another_kind_learn_nothing(shop: Shop) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    await shop.bought(shop.new_sku(), labelled=False, customer={"email": email, "name": "Ada"})
    who = customer_id(TENANT, email)
    for key, refused in (
        (new_key(shop, "*", tenant=new_tenant(shop)), (404, "not_found")),
        (new_key(shop, *all_but("customers:export")), (403, "insufficient_scope")),
    ):
        answer = await export(shop, who, **bearer(key))
        assert (answer.status_code, answer.json()["code"]) == refused
    odd = await export(shop, "a%20b")
    assert (odd.status_code, odd.json()["code"]) == (422, "invalid_request")


async def test_of_who_was_erased_what_is_left_is_told(shop: Shop) -> None:
    mark = uuid.uuid4().hex
    who = {"email": f"{mark}@example.com", "name": f"Ada {mark}"}
    answer = await shop.buy(shop.new_sku(), card="pm_card_chargeDeclined", customer=who)
    assert answer.status_code == 402
    number = customer_id(TENANT, f"{mark}@example.com")
    assert mark in json.dumps(await records(shop, number))
    assert (await shop.http.post(f"/v1/customers/{number}/erasure")).status_code == 200
    held = await records(shop, number)
    assert len(held["checkouts"]) == 1
    assert mark not in json.dumps(held)
