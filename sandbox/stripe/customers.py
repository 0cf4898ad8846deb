"""Customers, as far as an intent or a saved card refers to one (docs.stripe.com/api/customers)."""

from typing import Any

from sandbox.stripe import payment_methods
from sandbox.stripe.call import Call
from sandbox.stripe.errors import Obj
from sandbox.stripe.lists import LIST, page, search
from sandbox.stripe.params import anything, email, merge_metadata, metadata, parse, text

FIELDS = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping")
TABLE: dict[str, Any] = {
    "address": anything, "description": text, "email": email, "metadata": metadata, "name": text,
    "phone": text,
    "preferred_locales": anything, "shipping": anything, "tax_exempt": text, "invoice_settings": anything,
}  # fmt: skip


def create(call: Call) -> Obj:
    """`POST /v1/customers`, with a first card if wished."""
    given = parse(call.params, TABLE | {"payment_method": text})
    key = call.account.new_id("cus_")
    customer: Obj = {
        "id": key, "object": "customer", "balance": 0, "created": call.account.now(), "currency": None,
        "default_source": None, "delinquent": False, "discount": None, "invoice_prefix": key[-8:].upper(),
        "livemode": False, "next_invoice_sequence": 1, "tax_exempt": given.get("tax_exempt") or "none",
        "test_clock": None, "metadata": merge_metadata({}, given.get("metadata")),
        **{name: given.get(name) for name in FIELDS},
    }  # fmt: skip
    if given.get("payment_method"):
        payment_methods.attach_to(call, given["payment_method"], key)
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
    """`GET /v1/customers/{id}`; of a deleted one, that it is."""
    parse(call.params, {})
    gone = call.account.all("deleted_customer").get(call.key)
    return gone or call.account.find("customer", call.key)


def delete(call: Call) -> Obj:
    """`DELETE /v1/customers/{id}`, with the saved cards; intents and charges keep the id."""
    parse(call.params, {})
    customer = call.account.find("customer", call.key)
    payment_methods.let_all_go(call.account, call.key)
    call.account.drop("customer", call.key)
    call.emit("customer.deleted", customer)
    gone: Obj = {"id": call.key, "object": "customer", "deleted": True}
    return call.account.keep("deleted_customer", call.key, gone)


def listing(call: Call) -> Obj:
    """`GET /v1/customers`, by e-mail or time."""
    filters = parse(call.params, {**LIST, "email": text})
    return page(call.account, "customer", "/v1/customers", filters, ("email",))


def searching(call: Call) -> Obj:
    """`GET /v1/customers/search`."""
    given = parse(call.params, {"query": text, "limit": LIST["limit"], "page": text}, required=("query",))
    query, limit = given["query"] or "", given.get("limit", 10)
    return search(call.account, "customer", "/v1/customers/search", query, limit, given.get("page"))
