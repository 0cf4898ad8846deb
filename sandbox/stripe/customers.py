"""Customers, as far as an intent refers to one (docs.stripe.com/api/customers)."""

from typing import Any

from sandbox.stripe.call import Call
from sandbox.stripe.errors import Obj
from sandbox.stripe.lists import LIST, page
from sandbox.stripe.params import anything, email, merge_metadata, metadata, parse, text

FIELDS = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping")
TABLE: dict[str, Any] = {
    "address": anything, "description": text, "email": email, "metadata": metadata, "name": text,
    "phone": text,
    "preferred_locales": anything, "shipping": anything, "tax_exempt": text, "invoice_settings": anything,
}  # fmt: skip


def create(call: Call) -> Obj:
    """`POST /v1/customers`."""
    given = parse(call.params, TABLE)
    key = call.account.new_id("cus_")
    customer: Obj = {
        "id": key, "object": "customer", "balance": 0, "created": call.account.now(), "currency": None,
        "default_source": None, "delinquent": False, "discount": None, "invoice_prefix": key[-8:].upper(),
        "livemode": False, "next_invoice_sequence": 1, "tax_exempt": given.get("tax_exempt") or "none",
        "test_clock": None, "metadata": merge_metadata({}, given.get("metadata")),
        **{name: given.get(name) for name in FIELDS},
    }  # fmt: skip
    call.account.keep("customer", key, customer)
    call.emit("customer.created", customer)
    return customer


def update(call: Call) -> Obj:
    """`POST /v1/customers/{id}`."""
    given = parse(call.params, TABLE)
    customer = call.account.find("customer", call.key)
    notes = merge_metadata(customer["metadata"], given.pop("metadata", None))
    customer.update(given | {"metadata": notes})
    call.account.keep("customer", call.key, customer)
    call.emit("customer.updated", customer)
    return customer


def retrieve(call: Call) -> Obj:
    """`GET /v1/customers/{id}`."""
    parse(call.params, {})
    return call.account.find("customer", call.key)


def listing(call: Call) -> Obj:
    """`GET /v1/customers`, by e-mail or time."""
    filters = parse(call.params, {**LIST, "email": text})
    return page(call.account, "customer", "/v1/customers", filters, ("email",))
